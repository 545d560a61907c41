"""Temperature, Platt and isotonic curves, against scikit-learn and judges whose distortion is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, logit

from pawl.meters.recalibration import HOTTEST, Curve, isotonic, measured, platt, temperature

Numbers = NDArray[np.float64]
PAIRS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.sampled_from([0.0, 1.0])), min_size=1,
                 max_size=30)
FITS = (temperature, platt, isotonic)


def judged(scale: float, shift: float, *, count: int = 4000, seed: int = 0) -> tuple[Numbers, Numbers]:
    """Values of a judge that says sigmoid((logit(chance) - shift) / scale) of the true chance, and what came."""
    random = np.random.default_rng(seed)
    chances = random.uniform(0.02, 0.98, size=count)
    return expit((logit(chances) - shift) / scale), (random.random(count) < chances).astype(float)


def test_temperature_finds_how_much_too_sure_a_judge_is() -> None:
    assert temperature(*judged(0.25, 0.0)).scale == pytest.approx(0.25, rel=0.05)
    assert temperature(*judged(3.0, 0.0)).scale == pytest.approx(3.0, rel=0.05)


def test_platt_finds_scale_and_shift() -> None:
    line = platt(*judged(0.4, -1.0))
    assert (line.scale, line.shift) == (pytest.approx(0.4, rel=0.05), pytest.approx(-1.0, abs=0.1))


def test_platt_is_that_of_sklearn() -> None:
    calibration = pytest.importorskip("sklearn.calibration", reason="compares with scikit-learn, not installed")
    values, came = judged(0.4, -1.0, count=200)
    theirs = calibration._SigmoidCalibration().fit(logit(values), came)
    assert platt(values, came)(values) == pytest.approx(theirs.predict(logit(values)), abs=1e-5)


@given(PAIRS)
def test_isotonic_is_that_of_sklearn(pairs: list[tuple[float, float]]) -> None:
    sklearn = pytest.importorskip("sklearn.isotonic", reason="compares with scikit-learn, not installed")
    values, came = (np.array(part) for part in zip(*pairs, strict=True))
    theirs = sklearn.IsotonicRegression(out_of_bounds="clip").fit(values, came)
    grid = np.linspace(0, 1, 21)
    assert isotonic(values, came)(grid) == pytest.approx(theirs.predict(grid), abs=1e-9)


@pytest.mark.parametrize("fit", FITS)
def test_the_error_falls_on_attempts_from_which_nothing_was_fitted(fit: Curve) -> None:
    curve = fit(*judged(0.3, 0.0))
    found = measured(curve, *judged(0.3, 0.0, seed=1))
    assert found.error_before > 0.15 and found.error_after < 0.03
    assert found.brier_after < found.brier_before and found.attempts == 4000


@pytest.mark.parametrize("fit", FITS)
def test_a_judge_whose_numbers_hold_keeps_them(fit: Curve) -> None:
    grid = np.linspace(0.05, 0.95, 10)
    assert fit(*judged(1.0, 0.0, count=20_000))(grid) == pytest.approx(grid, abs=0.05)


@given(PAIRS)
def test_curves_stay_in_their_range_and_keep_the_order(pairs: list[tuple[float, float]]) -> None:
    values, came = (np.array(part) for part in zip(*pairs, strict=True))
    grid = np.linspace(0, 1, 50)
    for fit in FITS:
        found = fit(values, came)(grid)
        assert np.isfinite(found).all() and ((found >= 0) & (found <= 1)).all()
        rises, falls = (np.diff(found) >= -1e-12).all(), (np.diff(found) <= 1e-12).all()
        assert rises or (fit is platt and falls)


def test_no_mistake_is_no_reason_to_be_endlessly_sure() -> None:
    assert platt([0.1, 0.9], [0, 1])([0.1, 0.9]) == pytest.approx([1 / 3, 2 / 3], abs=1e-6)  # Platt's targets
    assert temperature([0.1, 0.9], [0, 1]).scale == pytest.approx(HOTTEST, rel=1e-3)


def test_platt_turns_a_judge_round_that_ranks_backwards() -> None:
    values, came = judged(1.0, 0.0)
    assert platt(1 - values, came).scale == pytest.approx(-1.0, rel=0.05)
    assert temperature(1 - values, came).scale == pytest.approx(1 / HOTTEST, rel=1e-3)


def test_graded_scores_are_fitted_as_chances() -> None:
    values = np.linspace(0.05, 0.95, 200)
    assert temperature(values, expit(0.5 * logit(values))).scale == pytest.approx(0.5, rel=1e-3)


@pytest.mark.parametrize("fit", [*FITS, lambda values, came: measured(temperature([0.5], [1]), values, came)])
@pytest.mark.parametrize(("values", "came"), [([], []), ([0.5], [0.5, 1]), ([1.5], [1]), ([0.5], [float("nan")])])
def test_what_is_no_score_raises(fit: Curve, values: list[float], came: list[float]) -> None:
    with pytest.raises(ValueError, match="values and scores must"):
        fit(values, came)  # type: ignore[call-arg]
