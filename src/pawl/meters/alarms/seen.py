"""A generation as the alarms look at it: the policy's own attempts as arrays, and the numbers that are made of them.

Attempts that failed before they could be judged count apart; those that search, hindsight or a person wrote tell
nothing of the policy and are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawl.meters.alarms.alarm import Measured, Observed
from pawl.meters.divergence import sampler_distance
from pawl.meters.diversity import longest_loop
from pawl.records import Attempt, Flags, Verdict

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]

FEW = 50
"""Attempts below which shares are left to chance, and nothing is said of them."""
FEW_PROBLEMS = 20
"""The same of problems."""
SAME = 1e-6
"""Scores no further apart are the same: a reward model's differ by as much from one batch to another."""
TRUTH = "truth"
"""The judge of `pawl.judges.truth`, by the name in its verdicts."""
LOOKED_AT = 1024
"""Attempts that are looked through for loops, evenly spread."""
LOOP = 6
"""Tokens of a loop at least, and half of the attempt: `1000` is none."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The N attempts of a generation that the policy made by itself."""

    now: Observed
    places: Places
    """[N] among all attempts."""
    scores: Numbers
    """[N] NaN where the judge abstained or said no number."""
    gold: Numbers
    """[N] NaN where it is not known."""
    lengths: Places
    """[N] tokens"""
    cut: Flags
    """[N] whether an attempt ended by its length."""
    problems: Places
    """[N] which problem it is at, from 0."""
    texts: Sequence[str]
    """[N] without blanks around them."""
    failed: Places
    """Places of attempts that failed before they could be judged."""
    numbers: Measured = field(default_factory=dict)
    """As `readings` gives them."""

    @property
    def decided(self) -> Flags:
        """[N] whether there is a score."""
        return np.isfinite(self.scores)

    @property
    def num_problems(self) -> int:
        return len(np.unique(self.problems))

    def number(self, name: str) -> float | None:
        """What was measured under a name, here or by whoever handed the generation on."""
        return number_of(self.numbers, name) if name in self.numbers else number_of(self.now.metrics, name)

    def shown(self, which: NDArray[np.bool_]) -> list[int]:
        """Places of the attempts [N] that are marked, the first ones."""
        chosen: list[int] = self.places[np.flatnonzero(which)[:3]].tolist()
        return chosen


def seen(now: Observed) -> Seen:
    """A generation's own attempts. Every attempt must have its verdict."""
    attempts = now.attempts
    assert len(attempts) == len(now.verdicts) and len(now.gold) in (0, len(attempts))
    own = [place for place, attempt in enumerate(attempts) if attempt.source == "self"]
    written = [place for place in own if attempts[place].error is None]
    names: dict[str, int] = {}
    gold = [now.gold[place] for place in written] if now.gold else [Verdict(None, "")] * len(written)
    made = Seen(
        now=now, places=np.array(written, np.int64), scores=_numbers([now.verdicts[place] for place in written]),
        gold=_numbers(gold), lengths=np.array([_length(attempts[place]) for place in written], np.int64),
        cut=np.array([attempts[place].completion.finish == "length" for place in written], np.bool_),
        problems=np.array([names.setdefault(attempts[place].problem.id, len(names)) for place in written], np.int64),
        texts=[attempts[place].completion.text.strip() for place in written],
        failed=np.array([place for place in own if attempts[place].error is not None], np.int64),
    )
    return replace(made, numbers=_readings(made))


def readings(now: Observed) -> Measured:
    """What later generations are compared with: `length` (tokens), `entropy` (nats a token), `looping`, `score_mean`;
    where they can be measured `proxy_mean`, `gold_mean`, and what `sampler_distance` gives."""
    return seen(now).numbers


def _length(attempt: Attempt) -> int:
    return len(attempt.completion.tokens)


def _numbers(verdicts: Sequence[Verdict]) -> Numbers:
    found = np.array([math.nan if verdict.score is None else verdict.score for verdict in verdicts], np.float64)
    return np.where(np.isfinite(found), found, math.nan)


def _readings(generation: Seen) -> Measured:
    """What cannot be measured is left out."""
    both = np.isfinite(generation.scores) & np.isfinite(generation.gold)
    found = {"length": _mean(generation.lengths), "entropy": -_mean(_logprobs(generation)),
             "looping": _mean(looping(generation)), "score_mean": _mean(generation.scores[generation.decided]),
             "proxy_mean": _mean(generation.scores[both]), "gold_mean": _mean(generation.gold[both])}
    return {name: number for name, number in (found | _apart(generation)).items() if math.isfinite(number)}


def _mean(numbers: NDArray[Any]) -> float:
    return float(np.mean(numbers, dtype=np.float64)) if numbers.size else math.nan


def _logprobs(generation: Seen) -> Numbers:
    """Log-probabilities of everything that was sampled, as far as they are numbers."""
    rows = [generation.now.attempts[place].completion.logprobs for place in generation.places]
    said = np.concatenate([*rows, np.empty(0)]).astype(np.float64)
    return said[np.isfinite(said)]


def some(generation: Seen) -> Places:
    """Which of the N attempts are looked through."""
    return np.arange(0, len(generation.places), max(1, -(-len(generation.places) // LOOKED_AT)))


def looping(generation: Seen) -> Flags:
    """Of `some` attempts, whether each says one thing again and again: a loop of half its tokens or more."""
    tokens = [generation.now.attempts[generation.places[i]].completion.tokens for i in some(generation)]
    return np.array([longest_loop(row) >= max(LOOP, len(row) / 2) for row in tokens], np.bool_)


def _apart(generation: Seen) -> dict[str, float]:
    """How far log-probabilities while sampling were from those of the policy that learns, over tokens."""
    pairs = [(generation.now.attempts[place].completion.logprobs, rows)
             for place, rows in generation.now.recomputed.items() if 0 <= place < len(generation.now.attempts)]
    pairs = [(sampled, rows) for sampled, rows in pairs if len(sampled) == len(rows)]
    return sampler_distance([sampled for sampled, _ in pairs], [rows for _, rows in pairs])


def first(before: Sequence[Measured], name: str) -> float | None:
    """What was measured under a name at first; None where it never was, or was no number."""
    return next((number for measured in before if (number := number_of(measured, name)) is not None), None)


def last(before: Sequence[Measured], name: str) -> float | None:
    """What was measured under a name at last."""
    return first(before[::-1], name)


def number_of(measured: Measured, name: str) -> float | None:
    """A finite number, or None."""
    found = measured.get(name)
    return float(found) if isinstance(found, (int, float)) and math.isfinite(found) else None
