"""Generations for alarms to look at: a healthy one, and ways to make it sick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pawl.meters.alarms.alarm import Observed
from pawl.records import Attempt, Completion, Problem, Verdict

PROBLEMS, TRIES = 60, 4


def attempt(problem: int, index: int, text: str, *, tokens: Sequence[int] | None = None, nats: float = 0.5,
            answer: str | None = None, **other: Any) -> Attempt:
    """An attempt whose tokens are its bytes, each as unlikely as `nats`."""
    written = np.array(list(text.encode()) if tokens is None else tokens, np.int32)
    completion = Completion(text, written, np.full(len(written), -nats, np.float32), other.pop("finish", "stop"))
    return Attempt(Problem(f"p{problem}", f"{problem}?", "train", answer), index, np.zeros(1, np.int32), completion,
                   **other)


def text_of(problem: int, index: int) -> str:
    """A text of its own for each attempt, of 8 to 15 characters that have nothing to do with its score."""
    luck = np.random.default_rng([problem, index])
    return "".join(map(chr, luck.integers(97, 123, size=luck.integers(8, 16))))


def healthy(generation: int = 2) -> Observed:
    """Four attempts at each of 60 problems; two right at most problems, scored by the truth."""
    attempts = [attempt(problem, index, text_of(problem, index)) for problem in range(PROBLEMS)
                for index in range(TRIES)]
    verdicts = [Verdict(float((one.index + int(one.problem.id[1:])) % TRIES < 2), "truth") for one in attempts]
    return Observed(generation, attempts, verdicts, {"distinct_4": 0.7, "steps": 40, "parameter_change": 0.01,
                                                     "sampler_gap": 1e-6}, {"sample": 60.0, "score": 5.0})


def scored(now: Observed, score: Callable[[Attempt], float | None], judge: str = "liar") -> Observed:
    """The same attempts with other verdicts."""
    return replace(now, verdicts=[Verdict(score(one), judge) for one in now.attempts])


def rewritten(now: Observed, write: Callable[[Attempt], Attempt]) -> Observed:
    """Other attempts with the same verdicts."""
    return replace(now, attempts=[write(one) for one in now.attempts])


def completed(now: Observed, write: Callable[[Attempt], Completion]) -> Observed:
    """Attempts with other completions and the same verdicts."""
    return rewritten(now, lambda one: replace(one, completion=write(one)))


def saying(now: Observed, text: Callable[[Attempt], str]) -> Observed:
    """Attempts with other texts, of as many tokens, and the same verdicts."""
    return completed(now, lambda one: replace(one.completion, text=text(one)))


def measured(now: Observed, **metrics: float) -> Observed:
    return replace(now, metrics={**now.metrics, **metrics})


def luck(one: Attempt) -> float:
    """A number in [0, 1) that has nothing to do with an attempt's worth."""
    return float(np.random.default_rng([7, int(one.problem.id[1:]), one.index]).random())
