"""What the best of n scores, for every n from one pool of attempts, and how far choosing it goes from the policy.

The estimator is unbiased: it is the mean over all choices of n different attempts from the pool (Nakano et al.,
"WebGPT", 2021, appendix I; used by Gao, Schulman and Hilton, "Scaling laws for reward model overoptimization", 2022).
Not covered: intervals. Estimates at different n come from the same attempts and err together.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def best_of_n(proxy: ArrayLike, scores: ArrayLike, counts: Sequence[int]) -> NDArray[np.float64]:
    """[..., K] expected score of the best of n by a proxy, for each n of `counts` [K], from pools [..., N].

    `proxy` [..., N] chooses and `scores` [..., N] is read: gold, or the proxy itself. Where several are best, any of
    them is chosen, each as likely. A pool of N may be asked for n of 1 to N; it takes N log N to sort it and N for each
    n. Raises ValueError for other n and for scores that are not finite: attempts whose gold is unknown by chance may be
    left out of a pool, which is then a smaller one.
    """
    keys, values = np.broadcast_arrays(np.asarray(proxy, np.float64), np.asarray(scores, np.float64))
    if keys.ndim == 0 or not (np.isfinite(keys).all() and np.isfinite(values).all()):
        raise ValueError("pools must be arrays [..., N] of finite scores, got a number alone, NaN or infinity")
    size = keys.shape[-1]
    if not all(1 <= n <= size for n in counts):
        raise ValueError(f"n must be 1 to the attempts in a pool ({size}), got {sorted(counts)}")
    weights = np.array([_chosen(n, size) for n in counts]).reshape(-1, size)
    ranked = np.array([by_rank(*rows) for rows in zip(keys.reshape(-1, size), values.reshape(-1, size), strict=True)])
    return np.asarray((ranked.reshape(-1, size) @ weights.T).reshape(*keys.shape[:-1], len(counts)), np.float64)


def by_rank(proxy: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N] scores [N] in the order of the proxy [N], from the least, where ties have their mean."""
    _, group, sizes = np.unique(proxy, return_inverse=True, return_counts=True)
    means = np.bincount(group, weights=scores) / sizes
    return np.repeat(means, sizes)


def _chosen(n: int, size: int) -> NDArray[np.float64]:
    """[size] chance C(rank - 1, n - 1) / C(size, n) of each rank, from the least, to be the highest of n drawn."""
    rank = np.arange(size, 1, -1, dtype=np.float64)
    falling = (rank - n) / (rank - 1)  # of a rank's chance, what the one below it has; none has any below rank n
    return np.cumprod(np.concatenate([[n / size], falling]))[::-1]


def best_of_n_kl(n: ArrayLike) -> NDArray[np.float64]:
    """log n - (n - 1) / n: KL(best of n || policy) in nats, for n of 1 or more, in n's shape.

    Exact where scores have no ties (Stiennon et al. 2020, appendix G.3); elsewhere an upper bound (Beirami et al. 2024,
    arXiv 2401.01879).
    """
    counts = np.asarray(n, np.float64)
    if not (counts >= 1).all():
        raise ValueError(f"n must be 1 or more, got {counts}")
    return np.asarray(np.log(counts) - (counts - 1) / counts, np.float64)
