"""What a candidate learns in a generation of expert iteration: the policy from right attempts, the value from all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np

from pawl.interfaces import Policy, Trainable
from pawl.judges.prefixes import step_prefixes
from pawl.keys import permutation
from pawl.learning.objective import VALUE_NETWORK, VALUE_ONLY, Objective
from pawl.learning.train import planned, train
from pawl.measure import Metrics
from pawl.play import Watch
from pawl.play_rollouts import end_label
from pawl.recipes.settings import Settings, held
from pawl.records import Attempt, StepLabel, TokenExample, Verdict
from pawl.selection.anchor import plan_batches
from pawl.selection.examples import step_examples, value_examples

VALUE_LESSONS = 8192
"""Attempts, at most, that the value head of a generation learns from: one layer needs no more."""
VALUE_RATE = 1e-2
"""Step size of the value head, one layer that learns by itself."""


def learn_policy(candidate: Trainable, base: Trainable, own: Sequence[TokenExample], real: Sequence[TokenExample],
                 settings: Settings, key: int, watch: Watch) -> Metrics:
    """Weighted likelihood of the examples, each seen `epochs` times, held by both anchors: the distance to the base and
    a floor of real text. Returns the losses and what was learnt from, by source."""
    floor = settings.real_floor if real else 0.0
    plan = plan_batches([len(example.tokens) for example in own], [len(example.tokens) for example in real],
                        batch=settings.batch, floor=floor, epochs=settings.epochs, key=key)
    training = train(candidate, planned([*own, *real], (np.concatenate((batch.own, batch.real + len(own)))
                                                         for batch in plan)),
                     learning_rate=settings.step_size, objective=held(settings.kl), reference=base,
                     watch=watch)
    shown = [real[i] for batch in plan for i in batch.real]
    metrics = training.losses | {"tokens_trained": training.tokens, "steps": training.steps,
                                 "examples_real": len(shown), "tokens_real": _tokens(shown)}
    for source in sorted({example.source for example in own}):
        mine = [example for example in own if example.source == source]
        metrics |= {f"examples_{source}": settings.epochs * len(mine),
                    f"tokens_{source}": settings.epochs * _tokens(mine)}
    return metrics


def learn_value(candidate: Trainable, attempts: Sequence[Attempt], verdicts: Sequence[Verdict], settings: Settings,
                key: int) -> Metrics:
    """The value head's pass over the generation's attempts, right and wrong; the policy stays as it is."""
    drawn = permutation(key, len(attempts))[:VALUE_LESSONS]
    lessons = value_examples([attempts[i] for i in drawn], [verdicts[i] for i in drawn])
    return _learn_values(candidate, lessons, VALUE_ONLY, rate=VALUE_RATE, epochs=1, settings=settings, key=key)


def learn_value_network(critic: Trainable, lessons: Sequence[TokenExample], *, epochs: int, settings: Settings,
                        key: int) -> Metrics:
    """A value network's passes over prefixes and what they are worth, with all of its layers."""
    return _learn_values(critic, lessons, VALUE_NETWORK, rate=settings.step_size, epochs=epochs, settings=settings,
                         key=key)


def learn_process_values(critic: Trainable, labels: Iterable[StepLabel], *, kind: Literal["hard", "soft"], epochs: int,
                         settings: Settings, key: int) -> Metrics:
    """A process reward model's passes over labelled steps, with all of its layers."""
    return learn_value_network(critic, step_examples(labels, kind=kind), epochs=epochs, settings=settings, key=key)


def _learn_values(model: Trainable, lessons: Sequence[TokenExample], objective: Objective, *, rate: float, epochs: int,
                  settings: Settings, key: int) -> Metrics:
    plan = plan_batches([len(lesson.tokens) for lesson in lessons], [], batch=2 * settings.batch, floor=0.0,
                        epochs=epochs, key=key)
    if not plan:
        return {}
    return train(model, planned(lessons, (batch.own for batch in plan)), learning_rate=rate, objective=objective).losses


def end_paths(policy: Policy, attempts: Sequence[Attempt], verdicts: Sequence[Verdict]) -> list[list[StepLabel]]:
    """Attempts as paths of which only the end is known: right, wrong, or not judged."""
    return [[end_label(attempt, verdict, prefix) for prefix in prefixes[-1:]]
            for attempt, verdict, prefixes in zip(attempts, verdicts, step_prefixes(policy, attempts), strict=True)]


def _tokens(examples: Sequence[TokenExample]) -> int:
    return sum(len(example.tokens) for example in examples)
