"""Whether a value or a judge can be believed: does it rank right above wrong, and do its numbers hold."""

from __future__ import annotations

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


def expected_calibration_error(values: ArrayLike, scores: ArrayLike, *, bins: int = 10) -> float | None:
    """Mean distance of what came from what was expected, over equal bins of the expected; None for no attempts.

    `values` [N] and `scores` [N] lie in [0, 1]; bins are open below and closed above, the first one closed at
    0. Guo et al., "On calibration of modern neural networks", 2017, section 2.
    """
    expected, came = _paired(values, scores)
    if ((expected < 0) | (expected > 1) | (came < 0) | (came > 1)).any():
        raise ValueError("values and scores must lie in [0, 1]")
    if expected.size == 0:
        return None
    edges = np.arange(1, bins) / bins
    place = np.searchsorted(edges, expected, side="left")
    distance = np.bincount(place, weights=expected - came, minlength=bins)
    return float(np.abs(distance).sum() / expected.size)


def _paired(values: ArrayLike, others: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as [N] floats; raises ValueError when they do not pair up or are not finite."""
    first, second = np.asarray(values, dtype=np.float64), np.asarray(others, dtype=np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"arrays must be [N] and pair up, got shapes {first.shape} and {second.shape}")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise ValueError("values and scores must be finite")
    return first, second
