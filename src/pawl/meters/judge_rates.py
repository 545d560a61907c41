"""What a filter is worth that keeps attempts by a judge: how much of the right and of the wrong it keeps.

Feng et al., "Beyond model collapse: scaling up with synthesized data requires verification", 2024: learning from what
a judge kept helps while the proposer errs less often than p* = 1 / (1 + psi / phi), and harms above. Their proof is for
linear classifiers and endless data; here p* is a landmark, not a promise. Not covered: attempts at one problem are
alike, and intervals that take them as independent are too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Rate:
    """A share, and its 95% interval after Wilson (1927)."""

    value: float
    interval: Interval
    count: int
    """Of how many, one at least."""


@dataclass(frozen=True, slots=True)
class JudgeRates:
    """A judge beside the truth. What could not be measured is None."""

    phi: Rate | None
    """Right attempts that it keeps."""
    psi: Rate | None
    """Wrong attempts that it keeps."""
    errors: Rate | None
    """Wrong attempts among all: p, how often the proposer errs."""
    break_even: float | None
    """p*, the error rate from which on a filter by this judge harms."""
    break_even_interval: Interval | None
    """p* at the ends of both intervals that are worst and best for it."""
    sentence: str
    """Whether filtering by this judge can help."""


def judge_rates(kept: ArrayLike, right: ArrayLike) -> JudgeRates:
    """Keep rates and break-even of a judge from attempts [N] that it kept or not, and that were right or not.

    An attempt on which the judge abstained was not kept; one that the truth could not decide must be left out.
    """
    keeps, truths = np.asarray(kept, dtype=bool), np.asarray(right, dtype=bool)
    if keeps.ndim != 1 or keeps.shape != truths.shape:
        raise ValueError(f"arrays must be [N] and pair up, got shapes {keeps.shape} and {truths.shape}")
    phi, psi = (rate(int(keeps[those].sum()), int(those.sum())) for those in (truths, ~truths))
    errors = rate(int((~truths).sum()), truths.size)
    if phi is None or psi is None or errors is None:
        return JudgeRates(phi, psi, errors, None, None, _unmeasured(truths.size, phi))
    point = break_even(phi.value, psi.value)
    if point is None:
        return JudgeRates(phi, psi, errors, None, None, "filtering by this judge cannot help: it keeps nothing")
    # phi's upper end and psi's lower one cannot both be 0: a Wilson interval has a width.
    low, high = break_even(phi.interval[0], psi.interval[1]), break_even(phi.interval[1], psi.interval[0])
    assert low is not None and high is not None
    return JudgeRates(phi, psi, errors, point, (low, high), filter_in_words(errors, point, (low, high)))


def break_even(phi: float, psi: float) -> float | None:
    """p* = 1 / (1 + psi / phi), in [0, 1]; None for a judge that keeps nothing."""
    return phi / (phi + psi) if phi + psi > 0 else None


def rate(count: int, of: int) -> Rate | None:
    """A share with its interval; None of none."""
    if of == 0:
        return None
    low, high = binomtest(count, of).proportion_ci(method="wilson")
    return Rate(count / of, (float(low), float(high)), of)


def _unmeasured(attempts: int, phi: Rate | None) -> str:
    if attempts == 0:
        return "whether filtering can help cannot be said: there are no attempts"
    missing = "right" if phi is None else "wrong"
    return f"whether filtering can help cannot be said: none of {attempts:,} attempts is {missing}"


def filter_in_words(errors: Rate, point: float, interval: Interval) -> str:
    """Whether filtering can help: the proposer's error rate against the judge's break-even and its interval."""
    if point == 0:
        return "filtering by this judge cannot help: it keeps no right attempt"
    wrong = f"{errors.value:.1%} of attempts are wrong, and it breaks even at {point:.1%}"
    if errors.interval[1] < interval[0]:
        return f"filtering by this judge can help: {wrong}"
    if errors.interval[0] >= interval[1]:
        return f"filtering by this judge cannot help: {wrong}"
    return f"whether filtering by this judge can help is not settled by {errors.count:,} attempts: {wrong}"
