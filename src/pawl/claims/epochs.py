"""Four epochs over the same data cost almost nothing beside as much new data; forty cost much.

A language model takes the same steps over documents that are all new, or over a fraction of them again and again.
"""

from __future__ import annotations

import numpy as np

from pawl.claims.claim import Check, Claim, Numbers
from pawl.keys import stream
from pawl.learning.objective import Objective
from pawl.learning.train import planned, train
from pawl.models.opening import fresh_policy
from pawl.recipes.base_model import BASE_RATE
from pawl.recipes.collapse_meters import loss
from pawl.recipes.written import Scribe
from pawl.selection.anchor import plan_batches
from pawl.tasks.world import World

DOCUMENTS, HELD_OUT, BATCH, LONGEST = 24_000, 512, 64, 192
REPEATED = (1, 4, 10, 40)
"""Epochs over the first part of the documents, as many of them as make up the same number in all."""


def measure(seed: int) -> Numbers:
    world = World()
    documents = world.documents(DOCUMENTS, stream(seed, "learnt"))
    unseen = world.documents(HELD_OUT, stream(seed, "unseen"))
    losses = {epochs: learnt(documents[:DOCUMENTS // epochs], unseen, epochs, documents, seed) for epochs in REPEATED}
    return {f"{epochs} epochs": losses[epochs] - losses[1] for epochs in REPEATED[1:]}


def learnt(documents: list[str], held_out: list[str], epochs: int, every: list[str], seed: int) -> float:
    """Loss on unseen documents, nats a token, after so many epochs; the tokenizer is of all documents."""
    policy = fresh_policy(every[:2000], tokenizer="bpe-512", depth=3, context=2 * LONGEST, seed=seed, device="auto",
                          dtype="auto")
    scribe = Scribe(policy)
    lessons = [scribe.example(document, "real") for document in scribe.real(documents, LONGEST)]
    plan = plan_batches([len(lesson.tokens) for lesson in lessons], [], batch=BATCH, floor=0.0, epochs=epochs,
                        key=stream(seed, "batches"))
    train(policy, planned(lessons, (batch.own for batch in plan)), learning_rate=BASE_RATE, objective=Objective())
    return -float(np.concatenate(loss(policy, scribe.real(held_out, LONGEST))).mean())


CLAIM = Claim(
    name="epochs",
    title="Four epochs over the same data cost almost nothing beside as much new data; forty cost much.",
    source="Muennighoff et al. 2023, Scaling Data-Constrained Language Models (arXiv 2305.16264)",
    published="Models of up to 8.7B: up to four epochs the loss is as good as with new data; around forty epochs more "
              "repetition is worth nothing.",
    protocol="A model of 0.4M learns 24,000 documents of the world, or a quarter, a tenth and a fortieth of them in 4, "
             "10 and 40 epochs: the same steps. Loss on 512 others.",
    checks=(
        Check("4 epochs", "loss above that of new data after four epochs, nats a token", high=0.05,
              published="about 0"),
        Check("10 epochs", "after ten", high=0.4),
        Check("40 epochs", "after forty", low=0.2, published="much"),
    ),
    measure=measure,
)
