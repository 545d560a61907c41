"""Exact statistics of a paired contest: who won how often, the sign test, and 95% intervals.

Scores lie in [0, 1] and may be graded. A problem is won when the candidate scores higher on it, lost when
lower, tied when equal; ties say nothing about which is better and drop out of the test. With scores 0 and 1
the sign test is McNemar's exact test (McNemar 1947; conditional on the discordant pairs).

Not covered: problems that depend on one another (near copies in one contest make every number here too sure).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri
from scipy.stats import binom, binomtest


@dataclass(frozen=True, slots=True)
class PairedCounts:
    """How a contest went, problem by problem."""

    won: int
    """Problems on which the candidate scored higher."""
    lost: int
    """Problems on which it scored lower."""
    tied: int

    @property
    def discordant(self) -> int:
        """Problems that told the two apart."""
        return self.won + self.lost


def paired_counts(candidate: ArrayLike, champion: ArrayLike) -> PairedCounts:
    """Won, lost and tied problems of two score arrays [N] in the same order."""
    difference = _difference(candidate, champion)
    won, lost = int((difference > 0).sum()), int((difference < 0).sum())
    return PairedCounts(won, lost, difference.size - won - lost)


def sign_test(won: int, lost: int) -> float:
    """One-sided exact p-value of the null that a win is no likelier than a loss; 1 when all were ties.

    P(X >= won) for X binomial with won + lost trials of probability 1/2.
    """
    if won + lost == 0:
        return 1.0
    return float(binomtest(won, won + lost, 0.5, alternative="greater").pvalue)


def wins_needed(discordant: ArrayLike, alpha: float) -> NDArray[np.int64]:
    """The fewest wins whose sign test is at most `alpha`, for each number of discordant problems.

    Any shape in, the same shape out. Where even winning them all is not enough, the answer is one more than there are.
    """
    trials = np.asarray(discordant, dtype=np.int64)
    needed: NDArray[np.int64] = binom.isf(alpha, trials, 0.5).astype(np.int64) + 1
    # The quantile is inverted in floating point: settle its last step by the tail probability itself.
    needed = np.where(binom.sf(needed - 2, trials, 0.5) <= alpha, needed - 1, needed)
    needed = np.where(binom.sf(needed - 1, trials, 0.5) > alpha, needed + 1, needed)
    return np.minimum(needed, trials + 1)


def wilson_interval(rate: float, count: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of a rate, or of a mean of `count` scores in [0, 1]; (0, 1) when there are none.

    The score interval of Wilson (1927). For graded scores it is wider than need be, never narrower: among all
    scores of one mean, 0 and 1 have the largest variance.
    """
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"rate must lie in [0, 1], got {rate}")
    if count == 0:
        return 0.0, 1.0
    z = float(ndtri(0.5 + level / 2))
    weight = count / (count + z * z)
    centre = weight * rate + (1 - weight) * 0.5
    half = weight * z * math.sqrt(rate * (1 - rate) / count + (z / (2 * count)) ** 2)
    # At a rate of 0 or 1 the limit is the rate itself, which rounding may miss.
    low = 0.0 if rate == 0.0 else max(0.0, centre - half)
    high = 1.0 if rate == 1.0 else min(1.0, centre + half)
    return low, high


def gain_interval(candidate: ArrayLike, champion: ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Interval of the mean gain, candidate minus champion, of paired scores [N]; (-1, 1) when there are none.

    The gain is the mean won less the mean lost. Their Wilson intervals are joined by squaring and adding with
    their correlation (Newcombe, "Improved confidence intervals for the difference between binomial
    proportions based on paired data", 1998; Zou and Donner, "Construction of confidence limits about effect
    measures", 2008). No problem is both won and lost, so the covariance of the two means is exactly -won *
    lost / N. For graded scores the interval is wider than need be, never narrower.
    """
    difference = _difference(candidate, champion)
    if difference.size == 0:
        return -1.0, 1.0
    won, lost = float(np.maximum(difference, 0).mean()), float(np.maximum(-difference, 0).mean())
    won_low, won_high = wilson_interval(won, difference.size, level)
    lost_low, lost_high = wilson_interval(lost, difference.size, level)
    correlation = -min(1.0, math.sqrt(won * lost / ((1 - won) * (1 - lost)))) if won and lost else 0.0
    down = _joined(won - won_low, lost_high - lost, correlation)
    up = _joined(won_high - won, lost - lost_low, correlation)
    return max(-1.0, won - lost - down), min(1.0, won - lost + up)


def _joined(first: float, second: float, correlation: float) -> float:
    """Half-width of a difference from the half-widths of its terms."""
    return math.sqrt(first * first - 2 * correlation * first * second + second * second)


def _difference(candidate: ArrayLike, champion: ArrayLike) -> NDArray[np.float64]:
    """Candidate minus champion, [N]; raises ValueError unless both are [N] scores in [0, 1]."""
    ours, theirs = np.asarray(candidate, dtype=np.float64), np.asarray(champion, dtype=np.float64)
    if ours.ndim != 1 or ours.shape != theirs.shape:
        raise ValueError(f"paired scores must be two arrays [N], got shapes {ours.shape} and {theirs.shape}")
    for scores in (ours, theirs):
        outside = scores[~((scores >= 0) & (scores <= 1))]  # so written, NaN is outside
        if outside.size:
            raise ValueError(f"scores must lie in [0, 1], got {outside[0]}")
    return ours - theirs
