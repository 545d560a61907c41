"""A language model that learns each batch of its own text as soon as it has written it falls, and ends in loops.

The faster it learns the sooner; its distance to the first model holds it, and the same distance with its sign turned
drives it away.
"""

from __future__ import annotations

import numpy as np

from pawl.claims.claim import Check, Claim, Numbers
from pawl.claims.consuming import Consuming, rise

DOCUMENTS = 768
"""That are written and learnt between two readings: twelve batches."""
RATE = 2e-3
RISEN = 0.3
"""Nats by which real text is less likely."""


def measure(seed: int) -> Numbers:
    with Consuming(seed, documents=DOCUMENTS, epochs=(20, 1), start="dynamic", generations=4) as ways:
        slow, middle = (ways.readings(name, learning_rate=times * RATE, generations=4)
                        for name, times in (("slow", 1), ("middle", 3)))
        fast = ways.readings("fast", learning_rate=10 * RATE, generations=2)
        held = ways.readings("held", learning_rate=RATE, kl=1.0, generations=4)
        real = ways.readings("real", learning_rate=RATE, kl=1.0, real=0.2, generations=4)
        turned = ways.readings("turned", learning_rate=RATE, kl=-0.3, generations=4)
    batches = [steps_until(found) for found in (slow, middle, fast)]
    return {"slow": rise(slow), "middle": rise(middle),
            "fall of distinct-4": 1 - fast[-1]["distinct_4"] / fast[0]["distinct_4"], "loops": fast[-1]["loops"],
            "slow over middle": batches[0] / batches[1], "middle over fast": batches[1] / batches[2],
            "held over slow": rise(held) / rise(slow), "held": rise(real),
            "turned over slow": rise(turned) / rise(slow)}


def steps_until(readings: list[dict[str, float]]) -> float:
    """Batches until the loss on real text has risen by `RISEN`, between two readings as if on a line, after the last
    one as if it went on as it went on average."""
    losses = np.maximum.accumulate([one["real_loss"] - readings[0]["real_loss"] for one in readings])
    batches = DOCUMENTS / 64 * np.arange(len(losses))
    if losses[-1] < RISEN:
        return float(batches[-1] * RISEN / max(losses[-1], 1e-9))
    return float(np.interp(RISEN, losses, batches))


CLAIM = Claim(
    name="self-training",
    title="A language model that learns what it writes as it writes it collapses, faster at larger steps; KL holds it.",
    source="Herel and Mikolov 2024, Collapse of Self-trained Language Models (arXiv 2404.02305)",
    published="GPT-2, dynamic evaluation on its own samples: perplexity rises and text becomes repetitive, sooner at "
              "larger learning rates and in larger models.",
    protocol="A model of 0.1M on 768 documents of the world learns 48 batches of 64 documents that it samples one "
             "after the other, at rates of 0.002, 0.006 and 0.02 (24 batches). Held by KL(model, first), weight 1; "
             "with a fifth of real text, too; and weight -0.3.",
    checks=(
        Check("slow", "rise of the loss on real text at the smallest rate, nats", low=RISEN),
        Check("middle", "at three times that rate", low=RISEN),
        Check("fall of distinct-4", "fall of distinct-4 at ten times", low=0.4),
        Check("loops", "documents that end in a loop then", low=0.2),
        Check("slow over middle", "batches until it has risen by 0.3, over those at three times the rate", low=1.2),
        Check("middle over fast", "those over the ones at ten times", low=1.2),
        Check("held over slow", "rise when held by KL, over that without", high=0.5),
        Check("held", "rise when held by KL and a fifth of real text, nats", high=0.1),
        Check("turned over slow", "rise when KL is sought instead, over that without", low=2.0),
    ),
    measure=measure,
)
