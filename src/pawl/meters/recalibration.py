"""Curves that make a judge's numbers hold: temperature, Platt's, and isotonic regression, fitted where gold is known.

A curve is fitted on attempts that nothing learnt from and measured on others: `measured` says by how much the error
fell. It puts no answer above another that was below it, but Platt's turns a judge round that ranks backwards. A judge
of pairs is calibrated in the same way, by its chance that the first is better and whether it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression, minimize, minimize_scalar
from scipy.special import expit, logit

from pawl.meters.calibration import brier_score, expected_calibration_error

Numbers = NDArray[np.float64]
Curve = Callable[[ArrayLike], Numbers]
"""Values [N] in [0, 1] -> what they should have been [N], in [0, 1]."""

EDGE = 1e-6
"""Values nearer to 0 or 1 count as this near: their logit would be endless."""
HOTTEST = 100.0
"""Of temperatures; its inverse is the coldest. Values without a mistake would want one of 0."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """sigmoid(scale logit(value) + shift)."""

    scale: float
    shift: float = 0.0

    def __call__(self, values: ArrayLike) -> Numbers:
        found: Numbers = expit(self.scale * _logits(values) + self.shift)
        return found


@dataclass(frozen=True, slots=True)
class Steps:
    """A curve that never falls, straight between its knots and level outside."""

    values: tuple[float, ...]
    came: tuple[float, ...]

    def __call__(self, values: ArrayLike) -> Numbers:
        return np.interp(np.asarray(values, np.float64), self.values, self.came)


def temperature(values: ArrayLike, scores: ArrayLike) -> Logistic:
    """The scale of logits under which scores [N] in [0, 1] are likeliest. Guo et al., "On calibration of modern neural
    networks", 2017, section 4.2. Raises ValueError without attempts, as every fit here."""
    logits, came = _logits(values), _paired(values, scores)
    bound = np.log(HOTTEST)
    found = minimize_scalar(lambda heat: _loss(np.exp(-heat) * logits, came), bounds=(-bound, bound), method="bounded",
                            options={"xatol": 1e-9})
    return Logistic(float(np.exp(-found.x)))


def platt(values: ArrayLike, scores: ArrayLike) -> Logistic:
    """Scale and shift of logits under which scores are likeliest, each score drawn a little to the middle as if one
    attempt more of either kind had been seen.

    Platt, "Probabilistic outputs for support vector machines", 1999; the targets are those of its section 2.2.
    """
    logits, came = _logits(values), _paired(values, scores)
    right, wrong = came.sum(), (1 - came).sum()
    target = came * (right + 1) / (right + 2) + (1 - came) / (wrong + 2)

    def loss(line: Numbers) -> tuple[float, Numbers]:
        said = line[0] * logits + line[1]
        slip = expit(said) - target
        return _loss(said, target), np.array([(slip * logits).mean(), slip.mean()])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS", options={"gtol": 1e-9})
    return Logistic(float(found.x[0]), float(found.x[1]))


def isotonic(values: ArrayLike, scores: ArrayLike) -> Steps:
    """The curve that never falls and is nearest to scores in squares. Zadrozny and Elkan, "Transforming classifier
    scores into accurate multiclass probability estimates", 2002. It wants a thousand attempts or more."""
    came = _paired(values, scores)
    knots, place, counts = np.unique(np.asarray(values, np.float64), return_inverse=True, return_counts=True)
    means = np.bincount(place, came) / counts
    return Steps(tuple(knots.tolist()), tuple(isotonic_regression(means, weights=counts).x.tolist()))


@dataclass(frozen=True, slots=True)
class Recalibrated:
    """What a curve changes on attempts from which it was not fitted."""

    error_before: float
    """Expected calibration error."""
    error_after: float
    brier_before: float
    brier_after: float
    attempts: int


def measured(curve: Curve, values: ArrayLike, scores: ArrayLike) -> Recalibrated:
    """A curve on held-out values and scores [N] in [0, 1]. Raises ValueError without attempts."""
    came, better = _paired(values, scores), np.clip(curve(values), 0, 1)
    errors, briers = ([meter(which, came) or 0.0 for which in (values, better)]
                      for meter in (expected_calibration_error, brier_score))
    return Recalibrated(errors[0], errors[1], briers[0], briers[1], came.size)


def _logits(values: ArrayLike) -> Numbers:
    found: Numbers = logit(np.clip(np.asarray(values, np.float64), EDGE, 1 - EDGE))
    return found


def _loss(logits: Numbers, came: Numbers) -> float:
    """Mean surprise in nats."""
    return float((np.logaddexp(0, logits) - came * logits).mean())


def _paired(values: ArrayLike, scores: ArrayLike) -> Numbers:
    """The scores. Raises ValueError unless both are [N] numbers in [0, 1], one at least."""
    expected, came = np.asarray(values, np.float64), np.asarray(scores, np.float64)
    if expected.ndim != 1 or expected.shape != came.shape or not expected.size:
        raise ValueError(f"values and scores must be [N], one at least, got shapes {expected.shape} and {came.shape}")
    for numbers in (expected, came):
        if not ((numbers >= 0) & (numbers <= 1)).all():  # so written, NaN is outside
            raise ValueError("values and scores must lie in [0, 1]")
    return came
