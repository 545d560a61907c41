"""Advantages, with the arithmetic written out."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pawl.learning.advantages import (
    BASELINES,
    batch_baseline,
    gae,
    group_baseline,
    group_normalised,
    leave_one_out,
    reward_weights,
    whitened,
)

NAN = math.nan
GROUPS = np.array([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.5]])
scores = arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 5)),
                elements=st.one_of(st.floats(0, 1), st.just(NAN)))


def test_the_batch_baseline_is_the_mean_of_all() -> None:
    np.testing.assert_allclose(batch_baseline(GROUPS), GROUPS - 3.5 / 8)


def test_the_group_baseline_is_the_mean_of_the_group() -> None:
    np.testing.assert_allclose(group_baseline(GROUPS), [[0.75, -0.25, -0.25, -0.25], [0.375, 0.375, -0.625, -0.125]])


def test_grpo_divides_by_the_deviation_of_the_group() -> None:
    for found, group in zip(group_normalised(GROUPS), GROUPS, strict=True):
        deviation = statistics.stdev(group)
        np.testing.assert_allclose(found, (group - statistics.fmean(group)) / (deviation + 1e-4))


def test_rloo_leaves_each_answer_out_of_its_own_baseline() -> None:
    np.testing.assert_allclose(leave_one_out(GROUPS[:1]), [[1.0, -1 / 3, -1 / 3, -1 / 3]])
    np.testing.assert_allclose(leave_one_out(GROUPS[1:]), [[0.5, 0.5, -2.5 / 3, 0.5 - 2 / 3]])


def test_rloo_is_the_group_baseline_by_a_factor_of_the_group_size() -> None:
    np.testing.assert_allclose(leave_one_out(GROUPS), group_baseline(GROUPS) * 4 / 3)


@pytest.mark.parametrize("name", BASELINES)
def test_an_answer_without_a_score_has_no_advantage_and_changes_nobody_elses(name: str) -> None:
    with_gap = np.insert(GROUPS, 2, NAN, axis=1)
    found = BASELINES[name](with_gap)
    assert (found[:, 2] == 0).all()
    np.testing.assert_allclose(np.delete(found, 2, axis=1), BASELINES[name](GROUPS))


@pytest.mark.parametrize("name", BASELINES)
@given(scores)
def test_every_advantage_is_a_number_and_what_is_alike_has_none(name: str, given_scores: np.ndarray) -> None:
    found = BASELINES[name](given_scores)
    assert found.shape == given_scores.shape and np.isfinite(found).all()
    np.testing.assert_allclose(BASELINES[name](np.where(np.isnan(given_scores), NAN, 0.25)), 0, atol=1e-12)


def test_a_trace_of_1_makes_returns_of_what_came() -> None:
    rewards, values = np.array([0.0, 0.0, 1.0]), np.array([0.5, 0.6, 0.9])
    advantages, returns = gae(rewards, values, trace=1.0)
    np.testing.assert_allclose(returns, [1.0, 1.0, 1.0])
    np.testing.assert_allclose(advantages, [0.5, 0.4, 0.1])


def test_a_trace_of_0_looks_one_step_ahead() -> None:
    rewards, values = np.array([0.0, 0.0, 1.0]), np.array([0.5, 0.6, 0.9])
    advantages, returns = gae(rewards, values, trace=0.0)
    np.testing.assert_allclose(advantages, [0.1, 0.3, 0.1])
    np.testing.assert_allclose(returns, [0.6, 0.9, 1.0])


def test_gae_is_the_discounted_sum_of_surprises() -> None:
    rewards, values = np.array([1.0, -1.0, 0.5]), np.array([0.2, 0.4, -0.1])
    first, second, third = 1 + 0.9 * 0.4 - 0.2, -1 + 0.9 * -0.1 - 0.4, 0.5 + 0.1
    advantages, _ = gae(rewards, values, discount=0.9, trace=0.5)
    np.testing.assert_allclose(advantages, [first + 0.45 * second + 0.45**2 * third, second + 0.45 * third, third])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0, 1), st.floats(0, 1))
def test_returns_of_one_score_at_the_end_stay_within_scores(values: list[float], score: float, trace: float) -> None:
    rewards = np.zeros(len(values))
    rewards[-1] = score
    _, returns = gae(rewards, np.array(values), trace=trace)
    assert returns.min() >= -1e-9 and returns.max() <= 1 + 1e-9


def test_whitened_advantages_have_mean_0_and_deviation_1() -> None:
    found = whitened(np.array([1.0, 2.0, 6.0]))
    assert (found.mean(), found.std()) == pytest.approx((0.0, 1.0))
    assert (whitened(np.full(3, 0.7)) == 0).all() and len(whitened(np.zeros(0))) == 0


def test_reward_weights_are_relative_to_the_best_of_the_group() -> None:
    found = reward_weights(np.array([[1.0, 0.5, NAN], [NAN, NAN, NAN]]), temperature=0.25)
    np.testing.assert_allclose(found, [[1.0, math.exp(-2), 0.0], [0.0, 0.0, 0.0]])
