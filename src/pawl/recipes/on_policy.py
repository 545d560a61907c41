"""A policy learns from its own play as it changes: rounds of attempts, judged, learnt by any of the algorithms.

The training loop asks for a batch when its step comes, and to make one is to play. Not covered: play of one round while
another is learnt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pawl.errors import ConfigError, UnknownNameError
from pawl.interfaces import Trainable
from pawl.keys import stream
from pawl.learning.objective import Distance, Objective
from pawl.learning.optimiser import Optimiser
from pawl.learning.train import Training, train
from pawl.recipes import algorithms
from pawl.recipes.algorithms import ALGORITHMS, Algorithm, Round
from pawl.recipes.settings import Kl
from pawl.records import TokenExample
from pawl.selection.anchor import plan_batches, real_beside

WARMUP = 5
"""Steps in which the rate rises, an eighth of all at most. AdamW takes them: Muon makes the step in every direction as
large, and of a policy gradient most directions are noise."""


class Dials(algorithms.Dials, Protocol):
    """What a recipe's settings say of a course."""

    @property
    def algorithm(self) -> str: ...

    @property
    def rounds(self) -> int: ...

    @property
    def epochs(self) -> int: ...

    @property
    def steps(self) -> int: ...

    @property
    def kl(self) -> Kl | None: ...

    @property
    def temperature(self) -> float: ...

    @property
    def step_size(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Course:
    """A policy's course of rounds."""

    algorithm: Algorithm
    dials: Dials
    play: Callable[[int], Round]
    """The round of a number, played by the policy as it is then."""
    real: Sequence[TokenExample] = ()
    floor: float = 0.0
    """Least share of real examples in every batch."""

    def learn(self, candidate: Trainable, base: Trainable, *, key: int, watch: Callable[[int, int], None]) -> Training:
        """Train the candidate in place, held by its distance from the base where the algorithm has none of its own; of
        distillation, the base is the teacher. Raises TrainingError."""
        steps = self.dials.rounds * self.dials.epochs * self.dials.steps
        optimiser = Optimiser(candidate.named_parameters(), learning_rate=self.dials.step_size, steps=steps,
                              warmup=max(1, min(WARMUP, steps // 8)), muon=False, decays=False)
        return train(candidate, self.batches(key), steps=steps, learning_rate=self.dials.step_size,
                     objective=objective(self.algorithm, self.dials), reference=base, optimiser=optimiser, watch=watch)

    def batches(self, key: int) -> Iterator[list[TokenExample]]:
        """What each step learns; the policy plays when a round begins."""
        together, floor = self.algorithm.objective(self.dials).together, self.floor if self.real else 0.0
        for number in range(self.dials.rounds):
            own = self.algorithm.lessons(self.play(number), self.dials)
            if not own:
                continue
            units = [own[start : start + together] for start in range(0, len(own), together)]
            size = math.ceil(len(units) / self.dials.steps)
            # Not sorted among batches: advantages are about 0 on average over any of them.
            plan = plan_batches([sum(len(one.tokens) for one in unit) for unit in units],
                                [len(one.tokens) for one in self.real], batch=size + real_beside(size, floor),
                                floor=floor, epochs=self.dials.epochs, key=stream(key, number), stretch=1)
            for batch in plan:
                yield [*(one for i in batch.own for one in units[i]), *(self.real[i] for i in batch.real)]


def objective(algorithm: Algorithm, dials: Dials) -> Objective:
    """The algorithm's; one that is not relative to a reference is held by its distance from the base."""
    if algorithm.relative:
        return algorithm.objective(dials)
    distance: Distance = dials.kl[0] if isinstance(dials.kl, tuple) else "reverse"
    return replace(algorithm.objective(dials), kl=dials.beta, distance=distance)


def check_dials(dials: Dials) -> None:
    """Raises UnknownNameError for an unknown algorithm, ConfigError for dials that do not go together."""
    if dials.algorithm not in ALGORITHMS:
        raise UnknownNameError("algorithm", dials.algorithm, ALGORITHMS)
    if ALGORITHMS[dials.algorithm].relative and dials.beta <= 0:
        raise ConfigError(f"kl must be above 0 for {dials.algorithm}, got {dials.beta:g}", hint="0.1 is common")
    if ALGORITHMS[dials.algorithm].relative and isinstance(dials.kl, tuple):
        raise ConfigError(f"kl must be a number for {dials.algorithm}, whose distance is its own, got {dials.kl[0]}")
    if ALGORITHMS[dials.algorithm].gradient and dials.temperature != 1:
        raise ConfigError(f"temperature must be 1 for {dials.algorithm}, got {dials.temperature:g}",
                          hint="a policy gradient is of what the policy itself would say")
    if ALGORITHMS[dials.algorithm].last and dials.rounds != 1:
        raise ConfigError(f"rounds must be 1 for {dials.algorithm}, got {dials.rounds}",
                          hint="what it is compared with is the champion, which must be who answers")


def beta_of(algorithm: str, kl: Kl | None, *, held: float) -> float:
    """The weight of the distance to the base: what is told, or 0.1 for an algorithm that is relative to it and `held`
    for others."""
    if kl is None:
        return 0.1 if ALGORITHMS[algorithm].relative else held
    return kl[1] if isinstance(kl, tuple) else kl
