"""pass@k: the chance that at least one of k attempts is right, with an interval over problems."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, stdtrit


def pass_at_k(right: ArrayLike, attempts: ArrayLike, k: int) -> NDArray[np.float64]:
    """Unbiased pass@k of each problem, [N], from its right attempts [N] and its judged attempts, [N] or one number.

    1 - C(n - c, k) / C(n, k): equation 1 of Chen et al., "Evaluating large language models trained on code",
    2021. Raises ValueError when a problem has fewer than k attempts, since then nothing unbiased can be said.
    """
    correct, total = np.broadcast_arrays(np.asarray(right, dtype=np.int64), np.asarray(attempts, dtype=np.int64))
    if k < 1 or (total < k).any():
        raise ValueError(f"k must be 1 to the fewest attempts at a problem ({total.min(initial=0)}), got {k}")
    if ((correct < 0) | (correct > total)).any():
        raise ValueError("right attempts must be 0 to the attempts at the problem")
    # The chance that k draws without replacement are all wrong; once the wrong ones are used up, a factor is 0.
    drawn = np.arange(k)
    wrong = np.maximum((total - correct)[..., None] - drawn, 0)
    return np.asarray(1.0 - (wrong / (total[..., None] - drawn)).prod(axis=-1), dtype=np.float64)


def mean_pass_at_k(
    right: ArrayLike, attempts: ArrayLike, k: int, *, level: float = 0.95
) -> tuple[float, tuple[float, float]]:
    """Mean pass@k over problems and its interval, for problems like these; ValueError without problems.

    Attempts at one problem are alike, so the interval is that of clustered data: Clopper and Pearson's, with
    the effective number of observations in place of the number (Korn and Graubard, "Confidence intervals for
    proportions with small expected number of positive counts estimated from survey data", 1998).
    """
    values = np.atleast_1d(pass_at_k(right, attempts, k))
    if values.size == 0:
        raise ValueError("pass@k must have problems to average over, got none")
    mean = float(values.mean())
    observations = int(np.broadcast_to(np.asarray(attempts, dtype=np.int64), values.shape).sum())
    size = _effective_size(values, observations, level)
    tail = (1 - level) / 2
    low = float(betaincinv(mean * size, (1 - mean) * size + 1, tail)) if mean > 0 else 0.0
    high = float(betaincinv(mean * size + 1, (1 - mean) * size, 1 - tail)) if mean < 1 else 1.0
    return mean, (low, high)


def _effective_size(values: NDArray[np.float64], observations: int, level: float) -> float:
    """How many independent observations of 0 or 1 would tell as much about the mean as these problems do."""
    problems, mean = values.size, float(values.mean())
    if problems == 1 or mean in (0.0, 1.0):
        return float(problems)  # no spread to judge by: a problem counts once, however often it was attempted
    variance = float(values.var(ddof=1)) / problems
    size = min(mean * (1 - mean) / variance, observations) if variance > 0 else float(observations)
    # The spread itself is estimated from few problems: pay with the ratio of the t quantiles.
    quantile = 0.5 + level / 2
    return float(size * (stdtrit(max(observations - 1, 1), quantile) / stdtrit(problems - 1, quantile)) ** 2)
