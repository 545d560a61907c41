"""KL estimates, against the exact sum over a small vocabulary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.meters.divergence import divergence, k1, k3, sampler_distance

LOGPROBS = st.lists(st.floats(-20, 0), min_size=1, max_size=20)


def test_both_estimators_average_to_the_exact_divergence() -> None:
    policy, reference = np.array([0.6, 0.3, 0.1]), np.array([0.2, 0.3, 0.5])
    exact = float((policy * np.log(policy / reference)).sum())
    # Their expectation under the policy, summed over the vocabulary instead of sampled.
    assert policy @ k1(np.log(policy), np.log(reference)) == pytest.approx(exact)
    assert policy @ k3(np.log(policy), np.log(reference)) == pytest.approx(exact)


@given(LOGPROBS)
def test_k3_is_never_negative_and_zero_for_equals(logprobs: list[float]) -> None:
    assert (k3(logprobs, logprobs[::-1]) >= 0).all()
    assert (k3(logprobs, logprobs) == 0).all() and (k1(logprobs, logprobs) == 0).all()


def test_tokens_are_averaged_over_tokens_and_sequences_over_sequences() -> None:
    policy = [np.float32([-1, -1, -1]), np.float32([-2])]
    reference = [np.float32([-2, -1, -1]), np.float32([-1])]
    found = divergence(policy, reference)
    assert found.k1_per_token == pytest.approx((1 - 1) / 4)
    assert found.k1_per_sequence == pytest.approx((1 - 1) / 2)
    assert found.k3_per_token == pytest.approx((np.exp(-1) + (np.e - 2)) / 4)
    assert found.k3_per_sequence == pytest.approx((np.exp(-1) + (np.e - 2)) / 2)


def test_a_token_the_reference_rules_out_is_infinitely_far() -> None:
    assert divergence([np.float32([-1])], [np.float32([-np.inf])]).k3_per_token == np.inf


@pytest.mark.parametrize("reference", [[], [np.float32([-1, -1])]])
def test_log_probabilities_of_other_tokens_raise(reference: list[np.ndarray]) -> None:
    with pytest.raises(ValueError, match="the same tokens"):
        divergence([np.float32([-1])], reference)


def test_no_tokens_raise() -> None:
    with pytest.raises(ValueError, match="got none"):
        divergence([], [])


def test_a_sampler_is_compared_where_both_know_a_number() -> None:
    sampled = [np.float32([-1, -2, np.nan]), np.float32([-1, -np.inf])]
    found = sampler_distance(sampled, [np.float32([-1, -3, -1]), np.float32([-1.5, -1])])
    expected = {"sampler_gap": 1.5 / 3, "sampler_gap_max": 1, "sampler_outside": 1 / 3,
                "sampler_k3": (np.exp(-1) + np.exp(-0.5) - 2 + 1.5) / 3}
    assert found == pytest.approx(expected)
    assert sampler_distance([np.float32([np.nan])], [np.float32([-1])]) == sampler_distance([], []) == {}


def test_a_distance_of_a_sampler_that_is_no_number_is_left_out() -> None:
    found = sampler_distance([np.float32([-2000])], [np.float32([0])])
    assert found == {"sampler_gap": 2000, "sampler_gap_max": 2000, "sampler_outside": 1}
