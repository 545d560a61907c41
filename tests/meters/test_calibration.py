"""AUROC and calibration error, against pair counting and a plain loop over bins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.meters.calibration import auroc, auroc_within, brier_score, expected_calibration_error, reliability

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


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.sampled_from("abc")), max_size=40))
def test_auroc_within_counts_pairs_of_one_problem_only(judged: list[tuple[int, bool, str]]) -> None:
    pairs = [
        1.0 if ours > theirs else 0.5 if ours == theirs else 0.0
        for ours, is_right, here in judged if is_right
        for theirs, was_right, there in judged if not was_right and here == there
    ]
    found = auroc_within([value for value, *_ in judged], [right for _, right, _ in judged],
                         [problem for *_, problem in judged])
    assert found == (pytest.approx(np.mean(pairs)) if pairs else None)


def test_a_value_that_knows_how_hard_problems_are_ranks_none_of_one_problem() -> None:
    values, right, problems = [0.9, 0.9, 0.9, 0.1, 0.1, 0.1], [1, 1, 0, 1, 0, 0], "aaabbb"
    assert auroc(values, right) == pytest.approx((4 + 0.5 * 4) / 9)
    assert auroc_within(values, right, problems) == 0.5


def test_the_table_is_that_of_a_hand() -> None:
    first, second = reliability([0.0, 0.1, 0.95, 1.0], [0.0, 1.0, 1.0, 0.5])
    assert (first.place, first.expected, first.came, first.count) == (0, 0.05, 0.5, 2)
    assert (second.place, second.expected, second.came, second.count) == (9, pytest.approx(0.975), 0.75, 2)
    assert expected_calibration_error([0.0, 0.1, 0.95, 1.0], [0.0, 1.0, 1.0, 0.5]) == pytest.approx(
        (0.45 + 0.225) / 2)
    assert reliability([], []) == []


@given(EXPECTED)
def test_the_table_holds_every_attempt_in_its_bin(pairs: list[tuple[float, float]]) -> None:
    table = reliability(*zip(*pairs, strict=True))
    assert sum(one.count for one in table) == len(pairs)
    assert all(one.place / 10 <= one.expected + 1e-12 and one.expected <= (one.place + 1) / 10 + 1e-12 for one in table)
    assert [one.place for one in table] == sorted({one.place for one in table})


@given(EXPECTED)
def test_the_brier_score_is_the_mean_square(pairs: list[tuple[float, float]]) -> None:
    assert brier_score(*zip(*pairs, strict=True)) == pytest.approx(
        sum((value - score) ** 2 for value, score in pairs) / len(pairs))
    assert brier_score([], []) is None


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
