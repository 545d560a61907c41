"""Losses of comparisons, with the arithmetic written out."""

from __future__ import annotations

import math

import pytest
import torch

from pawl.learning.preferences import bradley_terry, dpo, ipo, kto

torch.set_num_threads(1)


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_dpo_is_the_surprise_at_what_was_liked() -> None:
    found = dpo(torch.tensor([2.0, -3.0]), beta=0.5)
    assert found.tolist() == pytest.approx([-math.log(sigmoid(1.0)), -math.log(sigmoid(-1.5))])


def test_ipo_pulls_the_margin_to_its_goal() -> None:
    assert ipo(torch.tensor([5.0, 2.0]), beta=0.1).tolist() == pytest.approx([0.0, 9.0])


def test_kto_rewards_the_good_and_punishes_the_bad() -> None:
    found = kto(torch.tensor([2.0, 2.0]), torch.tensor([1.0, -1.0]), beta=0.5)
    assert found.tolist() == pytest.approx([1 - sigmoid(1.0), 1 - sigmoid(-1.0)])


def test_a_reward_model_is_surprised_by_what_it_put_below() -> None:
    found = bradley_terry(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 3.0]))
    assert found.tolist() == pytest.approx([-math.log(sigmoid(1.0)), -math.log(sigmoid(-3.0))])


@pytest.mark.parametrize("margin", [-1e4, 1e4])
def test_far_margins_stay_finite(margin: float) -> None:
    margins = torch.tensor([margin], requires_grad=True)
    loss = dpo(margins, beta=1.0) + bradley_terry(margins, -margins) + kto(margins, torch.ones(1), beta=1.0)
    loss.sum().backward()
    assert torch.isfinite(loss).all() and margins.grad is not None and torch.isfinite(margins.grad).all()


def test_spin_on_three_symbols_moves_as_its_closed_form() -> None:
    """Chen et al. 2024, equation 4.10: p' ~ p (data / p)^(1 / lambda), for the best p' there is."""
    own, data = torch.tensor([0.2, 0.3, 0.5]), torch.tensor([0.5, 0.3, 0.2])
    for beta, expected in ((1.0, [0.5, 0.3, 0.2]), (2.0, [0.339, 0.322, 0.339])):
        logits = own.log().clone().requires_grad_()
        optimiser = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-10)

        def closure(logits: torch.Tensor = logits, beta: float = beta) -> torch.Tensor:
            optimiser.zero_grad()  # noqa: B023 - it is called before the next round
            ratios = logits.log_softmax(0) - own.log()
            loss = (data[:, None] * own[None] * dpo(ratios[:, None] - ratios[None], beta=beta)).sum()
            loss.backward()
            return loss

        optimiser.step(closure)
        torch.testing.assert_close(logits.detach().softmax(0), torch.tensor(expected), atol=1e-3, rtol=0)
