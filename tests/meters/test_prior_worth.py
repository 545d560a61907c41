"""What a prior is worth, by hand: budgets are powers of two, so that halfway in the logarithm is a whole number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.meters.prior_worth import worth_in_words, worth_of_prior

UNIFORM = {4: 0.2, 16: 0.6, 64: 0.8}


def needed(accuracy: float, uniform: dict[int, float]) -> tuple[float, str]:
    [worth] = worth_of_prior({16: accuracy}, uniform)
    return worth.uniform, worth.known


@pytest.mark.parametrize(("accuracy", "budget"), [(0.2, 4), (0.3, 4 * 2**0.5), (0.4, 8), (0.6, 16), (0.7, 32),
                                                  (0.8, 64)])
def test_between_two_budgets_the_logarithm_of_the_budget_is_interpolated(accuracy: float, budget: float) -> None:
    assert needed(accuracy, UNIFORM) == (pytest.approx(budget), "about")


def test_off_the_ends_of_the_uniform_curve_only_a_bound_is_known() -> None:
    assert needed(0.1, UNIFORM) == (4, "at most")
    assert needed(0.9, UNIFORM) == (64, "more than")


def test_where_the_uniform_curve_is_flat_or_falls_the_first_budget_that_reached_it_counts() -> None:
    assert needed(0.5, {4: 0.5, 16: 0.5, 64: 0.7}) == (4, "about")
    assert needed(0.5, {4: 0.5, 16: 0.4, 64: 0.7}) == (4, "about")
    assert needed(0.6, {4: 0.5, 16: 0.4, 64: 0.7}) == (pytest.approx(32), "about")


def test_every_budget_of_the_policys_curve_has_its_own_factor() -> None:
    found = worth_of_prior({16: 0.7, 4: 0.4}, UNIFORM)
    assert [(worth.budget, worth.factor) for worth in found] == [(4, pytest.approx(2)), (16, pytest.approx(2))]


@given(st.dictionaries(st.integers(1, 999), st.floats(0, 1), min_size=1))
def test_a_curve_is_worth_no_more_than_itself(curve: dict[int, float]) -> None:
    for worth in worth_of_prior(curve, curve):
        assert min(curve) <= worth.uniform <= worth.budget * (1 + 1e-9)


def test_it_says_what_it_knows_and_no_more() -> None:
    sentences = [worth_in_words(worth) for worth in worth_of_prior({1: 0.1, 16: 0.7, 32: 0.9}, UNIFORM)]
    assert sentences == [
        "1 simulation with the policy's prior is worth at most 4 without it, the fewest that were tried (10.0% right)",
        "16 simulations with the policy's prior are worth about 32 without it (70.0% right): a factor of 2.0",
        "32 simulations with the policy's prior are worth more than 64 without it, the most that were tried "
        "(90.0% right)",
    ]


@pytest.mark.parametrize(("policy", "uniform"), [({1: 0.5}, {}), ({0: 0.5}, {1: 0.5}), ({1: 0.5}, {0: 0.5})])
def test_curves_without_budgets_are_refused(policy: dict[int, float], uniform: dict[int, float]) -> None:
    with pytest.raises(ValueError, match="curves must have budgets of 1 or more"):
        worth_of_prior(policy, uniform)
