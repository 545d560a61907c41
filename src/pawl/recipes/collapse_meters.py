"""What is measured of a model that learns from models: on real text, and of what it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pawl.interfaces import Known, Policy
from pawl.meters.collapse import Written, collapse, surprise
from pawl.meters.diversity import mean_entropy
from pawl.recipes.written import Document
from pawl.report_text import count, listed, moved

BUDGET = 8000
"""Tokens over which diversity is measured, the same in every generation."""
MEASURED = 500
"""Documents whose likelihood is asked for."""
PRINTED = 3
"""Documents of each generation that the report reads out."""


def loss(policy: Policy, documents: Sequence[Document]) -> list[np.ndarray]:
    """Log-probabilities of documents, their end included, under a policy; the words that they were given are not
    counted."""
    return policy.logprobs([each.tokens[:each.begin] for each in documents],
                           [each.tokens[each.begin:] for each in documents])


def measured(policy: Policy, base: Policy, written: Sequence[Document], real: Sequence[Document], known: Known | None,
             key: int) -> dict[str, float]:
    """Every reading of a generation: `real_loss`; of what it wrote `entropy`, `base_loss` under the first policy and
    `world_loss` under who knows, each with the 99th percentile beside it; `true`; and those of `collapse`, with the
    real text as the reference."""
    some = list(written[:MEASURED])
    found = surprise(loss(policy, real), "real_loss") | surprise(loss(base, some), "base_loss")
    found["entropy"] = mean_entropy([each.logprobs for each in some])
    if known is not None:
        # Spread over the tokens of a document, so that it can be read beside the others.
        spread = [np.full(len(each.tokens) - each.begin, known.log_likelihood(each.text) / max(
            1, len(each.tokens) - each.begin), np.float32) for each in some]
        found |= surprise(spread, "world_loss") | {"true": float(np.mean([known.true(each.text) for each in some]))}
    mine, theirs = (Written([each.tokens[1:] for each in documents], [each.text for each in documents])
                    for documents in (written, real))
    found |= collapse(mine, theirs, budget=BUDGET, key=key)
    return found


def outcome(arm: str, found: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """How far a way has come from the first model, from its readings by generation, the first model's first."""
    first, last = found[0], found[-1]
    told: dict[str, Any] = {"arm": arm, "generations": len(found) - 1, "real_loss": last["real_loss"],
                               "rise": last["real_loss"] - first["real_loss"]}
    for name in ("distinct_4", "support", "recall"):
        if name in first and name in last:
            told |= {name: last[name], f"{name}_fall": 1 - last[name] / max(first[name], 1e-9)}
    return told


def in_words(outcomes: Sequence[Mapping[str, Any]]) -> str:
    """What `outcome` says of each way, in a sentence: `The loss on real text moved by +0.97 nats (alone) and +0.04
    (anchored) in 5 generations, variety by -73% and -7%.`"""
    rises = [f"{one['rise']:+.2f}{' nats' if place == 0 else ''} ({one['arm']})" for place, one in enumerate(outcomes)]
    most = max(one["generations"] for one in outcomes)
    said = f"The loss on real text moved by {listed(rises)} in {count(most, 'generation')}"
    changes = [moved(-one["distinct_4_fall"]) for one in outcomes if "distinct_4_fall" in one]
    return f"{said}, variety by {listed(changes)}." if len(changes) == len(outcomes) else f"{said}."
