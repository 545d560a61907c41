"""How far a proxy carries: proxy and gold as a policy leaves its reference, the curves of over-optimisation through
gold, where they peak, and whether the proxy still ranks attempts as gold does.

Distance is d = sqrt(KL(policy || reference)), in square roots of nats. Gao, Schulman and Hilton, "Scaling laws for
reward model overoptimization", 2022 (arXiv 2210.10760), section 3.1. Not covered: a form for the proxy's own curve, for
which the paper has none; whether gold has turned, which `turn.py` decides. Points from one pool, as those of best of n,
err together, and what is fitted to them is then less sure than its errors say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import spearmanr

from pawl.meters.best_of_n import by_rank

Form = Literal["best of n", "RL"]
"""d (alpha - beta d) and d (alpha - beta log d): equation 1."""
FORMS: tuple[Form, ...] = ("best of n", "RL")
FEWEST = 3
"""Points beside the first that a curve of two numbers must have, at different distances."""


@dataclass(frozen=True, slots=True)
class Point:
    """Both readings of the same attempts of one policy; a curve is a sequence of them as the run made them, the first
    of them the reference's."""

    distance: float
    """sqrt(KL(policy || reference)), at least 0."""
    proxy: float
    """Mean score."""
    gold: float
    """Mean score; NaN where it was not asked."""
    proxy_error: float = 0.0
    """Standard error of the mean; 0 where it is not known."""
    gold_error: float = 0.0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Fit:
    """A curve of over-optimisation through gold."""

    form: Form
    alpha: float
    """How fast gold rises at first."""
    beta: float
    """How fast that wears off; below 0 it never does."""
    alpha_error: float
    """Standard errors, wider by Birge's ratio where points lie further from the curve than their own errors say."""
    beta_error: float
    r_squared: float
    """Share of gold's weighted variance over the points after the first that the curve explains; may be below 0."""
    peak: float | None
    """d*: alpha / 2 beta, or exp(alpha / beta - 1); None where the curve has no maximum."""
    farthest: float
    """Largest distance of the data."""

    @property
    def inside(self) -> bool:
        """Whether the peak lies within the data; beyond it is a forecast."""
        return self.peak is not None and self.peak <= self.farthest

    def gold(self, distance: ArrayLike) -> NDArray[np.float64]:
        """What the curve has at distances, in their shape, above the reference."""
        first, second = _columns(self.form, np.asarray(distance, np.float64))
        return np.asarray(self.alpha * first + self.beta * second, np.float64)


def curve(distances: ArrayLike, proxy: ArrayLike, gold: ArrayLike) -> list[Point]:
    """Points of G generations from their distances [G] and scores [G, P] of the same attempts at P problems; gold that
    is not known is NaN. Raises ValueError where shapes do not pair up."""
    far, ours, theirs = (np.asarray(rows, np.float64) for rows in (distances, proxy, gold))
    if ours.ndim != 2 or ours.shape != theirs.shape or far.shape != ours.shape[:1]:
        raise ValueError(f"distances must be [G], and scores [G, P] both, got shapes {far.shape}, {ours.shape} and "
                         f"{theirs.shape}")
    rows = zip(far, map(_mean, ours), map(_mean, theirs), strict=True)
    return [Point(float(d), one[0], two[0], one[1], two[1], ours.shape[1]) for d, one, two in rows]


def _mean(scores: NDArray[np.float64]) -> tuple[float, float]:
    """Of those known [P], and its standard error: 0 where that cannot be known."""
    known = scores[~np.isnan(scores)]
    if len(known) < 2:
        return float(known.sum()) if len(known) else float("nan"), 0.0
    return float(known.mean()), float(known.std(ddof=1)) / len(known)**0.5


def recentred(points: Sequence[Point]) -> list[Point]:
    """The same curve with 0 for the first point's scores. Each error stays that of the point's own mean."""
    if not points:
        return []
    origin = points[0]
    return [replace(one, proxy=one.proxy - origin.proxy, gold=one.gold - origin.gold) for one in points]


def fitted(points: Sequence[Point], form: Form) -> Fit | None:
    """Least squares of gold above the first point's; None where a curve has too few points, or no gold in the first.

    Weighted by errors where all points after the first have one. The first point's error is in all differences from it,
    and is taken as such. Points without gold are left out.
    """
    known = [one for one in recentred(points) if np.isfinite(one.gold)]
    if not known or len({one.distance for one in known[1:]} - {0.0}) < FEWEST:
        return None
    distance, gold, errors = (np.array(column, np.float64) for column in zip(
        *((one.distance, one.gold, one.gold_error) for one in known), strict=True))
    errors = errors if (errors[1:] > 0).all() else np.zeros_like(errors)
    columns, target = np.stack(_columns(form, distance[1:]), axis=1), gold[1:]
    weights = np.linalg.inv(np.diag(np.where(errors.any(), errors[1:]**2, 1.0)) + errors[0]**2)
    spread = np.linalg.inv(columns.T @ weights @ columns)
    alpha, beta = spread @ columns.T @ weights @ target
    left = target - columns @ (alpha, beta)
    ratio = float(left @ weights @ left) / (len(target) - 2)
    errors_of = np.sqrt(np.diag(spread) * (max(1.0, ratio) if errors.any() else ratio))
    return Fit(form, float(alpha), float(beta), float(errors_of[0]), float(errors_of[1]),
               _r_squared(target, left, errors[1:]), _peak(form, alpha, beta), float(distance.max()))


def best_fit(points: Sequence[Point]) -> Fit | None:
    """Of both forms the one that explains more; None where there are too few points."""
    fits = [fit for form in FORMS if (fit := fitted(points, form)) is not None]
    return max(fits, key=lambda fit: fit.r_squared, default=None)


def _columns(form: Form, distance: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What alpha and beta stand beside."""
    if form == "best of n":
        return distance, -distance**2
    return distance, -distance * np.log(np.where(distance > 0, distance, 1.0))


def _r_squared(target: NDArray[np.float64], left: NDArray[np.float64], errors: NDArray[np.float64]) -> float:
    weights = 1 / errors**2 if errors.any() else np.ones_like(target)
    around = target - np.average(target, weights=weights)
    total = float(weights @ around**2)
    return 1 - float(weights @ left**2) / total if total > 0 else 0.0


def _peak(form: Form, alpha: float, beta: float) -> float | None:
    if beta <= 0 or (form == "best of n" and alpha <= 0):
        return None
    with np.errstate(over="ignore"):
        peak = float(alpha / (2 * beta) if form == "best of n" else np.exp(alpha / beta - 1))
    return peak if np.isfinite(peak) else None


def fit_in_words(fit: Fit) -> str:
    """`gold peaks at d = 2.5 (6.3 nats), which the run has passed; d (alpha - beta d), R^2 = 0.98`."""
    law = "d (alpha - beta d)" if fit.form == "best of n" else "d (alpha - beta log d)"
    if fit.peak is None:
        said = "gold has no peak"
    else:
        where = "which the run has passed" if fit.inside else f"beyond the {fit.farthest:.1f} that the run has reached"
        said = f"gold peaks at d = {fit.peak:.1f} ({fit.peak**2:.1f} nats), {where}"
    return f"{said}; {law}, R^2 = {fit.r_squared:.2f}"


TOP, FAR = 0.1, 0.01
"""Shares of attempts that the proxy likes best."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Proxy and gold within the attempts of one generation. What they cannot say is None."""

    rank: float | None
    """Spearman's correlation of proxy and gold, ties by their mean rank."""
    top: float | None
    """Gold of the tenth that the proxy likes best, less gold of all: what choosing by it brings here."""
    tail: float | None
    """How far the proxy's best hundredth begins above its median, over how far its best tenth does: 1.8 of a normal
    distribution, 2.8 of Student's t with 3 degrees, 10 of Cauchy's. Of 100 attempts at least."""
    spread: float | None
    """Standard deviation of the proxy."""
    attempts: int
    """That have both."""


def agreement(proxy: ArrayLike, gold: ArrayLike) -> Agreement:
    """How far a proxy [N] says what gold [N] does of the same attempts; those that lack either are left out.

    Raises ValueError when the two do not pair up.
    """
    ours, theirs = np.asarray(proxy, np.float64), np.asarray(gold, np.float64)
    if ours.ndim != 1 or ours.shape != theirs.shape:
        raise ValueError(f"arrays must be [N] and pair up, got shapes {ours.shape} and {theirs.shape}")
    both = np.isfinite(ours) & np.isfinite(theirs)
    ours, theirs = ours[both], theirs[both]
    if len(ours) < 2:
        return Agreement(None, None, None, None, len(ours))
    varied = np.ptp(ours) > 0 and np.ptp(theirs) > 0
    top = by_rank(ours, theirs)[-int(np.ceil(TOP * len(ours))):].mean() - theirs.mean()
    return Agreement(float(spearmanr(ours, theirs).statistic) if varied else None, float(top), _tail(ours),
                     float(ours.std(ddof=1)), len(ours))


def _tail(scores: NDArray[np.float64]) -> float | None:
    middle, top, far = np.quantile(scores, [0.5, 1 - TOP, 1 - FAR])
    return float((far - middle) / (top - middle)) if len(scores) >= 1 / FAR and top > middle else None
