"""What a policy does without search for a given number of tokens: greedy, best of n, majority, weighted majority.

Every token that a model forwards counts: a prompt once, what is sampled, and what the value reads. A baseline's n is
the largest whose attempts, as they were drawn, forwarded no more tokens a problem than there are to spend; one attempt
at least. Its attempts are chosen from by the same code as those of `pawl.search.best_of_n`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np

from pawl.interfaces import Judge, Policy, Remembers, Task
from pawl.play import play
from pawl.records import Attempt, Cost, FloatArray, Problem, Sampling
from pawl.search.best_of_n import How, Scorer, elect, weigh
from pawl.search.steps import finite
from pawl.search.whole import canonical_of

MOST_ATTEMPTS = 256
"""Of a baseline at one problem, however many tokens there are to spend."""
FIRST_ATTEMPTS = 4
"""Drawn before their length says how many more there may be."""

BASELINES: dict[str, How] = {"best_of_n": "score", "majority": "majority", "weighted": "weighted"}


@dataclass(frozen=True, slots=True)
class Bought:
    """What tokens bought, on each of N problems."""

    scores: list[float]
    """[N] truth; what the judge could not decide counts 0."""
    tokens: float
    """Forwarded, a problem."""
    attempts: int
    """At each problem."""


@dataclass
class Unsearched:
    """A policy's attempts at N problems, drawn and valued as they are needed and kept: attempt k is the same one
    whatever is spent, so that one more token never buys less."""

    policy: Policy
    task: Task
    scorer: Scorer
    problems: Sequence[Problem]
    judge: Judge
    max_tokens: int
    stop: tuple[str, ...]
    key: int
    attempts: list[list[Attempt]] = field(default_factory=list)
    """[K][N]"""
    worth: list[FloatArray] = field(default_factory=list)
    """[K][N] of the attempts whose value was asked."""
    written: list[int] = field(default_factory=list)
    """[K] tokens sampled, of all problems together."""
    read: list[int] = field(default_factory=list)
    """[K] tokens that the value read."""

    def greedy(self) -> Bought:
        attempts = self._drawn(0, 1, temperature=0.0)[0]
        return Bought(self.scores(attempts), (_prompt_tokens(attempts) + _tokens(attempts)) / len(attempts), 1)

    def buy(self, tokens: float) -> dict[str, Bought]:
        """Each of BASELINES for so many tokens a problem; the value reads what attempts share once, as in a search."""
        with self.policy.remembering() if isinstance(self.policy, Remembers) else nullcontext():
            counts = {name: self._affordable(tokens, valued=how != "majority") for name, how in BASELINES.items()}
        return {name: Bought(self.scores(self._chosen(BASELINES[name], count)),
                             self._spent(count, valued=BASELINES[name] != "majority"), count)
                for name, count in counts.items()}

    def scores(self, attempts: Sequence[Attempt]) -> list[float]:
        """[N] truth; what the judge could not decide counts 0."""
        return [verdict.score or 0.0 for verdict in self.judge(attempts)]

    def _affordable(self, tokens: float, *, valued: bool) -> int:
        """The most attempts that cost no more, one at least."""
        self._have(min(FIRST_ATTEMPTS, MOST_ATTEMPTS), valued=valued)
        while (have := len(self.worth if valued else self.attempts)) < MOST_ATTEMPTS:
            spent = self._spent(have, valued=valued)
            if spent > tokens:
                break
            each = max(1.0, (spent - self._spent(0, valued=valued)) / have)
            self._have(min(MOST_ATTEMPTS, have + 1 + int((tokens - spent) / each)), valued=valued)
        return max((count for count in range(1, have + 1) if self._spent(count, valued=valued) <= tokens), default=1)

    def _have(self, count: int, *, valued: bool) -> None:
        """Draws, and values, so many attempts at each problem where there are fewer."""
        if (drawn := len(self.attempts)) < count:
            self.attempts += self._drawn(drawn, count - drawn, temperature=1.0)
            self.written += [_tokens(attempts) for attempts in self.attempts[drawn:]]
        if valued and (known := len(self.worth)) < count:
            there = [attempt for attempts in self.attempts[known:count] for attempt in attempts if not attempt.error]
            found = iter(zip(*self.scorer(there), strict=True))
            for attempts in self.attempts[known:count]:
                told = [(0.0, Cost()) if attempt.error else next(found) for attempt in attempts]
                self.worth.append(finite(np.array([worth for worth, _ in told], np.float32)))
                self.read.append(sum(cost.forwarded for _, cost in told))

    def _drawn(self, first: int, count: int, *, temperature: float) -> list[list[Attempt]]:
        """[count][N]"""
        sampling = Sampling(self.max_tokens, temperature, stop=self.stop)
        attempts = play(self.policy, self.problems, count, sampling=sampling, key=self.key, first=first)
        return [attempts[place::count] for place in range(count)]

    def _spent(self, count: int, *, valued: bool) -> float:
        """Tokens a problem that `count` attempts forwarded."""
        read = self.read[:count] if valued else []
        return (_prompt_tokens(self.attempts[0]) + sum(self.written[:count]) + sum(read)) / len(self.problems)

    def _chosen(self, how: How, count: int) -> list[Attempt]:
        """[N] chosen from the first `count` attempts."""
        canonical, chosen = canonical_of(self.task), []
        for i in range(len(self.problems)):
            group = [attempts[i] for attempts in self.attempts[:count]]
            worth = np.array([values[i] for values in self.worth[:count]] if how != "majority" else [1.0] * count,
                             np.float32)
            says = [canonical(attempt.completion.text) for attempt in group]
            chosen.append(group[elect(says, weigh(says, worth, how))])
        return chosen


def _prompt_tokens(attempts: Sequence[Attempt]) -> int:
    """A prompt that the policy could not take went through no model."""
    return sum(len(attempt.prompt_tokens) for attempt in attempts if not attempt.error)


def _tokens(attempts: Sequence[Attempt]) -> int:
    return sum(len(attempt.completion.tokens) for attempt in attempts)
