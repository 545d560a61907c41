"""pass@k, against enumeration of every draw and simulation of its interval."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.meters.passk import mean_pass_at_k, pass_at_k


@pytest.mark.parametrize("attempts", [1, 2, 5, 8])
def test_pass_at_k_is_the_share_of_draws_with_a_right_attempt(attempts: int) -> None:
    for right in range(attempts + 1):
        row = [1] * right + [0] * (attempts - right)
        for k in range(1, attempts + 1):
            draws = [any(draw) for draw in combinations(row, k)]
            assert pass_at_k([right], attempts, k) == pytest.approx([np.mean(draws)])


def test_problems_may_have_different_numbers_of_attempts() -> None:
    assert pass_at_k([1, 2], [2, 4], 1) == pytest.approx([0.5, 0.5])
    assert pass_at_k([1, 2], [2, 4], 2) == pytest.approx([1.0, 5 / 6])


def test_pass_at_k_stays_exact_for_many_attempts() -> None:
    assert pass_at_k([1], 10_000, 100) == pytest.approx([0.01])


@given(st.lists(st.integers(0, 8), min_size=1, max_size=20), st.integers(1, 7))
def test_more_draws_never_pass_less_and_the_interval_holds_the_mean(right: list[int], k: int) -> None:
    mean, (low, high) = mean_pass_at_k(right, 8, k)
    assert 0 <= low <= mean <= high <= 1 and low < high
    assert mean_pass_at_k(right, 8, k + 1)[0] >= mean - 1e-12


def test_the_interval_of_one_attempt_a_problem_is_nearly_the_binomial_one() -> None:
    # Clopper and Pearson: 20 of 100 gives [0.1267, 0.2918].
    mean, interval = mean_pass_at_k([1] * 20 + [0] * 80, 1, 1)
    assert mean == pytest.approx(0.2) and interval == pytest.approx((0.1267, 0.2918), abs=0.002)


def test_nothing_right_still_leaves_an_upper_limit() -> None:
    mean, (low, high) = mean_pass_at_k([0] * 50, 8, 8)
    assert (mean, low) == (0.0, 0.0) and high == pytest.approx(1 - 0.025 ** (1 / 50))
    assert mean_pass_at_k([8] * 50, 8, 1)[1] == pytest.approx((0.025 ** (1 / 50), 1.0))


@pytest.mark.parametrize("k", [1, 4])
def test_the_interval_covers_the_truth_though_attempts_at_a_problem_are_alike(k: int) -> None:
    random = np.random.default_rng(0)
    chances = random.beta(0.3, 1.0, size=(400, 60))  # most problems are nearly always missed
    truth = 0.3 / 1.3 if k == 1 else 1 - np.prod([(1.0 + i) / (1.3 + i) for i in range(4)])
    covered = 0
    for row in random.binomial(8, chances):
        low, high = mean_pass_at_k(row, 8, k)[1]
        covered += low <= truth <= high
    assert 0.93 <= covered / 400 < 1


@pytest.mark.parametrize(("right", "attempts", "k"), [([1], 4, 5), ([1], 4, 0), ([5], 4, 1), ([-1], 4, 1), ([], 4, 1)])
def test_what_cannot_be_estimated_raises(right: list[int], attempts: int, k: int) -> None:
    with pytest.raises(ValueError, match="must"):
        mean_pass_at_k(right, attempts, k)
