"""AUROC and calibration error, against pair counting and a plain loop over bins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.meters.calibration import auroc, expected_calibration_error

JUDGED = st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40)
EXPECTED = st.lists(st.tuples(st.integers(0, 20).map(lambda i: i / 20), st.floats(0, 1)), min_size=1, max_size=40)


@given(JUDGED)
def test_auroc_counts_pairs_and_halves_ties(judged: list[tuple[int, bool]]) -> None:
    values, right = [value for value, _ in judged], [label for _, label in judged]
    pairs = [
        1.0 if ours > theirs else 0.5 if ours == theirs else 0.0
        for ours, is_right in judged if is_right
        for theirs, was_right in judged if not was_right
    ]
    assert auroc(values, right) == (pytest.approx(np.mean(pairs)) if pairs else None)


@given(JUDGED)
def test_auroc_does_not_change_when_values_are_stretched(judged: list[tuple[int, bool]]) -> None:
    values, right = np.array([value for value, _ in judged]), [label for _, label in judged]
    assert auroc(values, right) == auroc(np.exp(values), right)


@given(EXPECTED)
def test_calibration_error_equals_the_loop_over_bins(pairs: list[tuple[float, float]]) -> None:
    total = 0.0
    for number in range(10):
        inside = [(p, y) for p, y in pairs if number / 10 < p <= (number + 1) / 10 or p == number == 0]
        if inside:
            expected, came = np.mean(inside, axis=0)
            total += len(inside) / len(pairs) * abs(expected - came)
    assert expected_calibration_error(*zip(*pairs, strict=True)) == pytest.approx(total, abs=1e-12)


def test_a_perfect_forecast_has_no_error_and_a_reversed_one_all() -> None:
    assert expected_calibration_error([0.0, 1.0], [0.0, 1.0]) == 0.0
    assert expected_calibration_error([0.0, 1.0], [1.0, 0.0]) == 1.0
    assert expected_calibration_error([], []) is None


@pytest.mark.parametrize("values", [[0.5], [float("nan"), 0.5], [1.5, 0.5]])
def test_values_that_are_none_raise(values: list[float]) -> None:
    with pytest.raises(ValueError, match="must"):
        expected_calibration_error(values, [0.0, 1.0])


def test_auroc_of_nan_raises() -> None:
    with pytest.raises(ValueError, match="finite"):
        auroc([float("nan"), 0.5], [True, False])
