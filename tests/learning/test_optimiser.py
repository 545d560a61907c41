"""Steps and their sizes, against the optimisers' formulas."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from pawl.learning.optimiser import Optimiser, schedule

torch.set_num_threads(1)


def parameters(**tensors: torch.Tensor) -> list[tuple[str, nn.Parameter]]:
    return [(name, nn.Parameter(tensor)) for name, tensor in tensors.items()]


def test_the_rate_rises_over_the_warm_up_and_falls_to_a_twentieth() -> None:
    rates = [schedule(step, 12, 2) for step in range(12)]
    assert rates == pytest.approx([0.5, 1, 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert schedule(100, 12, 2) == schedule(99, 100, 1) == 0.05


def test_no_rate_is_zero_even_in_a_schedule_of_one_step() -> None:
    assert schedule(0, 1, 1) == 1.0


def test_steps_follow_the_schedule() -> None:
    """Adam moves by the rate, whatever the size of a gradient that stays the same."""
    named = parameters(norm=torch.zeros(3))
    optimiser = Optimiser(named, learning_rate=0.1, steps=4, warmup=2)
    moved = []
    for _ in range(4):
        before = named[0][1].detach().clone()
        named[0][1].grad = torch.tensor([0.01, -0.02, 0.03])
        optimiser.step()
        moved.append((named[0][1].detach() - before).tolist())
    for rate, step in zip([0.05, 0.1, 0.1, 0.05], moved, strict=True):
        assert step == pytest.approx([-rate, rate, -rate], rel=1e-3)


def test_a_matrix_moves_by_the_same_size_in_every_direction() -> None:
    """Muon: the singular values of a step are nearly equal, 0.2 sqrt(largest side) of the rate; its iteration stops
    within 0.68 to 1.13 of that (Jordan et al. 2024)."""
    named = parameters(inner=torch.zeros(16, 24))
    named[0][1].grad = torch.randn(16, 24, generator=torch.Generator().manual_seed(0)) * torch.logspace(-2, 0, 24)
    Optimiser(named, learning_rate=0.1, steps=1, warmup=1).step()
    sizes = torch.linalg.svdvals(named[0][1].detach()) / (0.1 * 0.2 * 24**0.5)
    assert 0.6 < float(sizes.min()) <= float(sizes.max()) < 1.25


@pytest.mark.parametrize("name", ["embed.weight", "head.weight", "value_head.weight", "norm.weight", "bias"])
def test_embeddings_heads_norms_and_biases_move_by_the_rate(name: str) -> None:
    shape = (4, 3) if "embed" in name or "head" in name else (4,)
    named = [(name, nn.Parameter(torch.zeros(shape)))]
    named[0][1].grad = torch.full(shape, -0.01)
    Optimiser(named, learning_rate=0.1, steps=1, warmup=1).step()
    torch.testing.assert_close(named[0][1].detach(), torch.full(shape, 0.1), rtol=1e-3, atol=0)


def test_gradients_are_clipped_by_their_joint_norm_which_is_given_back() -> None:
    named = parameters(norm=torch.zeros(1), bias=torch.zeros(1))
    named[0][1].grad, named[1][1].grad = torch.tensor([3.0]), torch.tensor([4.0])
    seen: list[float] = []
    optimiser = Optimiser(named, learning_rate=0.1, steps=1, warmup=1)
    optimiser.parts[0].register_step_pre_hook(
        lambda *_: seen.extend(float(p.grad) for _, p in named))  # type: ignore[arg-type]
    assert optimiser.step(clip=1.0) == pytest.approx(5.0)
    assert seen == pytest.approx([0.6, 0.8], rel=1e-4)


def test_gradients_are_gone_after_a_step() -> None:
    named = parameters(inner=torch.ones(4, 4), norm=torch.ones(4))
    for _, parameter in named:
        parameter.grad = torch.ones_like(parameter)
    Optimiser(named, learning_rate=0.1, steps=1, warmup=1).step()
    assert all(parameter.grad is None for _, parameter in named)


def test_what_has_no_gradient_does_not_move() -> None:
    named = parameters(inner=torch.ones(4, 4), norm=torch.ones(4))
    named[1][1].grad = torch.ones(4)
    Optimiser(named, learning_rate=0.1, steps=1, warmup=1).step()
    assert torch.equal(named[0][1].detach(), torch.ones(4, 4))


def test_frozen_parameters_are_left_out() -> None:
    named = parameters(inner=torch.ones(4, 4), norm=torch.ones(4))
    named[0][1].requires_grad_(False)
    assert [id(p) for p in Optimiser(named, learning_rate=0.1, steps=1, warmup=1).parameters] == [id(named[1][1])]
