"""Reward functions that are not ours as one judge: asked within their time, and their numbers put into [0, 1].

A call gets the attempts at one problem, as a group of GRPO, unless the function takes one at a time. Where a call
raises, takes too long or gives back too few rewards, the function is asked again about one attempt at a time, so that
whoever was to blame alone goes without a score. Nothing that is unclear becomes a 0: None (the function does not
apply), NaN, text, and a number out of its range each leave the attempt without a score, with the reason in words.

Not covered: what a function does to files, to memory or to the interpreter, and what `pawl.time_limit` cannot stop.
"""

from __future__ import annotations

import inspect
import math
import numbers
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from pawl.errors import ConfigError
from pawl.judges.awaiting import Loop, Slow, side_by_side
from pawl.records import Attempt, Verdict
from pawl.time_limit import TimeUp, in_words, printable, within

Said = float | str | None
"""What a function said of an attempt: a number; a reason why there is none; None where it does not apply."""

GRACE = 0.25
"""Seconds beyond a call's own, so that coroutines are cut off by themselves first."""
SLACK = 1e-6
"""Of a range: how far beyond it a number may lie that was rounded in float32."""
NOT_APPLIED = "no reward applies: all gave None"
"""The one reason that is not a fault of the function."""


class NoReward(ValueError):
    """What a function gave is no reward; the text says what it must be and what came."""


@dataclass(frozen=True, slots=True)
class Reward:
    """One reward function, and how it is asked."""

    name: str
    ask: Callable[[Sequence[Attempt], float], Any]
    """Attempts [K] and the seconds for a coroutine of one -> their rewards [K], an exception in the place of one that
    could not be had; or a coroutine of that."""
    together: Literal["one", "problem", "all"] = "problem"
    """Which attempts are asked about in one call."""
    alone: bool = True
    """Whether it can be asked about fewer of them."""
    weight: float = 1.0


@dataclass(frozen=True)
class RewardJudge:
    """A judge that asks reward functions, and sums those that apply by their weights."""

    name: str
    rewards: tuple[Reward, ...]
    low: float = 0.0
    """The sum that scores 0."""
    high: float = 1.0
    """The sum that scores 1."""
    time_limit: float = 10.0
    """Seconds for a call; of a judge of Pawl, which is asked about all attempts at once, for each of them."""
    _loop: Loop = field(default_factory=Loop, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ConfigError(f"judge_range must be two numbers, the lower one first, got {self.low:g},{self.high:g}")
        if not 0 < self.time_limit < math.inf:
            raise ConfigError(f"time_limit must be a positive number of seconds, got {self.time_limit}")

    def __call__(self, attempts: Sequence[Attempt]) -> list[Verdict]:
        """A verdict for each attempt; one that failed before it was judged gets no score and keeps its error."""
        sound = [place for place, attempt in enumerate(attempts) if attempt.error is None]
        columns = [self._column(reward, [attempts[place] for place in sound]) for reward in self.rewards]
        verdicts = [Verdict(None, self.name, attempt.error) for attempt in attempts]
        for row, place in enumerate(sound):
            verdicts[place] = self._verdict([column[row] for column in columns])
        return verdicts

    def faults_together(self, attempts: Sequence[Attempt]) -> Iterator[str]:
        """What is wrong with what each function gives when it is asked about all of these attempts at once, which being
        asked again one at a time hides."""
        for reward in self.rewards:
            if reward.together != "one" and attempts:
                try:
                    self._together(reward, attempts)
                except NoReward as error:
                    yield f"{reward.name} {error}"
                except (Exception, SystemExit):
                    continue  # seen again where it is asked one at a time

    def _column(self, reward: Reward, attempts: Sequence[Attempt]) -> list[Said]:
        """What one function says of each attempt."""
        said: list[Said] = [None] * len(attempts)
        for places in _groups(attempts, reward.together):
            for place, one in zip(places, self._said(reward, [attempts[place] for place in places]), strict=True):
                said[place] = one
        return said

    def _said(self, reward: Reward, attempts: Sequence[Attempt]) -> list[Said]:
        try:
            given = self._together(reward, attempts)
        except (Exception, SystemExit) as error:  # a user's code may raise anything
            if isinstance(error, TimeUp):
                self._loop.leave()  # a coroutine may block it
            given = [error] * len(attempts)
            if len(attempts) > 1 and reward.alone:
                return [one for attempt in attempts for one in self._said(reward, [attempt])]
        return [self._checked(reward.name, one) for one in given]

    def _together(self, reward: Reward, attempts: Sequence[Attempt]) -> list[Any]:
        """What it gives for each. Raises NoReward where that is no list of so many, Slow and TimeUp where it takes too
        long, and whatever it raises."""
        seconds = self.time_limit * (len(attempts) if reward.together == "all" else 1)

        def call() -> list[Any]:
            given = reward.ask(attempts, self.time_limit)
            awaited = inspect.isawaitable(given)
            return _as_list(self._loop.result(given, seconds + GRACE / 2) if awaited else given, len(attempts))

        return within(seconds + GRACE, call)

    def _checked(self, name: str, given: Any) -> Said:
        """A reward as a number, or the reason why it is none."""
        match given:
            case None:
                return None
            case NoReward():
                return f"{name} {given}"
            case Slow() | TimeUp():
                return f"{name} took longer than {self.time_limit:g} s"
            case BaseException():
                return f"{name} raised {in_words(given)}"
            case Verdict(score=None):
                return given.error or f"{name} abstained"
            case Verdict():
                given = given.score
        if getattr(given, "shape", None) == () and hasattr(given, "item"):
            given = given.item()  # of numpy or torch
        if not isinstance(given, (numbers.Real, np.bool_)):
            return f"{name} must give a number, got a {type(given).__name__}"
        try:
            number = float(given)
        except OverflowError:
            number = math.inf
        return f"{name} must give a number, got {printable(given)}" if math.isnan(number) else number

    def _verdict(self, said: Sequence[Said]) -> Verdict:
        """The weighted sum of the functions that apply, as a score."""
        for one in said:
            if isinstance(one, str):
                return Verdict(None, self.name, one)
        applying = [reward.weight * one for reward, one in zip(self.rewards, said, strict=True)
                    if isinstance(one, float)]
        if not applying:
            return Verdict(None, self.name, NOT_APPLIED)
        total = sum(applying)
        score = (total - self.low) / (self.high - self.low)
        if not -SLACK <= score <= 1 + SLACK:
            return Verdict(None, self.name, f"a reward must lie in [{self.low:g}, {self.high:g}], got {total:g}: "
                                            "name the range with --judge-range LOW,HIGH")
        return Verdict(min(max(score, 0.0), 1.0), self.name)


def every(function: Callable[[Attempt], Any]) -> Callable[[Sequence[Attempt], float], Any]:
    """How a function of one attempt is asked: one after the other, or, where it is a coroutine, side by side."""
    def ask(attempts: Sequence[Attempt], seconds: float) -> Any:
        made = [function(attempt) for attempt in attempts]
        return side_by_side(made, seconds) if any(map(inspect.isawaitable, made)) else made

    return ask


def _groups(attempts: Sequence[Attempt], together: Literal["one", "problem", "all"]) -> list[list[int]]:
    """Places of attempts that are asked about in one call."""
    if together == "all":
        return [list(range(len(attempts)))] if attempts else []
    if together == "one":
        return [[place] for place in range(len(attempts))]
    by_problem: defaultdict[str, list[int]] = defaultdict(list)
    for place, attempt in enumerate(attempts):
        by_problem[attempt.problem.id].append(place)
    return list(by_problem.values())


def _as_list(given: Any, count: int) -> list[Any]:
    """The rewards of a call. Raises NoReward."""
    values = given.tolist() if hasattr(given, "tolist") else given  # numpy and torch
    if not isinstance(values, (list, tuple)):
        raise NoReward(f"must give a list of rewards, got a {type(values).__name__}")
    if len(values) != count:
        raise NoReward(f"must give a reward for each of {count} attempts, got {len(values)}")
    return list(values)
