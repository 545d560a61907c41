"""Whether a value or a judge can be believed: does it rank right above wrong, and do its numbers hold."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata


def auroc(values: ArrayLike, right: ArrayLike) -> float | None:
    """Chance that a right attempt's value is above a wrong one's, ties counting half; None without both kinds.

    `values` [N] are any finite numbers, `right` [N] is true where the attempt was right. Hanley and McNeil,
    "The meaning and use of the area under a receiver operating characteristic curve", 1982.
    """
    numbers, labels = _paired(values, np.asarray(right, dtype=bool))
    positive = labels.astype(bool)
    num_right, num_wrong = int(positive.sum()), int((~positive).sum())
    if num_right == 0 or num_wrong == 0:
        return None
    # Mann and Whitney's U: the right ones' ranks, less what they would be with nothing below them.
    above = float(rankdata(numbers)[positive].sum()) - num_right * (num_right + 1) / 2
    return above / (num_right * num_wrong)


def auroc_within(values: ArrayLike, right: ArrayLike, groups: Sequence[Hashable]) -> float | None:
    """AUROC over pairs of attempts at the same problem only, of which `groups` [N] names each; None without a pair.

    What a choice among attempts at a problem goes by: a value that knows no more than how hard a problem is ranks
    attempts at different problems well, and those at one problem not at all.
    """
    numbers, labels = _paired(values, np.asarray(right, dtype=bool))
    members: dict[Hashable, list[int]] = {}
    for place, group in enumerate(groups):
        members.setdefault(group, []).append(place)
    found, pairs = 0.0, 0.0
    for places in members.values():
        rank, num_right = auroc(numbers[places], labels[places]), float(labels[places].sum())
        weight = num_right * (len(places) - num_right)
        found, pairs = found + (rank or 0.0) * weight, pairs + weight
    return found / pairs if pairs else None


@dataclass(frozen=True, slots=True)
class Bin:
    """Attempts whose value was about the same."""

    place: int
    """0 to bins - 1, from the lowest values to the highest."""
    expected: float
    """Mean value, in [0, 1]."""
    came: float
    """Mean score, in [0, 1]."""
    count: int
    """Attempts, one at least."""


def reliability(values: ArrayLike, scores: ArrayLike, *, bins: int = 10) -> list[Bin]:
    """What came beside what was expected, over equal bins of the expected; bins without an attempt are left out.

    `values` [N] and `scores` [N] lie in [0, 1]; bins are open below and closed above, the first one closed at
    0. Guo et al., "On calibration of modern neural networks", 2017, section 2 and figure 1.
    """
    expected, came = _shares(values, scores)
    place = np.searchsorted(np.arange(1, bins) / bins, expected, side="left")
    return [Bin(int(i), float(expected[place == i].mean()), float(came[place == i].mean()), int((place == i).sum()))
            for i in np.unique(place)]


def expected_calibration_error(values: ArrayLike, scores: ArrayLike, *, bins: int = 10) -> float | None:
    """Mean distance of what came from what was expected, over the bins of `reliability`; None for no attempts.

    Guo et al. 2017, equation 3. Biased upwards where bins hold few attempts.
    """
    table = reliability(values, scores, bins=bins)
    if not table:
        return None
    return sum(one.count * abs(one.expected - one.came) for one in table) / sum(one.count for one in table)


def brier_score(values: ArrayLike, scores: ArrayLike) -> float | None:
    """Mean squared distance of scores [N] from values [N]; None for no attempts.

    Brier, "Verification of forecasts expressed in terms of probability", 1950. Proper: only the true chances are best.
    """
    expected, came = _shares(values, scores)
    return float(np.square(expected - came).mean()) if expected.size else None


def _shares(values: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as [N] floats; raises ValueError when they do not pair up or do not lie in [0, 1]."""
    expected, came = _paired(values, scores)
    if ((expected < 0) | (expected > 1) | (came < 0) | (came > 1)).any():
        raise ValueError("values and scores must lie in [0, 1]")
    return expected, came


def _paired(values: ArrayLike, others: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as [N] floats; raises ValueError when they do not pair up or are not finite."""
    first, second = np.asarray(values, dtype=np.float64), np.asarray(others, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"arrays must be [N] and pair up, got shapes {first.shape} and {second.shape}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("values and scores must be finite")
    return first, second
