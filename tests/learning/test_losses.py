"""Losses, with the arithmetic written out."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pawl.learning.losses import kl_estimate, kl_from_reference, kl_to_reference, value_error, weighted_likelihood

torch.set_num_threads(1)

LOGITS = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]))
"""Two positions, three tokens."""


def test_the_likelihood_is_a_weighted_mean() -> None:
    found = weighted_likelihood(LOGITS, torch.tensor([1, 2]), torch.tensor([1.0, 3.0]))
    assert float(found) == pytest.approx(-(1 * math.log(0.25) + 3 * math.log(0.7)) / 4)


def test_a_position_of_weight_0_counts_for_nothing() -> None:
    logits = LOGITS.clone().requires_grad_()
    found = weighted_likelihood(logits, torch.tensor([0, 1]), torch.tensor([2.0, 0.0]))
    found.backward()
    assert float(found.detach()) == pytest.approx(-math.log(0.5))
    assert logits.grad is not None
    # The gradient of -log softmax is softmax minus the target.
    torch.testing.assert_close(logits.grad, torch.tensor([[0.5 - 1, 0.25, 0.25], [0.0, 0.0, 0.0]]))


def test_the_scale_of_all_weights_does_not_matter() -> None:
    targets, weights = torch.tensor([0, 2]), torch.tensor([0.25, 1.0])
    once, ten_times = (weighted_likelihood(LOGITS, targets, scale * weights) for scale in (1, 10))
    torch.testing.assert_close(once, ten_times)


def test_the_distance_to_the_reference_is_summed_over_the_vocabulary() -> None:
    reference = torch.log(torch.tensor([[0.25, 0.25, 0.5], [0.1, 0.2, 0.7]]))
    expected = 0.5 * math.log(0.5 / 0.25) + 0.25 * math.log(0.25 / 0.25) + 0.25 * math.log(0.25 / 0.5)
    torch.testing.assert_close(kl_to_reference(LOGITS, reference), torch.tensor([expected, 0.0]))


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=2, max_size=6))
def test_the_distance_is_that_of_torch_and_never_negative(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = torch.tensor(pairs).T[:, None]
    found = kl_to_reference(ours, theirs)
    expected = torch.distributions.kl_divergence(*(torch.distributions.Categorical(logits=x) for x in (ours, theirs)))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert float(found) >= -1e-6


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=2, max_size=6))
def test_the_other_direction_is_that_of_torch(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = torch.tensor(pairs).T[:, None]
    expected = torch.distributions.kl_divergence(*(torch.distributions.Categorical(logits=x) for x in (theirs, ours)))
    torch.testing.assert_close(kl_from_reference(ours, theirs), expected, atol=1e-5, rtol=1e-5)


def test_the_estimate_is_right_on_average_and_never_negative() -> None:
    reference = torch.log(torch.tensor([[0.25, 0.25, 0.5], [0.3, 0.3, 0.4]]))
    each = torch.stack([kl_estimate(LOGITS, reference, torch.full((2,), token)) for token in range(3)], -1)
    assert float(each.min()) >= 0
    torch.testing.assert_close((LOGITS.exp() * each).sum(-1), kl_to_reference(LOGITS, reference))


@pytest.mark.parametrize("distance", [kl_to_reference, kl_from_reference,
                                      lambda ours, theirs: kl_estimate(ours, theirs, torch.tensor([0, 1]))])
def test_every_distance_holds_the_policy_and_not_the_reference(distance: Callable[[Tensor, Tensor], Tensor]) -> None:
    logits, reference = LOGITS.clone().requires_grad_(), LOGITS.flip(0).clone().requires_grad_()
    before = distance(logits, reference).sum()
    before.backward()
    assert logits.grad is not None and reference.grad is None
    after = distance(logits - 0.1 * logits.grad, reference).sum()
    assert float(after.detach()) < float(before.detach())
    assert float(distance(LOGITS, LOGITS).abs().max()) < 1e-6


def test_the_value_error_is_a_weighted_cross_entropy() -> None:
    values = torch.logit(torch.tensor([0.8, 0.5, 0.1]))
    found = value_error(values, torch.tensor([1.0, 0.0, 0.25]), torch.tensor([1.0, 2.0, 5.0]))
    terms = [-math.log(0.8), -math.log(0.5), -(0.25 * math.log(0.1) + 0.75 * math.log(0.9))]
    assert float(found) == pytest.approx((1 * terms[0] + 2 * terms[1] + 5 * terms[2]) / 8)


@pytest.mark.parametrize("score", [0.0, 0.3, 1.0])
def test_the_best_value_is_the_expected_score(score: float) -> None:
    """The gradient of the cross-entropy is the value minus the score."""
    value = torch.logit(torch.tensor([0.3])).requires_grad_()
    value_error(value, torch.tensor([score]), torch.tensor([4.0])).backward()
    assert value.grad is not None
    assert float(value.grad) == pytest.approx(0.3 - score, abs=1e-6)
