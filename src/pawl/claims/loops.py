"""Rounds of a loop of a small transformer, for claims about such loops: it tries, some attempts are kept, it learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from pawl.claims.sums import Sums
from pawl.interfaces import Judge, Policy, Task, Trainable
from pawl.judges.truth import truth
from pawl.keys import stream
from pawl.play import play
from pawl.recipes.base_model import make_base, real_data
from pawl.recipes.lessons import learn_policy
from pawl.recipes.settings import Settings
from pawl.records import Attempt, Problem, Sampling, Verdict
from pawl.selection.examples import chosen_examples
from pawl.selection.select import select

SETTINGS = Settings(base_steps=250, tokenizer="char", depth=2, batch=128, max_tokens=14, attempts=4, keep=4, epochs=6,
                    kl=0.0, real_floor=0.0)
"""Of the loops: 0.1M parameters, and nothing that holds them but what is kept."""


class Loop:
    """A base, and what its rounds have in common. No round changes a policy that it is given."""

    def __init__(self, task: Task, settings: Settings) -> None:
        self.task, self.settings = task, settings
        self.gold: Judge = truth(task, workers=0)
        self.base: Trainable = make_base(task, real_data(task, settings), settings, _silent)[0]

    def tried(self, policy: Policy, problems: Sequence[Problem], name: str | int,
              attempts: int | None = None) -> list[Attempt]:
        """So many attempts at each problem, by sampling; `name` is that of the random streams."""
        return play(policy, problems, attempts or self.settings.attempts, sampling=self._sampling(1.0),
                    key=stream(self.settings.seed, "tried", name))

    def learnt(self, start: Trainable, attempts: Sequence[Attempt], verdicts: Sequence[Verdict]) -> Trainable:
        """A policy that goes on from `start` with the attempts that are held right."""
        settings, candidate = self.settings, start.clone()
        chosen = select(attempts, verdicts, keep=settings.keep, limit=len(attempts))
        learn_policy(candidate, start, chosen_examples(attempts, chosen), [], settings, stream(settings.seed, "learnt"),
                     _silent)
        return candidate

    def accuracy(self, policy: Policy, problems: Sequence[Problem]) -> float:
        """Of the likeliest answers."""
        return float(np.mean(scores(self.gold(play(policy, problems, 1, sampling=self._sampling(0.0), key=0)))))

    def _sampling(self, temperature: float) -> Sampling:
        return Sampling(self.settings.max_tokens, temperature)


@lru_cache(maxsize=3)
def of_sums(seed: int) -> Loop:
    """The loop of claims about sums, made once for all that measure one after the other."""
    return Loop(Sums(2), replace(SETTINGS, seed=seed))


def unfiltered(attempts: Sequence[Attempt]) -> list[Verdict]:
    """Holds every attempt right."""
    return [Verdict(1.0, "unfiltered") for _ in attempts]


def scores(verdicts: Sequence[Verdict]) -> np.ndarray:
    """[N] of verdicts none of which abstains."""
    return np.array([verdict.score for verdict in verdicts], np.float64)


def _silent(done: int, total: int) -> None:
    """Claims tell what they came to, not how they get there."""
