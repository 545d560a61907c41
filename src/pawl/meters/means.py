"""Mean scores of a run's generations on held-out problems, what they owe to luck together, and what they are once luck
is taken out.

The same problems make generations comparable: what a problem adds to all of them cancels between them. Any scores may
be missing, as where gold is dear. Not covered: scores that are missing because of what they would have been.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEWEST = 16
"""Scores of a generation without which it is left out."""
MOST_ALIKE = 0.99
"""Largest correlation of two generations' scores that weights are made for, so that they stay finite."""
SHRINKS = np.geomspace(1e-4, 10.0, 60)
"""Candidates for how far a generation bends off the line through those before it, in spreads of the means."""


@dataclass(frozen=True, slots=True)
class Means:
    """Means of K generations and how they err."""

    generations: NDArray[np.int64]
    """[K] that had scores enough, in their order."""
    values: NDArray[np.float64]
    """[K]"""
    covariance: NDArray[np.float64]
    """[K, K] of their errors."""
    degrees: float
    """Of freedom, of the covariance."""


def paired_means(scores: ArrayLike) -> Means:
    """Means from scores [G, P] of the same P problems in G generations; NaN where one is not known.

    With all scores known these are plain means and their covariance over problems. Where some are missing, generations
    are compared within problems as far as these have several of them: estimating equations with one correlation for all
    pairs of generations, and the covariance that holds whatever the true ones are (Liang and Zeger, "Longitudinal data
    analysis using generalized linear models", 1986). Each mean errs by one problem more than that, of the size by which
    scores differ where they do: where by luck none was right, scores that do not differ would seem sure. Raises
    ValueError for another shape or an infinite score.
    """
    table = np.asarray(scores, np.float64)
    if table.ndim != 2 or np.isinf(table).any():
        raise ValueError(f"scores must be [generations, problems], finite or NaN, got shape {table.shape}")
    kept = np.flatnonzero((~np.isnan(table)).sum(1) >= FEWEST)
    if len(kept) == 0:
        return Means(kept, np.zeros(0), np.zeros((0, 0)), 0.0)
    seen = ~np.isnan(table[kept])
    known, seen = np.where(seen, table[kept], 0.0)[:, seen.any(0)], seen[:, seen.any(0)].astype(np.float64)
    count = seen.sum(0)
    alike = _alike(known, seen)
    share = alike / (1 + (count - 1) * alike)  # of a problem's mean that its own level is held to be

    def weighed(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(rows - seen * (share * rows.sum(0)))

    normal = np.diag(seen.sum(1)) - (seen * share) @ seen.T
    inverse = np.linalg.inv(normal)
    values = inverse @ weighed(known).sum(1)
    left = weighed(seen * (known - values[:, None]))
    problems, influence = seen.shape[1], inverse @ left
    covariance = influence @ influence.T * problems / max(problems - 1, 1)
    one_more = float((left**4).sum() / max((left**2).sum(), 1e-300)) / seen.sum(1)**2
    return Means(kept, values, covariance + np.diag(one_more), float(seen.sum(1).min()) - 1)


def _alike(known: NDArray[np.float64], seen: NDArray[np.float64]) -> float:
    """Correlation of a problem's scores in two generations, on average, in [0, MOST_ALIKE]."""
    around = seen * (known - (known.sum(1) / seen.sum(1))[:, None])
    pairs = float((seen.sum(0) ** 2 - seen.sum(0)).sum())
    both = float((around.sum(0) ** 2 - (around**2).sum(0)).sum())
    spread = float((around**2).sum()) / float(seen.sum())
    return float(np.clip(both / pairs / spread, 0.0, MOST_ALIKE)) if pairs and spread > 0 else 0.0


def unpaired_means(values: ArrayLike, errors: ArrayLike, *, attempts: int) -> Means:
    """Means [G] with standard errors [G], from so many attempts each or more, as if generations had no problems in
    common: where they have, what is said of their differences is less sharp than it could be.

    NaN where a generation has no mean. Raises ValueError for an error that is not above 0, for less than two attempts,
    and where the two do not pair up.
    """
    means, spreads = np.asarray(values, np.float64), np.asarray(errors, np.float64)
    if means.ndim != 1 or means.shape != spreads.shape:
        raise ValueError(f"means and errors must be [G] and pair up, got shapes {means.shape} and {spreads.shape}")
    kept = np.flatnonzero(np.isfinite(means))
    if not (spreads[kept] > 0).all():
        raise ValueError(f"errors must be above 0, got {spreads[kept].tolist()}")
    if len(kept) and attempts < 2:
        raise ValueError(f"attempts must be 2 or more, got {attempts}")
    return Means(kept, means[kept], np.diag(spreads[kept] ** 2), float(attempts - 1))


def shrunken(means: Means) -> NDArray[np.float64]:
    """[K] the means with luck taken out: what stays of each when bends between generations cost what they are likely to
    be.

    The smoother of Whittaker (1923) as a Gaussian prior on second differences, its scale of greatest marginal
    likelihood. So the largest of them is not the luckiest. Fewer than three are left as they are.
    """
    bends = np.diff(np.eye(len(means.values)), 2, axis=0)
    errors = bends @ means.covariance @ bends.T
    bent = bends @ means.values
    scale = float(np.trace(errors)) / max(len(bent), 1)
    if scale <= 0:
        return means.values.copy()
    choices = [errors + scale * shrink**2 * np.eye(len(bent)) for shrink in SHRINKS]
    best = min(choices, key=lambda spread: float(np.linalg.slogdet(spread)[1] + bent @ np.linalg.solve(spread, bent)))
    return np.asarray(means.values - means.covariance @ bends.T @ np.linalg.solve(best, bent), np.float64)
