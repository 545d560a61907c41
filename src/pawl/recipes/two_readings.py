"""Both readings of policies that a reward model improves: what that model says, and gold, on the same attempts.

Gold is the truth of the task, which nothing learns from. Not covered: gold of a sample alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pawl.interfaces import Judge, Policy
from pawl.learning.advantages import log_odds
from pawl.meters.hacking import Fit, Point, agreement, best_fit, curve
from pawl.meters.means import FEWEST, paired_means
from pawl.meters.turn import Look, look
from pawl.play import play
from pawl.records import Attempt, Problem, Sampling, Verdict

SHOWN, LONGEST = 3, 200
"""Attempts that show how a judge is fooled, and characters of each."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Of one policy, on P problems."""

    attempts: list[Attempt]
    verdicts: list[Verdict]
    """Of the reward model."""
    proxy: NDArray[np.float64]
    """[P] log-odds."""
    gold: NDArray[np.float64]
    """[P] in [0, 1]"""
    divergence: float
    """KL(policy || base) of an answer, in nats."""

    @property
    def metrics(self) -> dict[str, float]:
        """What a stage says of itself; nothing of what nobody could score."""
        said, found = agreement(self.proxy, self.gold), dict[str, float]()
        for name, scores in (("proxy", self.proxy), ("gold", self.gold)):
            if np.isfinite(scores).any():
                found |= {name: float(np.nanmean(scores)), f"{name}_error": _error(scores)}
        return found | {"kl": self.divergence,
                        "length": float(np.mean([len(one.completion.tokens) for one in self.attempts])),
                        **({} if said.rank is None else {"proxy_rank": said.rank})}

    @property
    def in_words(self) -> str:
        found = self.metrics
        proxy = f"{found['proxy']:+.2f}" if "proxy" in found else "nothing"
        gold = f"{found['gold']:.3f} (+-{1.96 * found['gold_error']:.3f})" if "gold" in found else "unknown"
        return f"the judge says {proxy}, gold {gold}, {found['kl']:.1f} nats from the base"

    @property
    def fooling(self) -> list[str]:
        """The attempts that the reward model likes most beyond what gold does, ranks compared."""
        known = np.flatnonzero(np.isfinite(self.proxy) & np.isfinite(self.gold))
        beyond = rankdata(self.proxy[known]) - rankdata(self.gold[known])
        return [self.attempts[place].completion.text[:LONGEST]
                for place in known[np.argsort(-beyond, kind="stable")[:SHOWN]]]


def read(policy: Policy, base: Policy, problems: Sequence[Problem], judge: Judge, gold: Judge, *, sampling: Sampling,
         key: int) -> Reading:
    """One attempt at each problem, drawn with the same luck whoever plays, and both readings of it."""
    attempts = play(policy, problems, 1, sampling=sampling, key=key)
    verdicts = judge(attempts)
    said = [one for one in attempts if one.error is None and len(one.completion.tokens)]
    theirs = base.logprobs([one.prompt_tokens for one in said], [one.completion.tokens for one in said])
    apart = [float(one.completion.logprobs.sum() - other.sum()) for one, other in zip(said, theirs, strict=True)]
    return Reading(attempts, verdicts, log_odds([one.score for one in verdicts]), _scores(gold(attempts)),
                   float(np.mean(apart)) if apart else 0.0)


def kept(judged: Sequence[tuple[Attempt, Verdict]], gold: Judge, divergence: float) -> Reading:
    """A reading as the ledger has it."""
    attempts, verdicts = [attempt for attempt, _ in judged], [verdict for _, verdict in judged]
    return Reading(attempts, verdicts, log_odds([one.score for one in verdicts]), _scores(gold(attempts)), divergence)


def seen(readings: Sequence[Reading], *, since: int, looks: int) -> Look | None:
    """What the readings under one judge so far say, of generations from `since` on: whether it is being fooled. A
    generation of which the judge says too little is left out."""
    golds = [one.gold if np.isfinite(one.proxy).sum() >= FEWEST else np.full_like(one.gold, np.nan) for one in readings]
    gold, proxy = (replace(means, generations=means.generations + since) for means in (
        paired_means(golds), paired_means([one.proxy for one in readings])))
    return look(gold, proxy, looks=looks)


def points(readings: Sequence[Reading]) -> list[Point]:
    """The curve of a leg, over d = sqrt(KL)."""
    return curve([math.sqrt(max(0.0, one.divergence)) for one in readings], [one.proxy for one in readings],
                 [one.gold for one in readings])


def row(number: int, point: Point) -> dict[str, Any]:
    """A point as results tell it."""
    def bounds(mean: float, error: float) -> list[float]:
        return [mean - 1.96 * error, mean + 1.96 * error]

    return {"generation": number, "distance": point.distance, "proxy": point.proxy, "gold": point.gold,
            "proxy_ci": bounds(point.proxy, point.proxy_error), "ci": bounds(point.gold, point.gold_error)}


def fit_of(readings: Sequence[Reading]) -> Fit | None:
    """The curve of over-optimisation through a leg's gold."""
    return best_fit(points(readings))


def _scores(verdicts: Sequence[Verdict]) -> NDArray[np.float64]:
    return np.array([np.nan if one.score is None else one.score for one in verdicts], np.float64)


def _error(scores: NDArray[np.float64]) -> float:
    known = scores[~np.isnan(scores)]
    return float(known.std(ddof=1)) / len(known)**0.5 if len(known) > 1 else 0.0

