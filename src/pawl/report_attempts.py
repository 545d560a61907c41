"""Which attempts the report shows, and what can only be counted by reading them all.

A run may hold millions of attempts: they are read one at a time and a bounded number is kept, chosen by a hash of
their names, so that the same ledger shows the same rows.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np

from pawl.gate.statistics import wilson_interval
from pawl.keys import name_key
from pawl.ledger import SOLVED
from pawl.meters.passk import mean_pass_at_k
from pawl.records import Attempt, Verdict
from pawl.report_text import count, listed, prompt_text, shorten

ROWS_A_KIND = 36
"""Rows shown at most of each kind."""

GENERATIONS_SHOWN = 20
"""Generations that rows are taken from at most, evenly spread from the first to the last."""

KINDS = ("first", "right", "wrong", "undecided")


@dataclass(frozen=True, slots=True)
class Row:
    """One attempt of the table."""

    generation: int
    kind: str
    """One of KINDS. `first`: the first right attempt at a problem never solved before."""
    prompt: str
    answer: str
    score: float | None
    remark: str
    """Why it failed, or who wrote it when it was not the policy alone."""

    @property
    def verdict(self) -> str:
        """The kind in words; a score between right and wrong is told."""
        word = "first solved" if self.kind == "first" else self.kind
        return f"{word}, score {self.score:.2g}" if self.score is not None and 0 < self.score < 1 else word


@dataclass(frozen=True, slots=True)
class Estimate:
    """Mean score of a generation's own judged attempts and its 95% interval, in which problems are independent."""

    mean: float
    interval: tuple[float, float]


@dataclass(slots=True)
class Reading:
    """What one pass over all attempts found."""

    rows: list[Row] = field(default_factory=list)
    totals: Counter[str] = field(default_factory=Counter)
    """Attempts by kind; those of kind `first` are also right."""
    failures: Counter[str] = field(default_factory=Counter)
    """Attempts and verdicts that came to nothing, by the first words of the reason."""
    sampled: dict[int, Estimate] = field(default_factory=dict)
    """By generation; what search found beside it is not the policy's."""

    def shown_words(self) -> str:
        """How the rows were chosen."""
        total = self.totals.total()
        if len(self.rows) == total:
            return f"All {total:,} attempts of the run."
        solved = count(self.totals["first"], "train problem")
        return (
            f"{len(self.rows):,} of the run's {total:,} attempts, chosen by a hash of their names and spread over the "
            f"generations. {solved} came to be solved; “first solved” marks the first right attempt ever at a problem."
        )

    def failure_words(self) -> str:
        """What could not be judged, and why."""
        return (
            "Not every attempt could be judged: "
            + listed(f"{reason} ({times:,})" for reason, times in sorted(self.failures.items())[:10])
            + "."
        )


def read_attempts(generations: Iterable[tuple[int, Iterable[tuple[Attempt, Verdict]]]], shown: set[int]) -> Reading:
    """One pass over (index, attempts with verdicts) of each generation in order; rows come from those `shown`."""
    reading, solved = Reading(), set[str]()
    quota = max(1, ROWS_A_KIND // max(1, len(shown)))
    for index, pairs in generations:
        scores: dict[str, list[float]] = {}
        kept: dict[str, list[tuple[int, int, Row]]] = {kind: [] for kind in KINDS}
        for place, (attempt, verdict) in enumerate(pairs):
            kind = _kind(attempt, verdict, solved)
            reading.totals[kind] += 1
            if verdict.score is not None and attempt.source == "self":
                scores.setdefault(attempt.problem.id, []).append(verdict.score)
            if error := attempt.error or verdict.error:
                reading.failures[_reason(error)] += 1
            order = _order(index, attempt)
            if index in shown and (len(kept[kind]) < quota or order < -kept[kind][0][0]):
                heapq.heappush(kept[kind], (-order, place, _row(index, kind, attempt, verdict)))
                if len(kept[kind]) > quota:
                    heapq.heappop(kept[kind])  # the last in the shuffle
        chosen = sorted(((place, row) for items in kept.values() for _, place, row in items), key=itemgetter(0))
        reading.rows += [row for _, row in chosen]
        if scores:
            reading.sampled[index] = estimate_mean(list(scores.values()))
    return reading


def spread(indices: Sequence[int], limit: int = GENERATIONS_SHOWN) -> set[int]:
    """At most `limit` of the indices, evenly spread, the first and the last among them."""
    if len(indices) <= limit:
        return set(indices)
    return {indices[round(place * (len(indices) - 1) / (limit - 1))] for place in range(limit)}


def estimate_mean(scores: Sequence[Sequence[float]]) -> Estimate:
    """Mean over problems of the mean score of each problem's attempts, and its interval over problems."""
    if all(score in (0.0, 1.0) for values in scores for score in values):
        right, attempts = [round(sum(values)) for values in scores], [len(values) for values in scores]
        return Estimate(*mean_pass_at_k(right, attempts, 1))
    mean = float(np.mean([math.fsum(values) / len(values) for values in scores]))
    return Estimate(mean, wilson_interval(min(max(mean, 0.0), 1.0), len(scores)))


def _kind(attempt: Attempt, verdict: Verdict, solved: set[str]) -> str:
    if verdict.score is None:
        return "undecided"
    if verdict.score < SOLVED:
        return "wrong"
    if attempt.problem.id in solved:
        return "right"
    solved.add(attempt.problem.id)
    return "first"


def _order(index: int, attempt: Attempt) -> int:
    """Where an attempt stands in the shuffle that decides which are shown."""
    name = f"{index} {attempt.problem.id} {attempt.index}"
    return name_key(name.encode("utf-8", "surrogatepass").hex())


def _row(index: int, kind: str, attempt: Attempt, verdict: Verdict) -> Row:
    error = attempt.error or verdict.error
    remarks = [shorten(error, 120)] if error else []
    if attempt.completion.finish == "length":
        remarks.append("cut off at the length limit")
    if attempt.source != "self":
        remarks.append(f"source: {shorten(attempt.source, 40)}")
    prompt = prompt_text(attempt.problem.prompt)
    return Row(index, kind, shorten(prompt), shorten(attempt.completion.text), verdict.score, "; ".join(remarks))


def _reason(error: str) -> str:
    """What came before the colon, at most 60 characters: errors that differ in detail are counted together."""
    return shorten(error.partition(":")[0].strip(), 60)
