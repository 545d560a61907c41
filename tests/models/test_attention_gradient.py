"""The gradient of attention, against torch's in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pawl.models.attention import attend_whole
from pawl.models.attention_gradient import attend_learning
from pawl.models.vectors import LANES

torch.set_num_threads(1)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def rotations_of(length: int, size: int) -> Tensor:
    angles = random(length, size // 2, seed=4)
    return torch.polar(torch.ones_like(angles), angles)


def gradient_by_torch(heads: Tensor, rotations: Tensor, groups: int, given: Tensor) -> Tensor:
    leaf = heads.double().requires_grad_()
    number = heads.shape[2] - 2 * groups
    turned, values = leaf.split((number + groups, groups), dim=2)
    pairs = torch.view_as_complex(turned.unflatten(-1, (-1, 2))) * rotations.to(torch.complex128)[:, None]
    q, k = torch.view_as_real(pairs).flatten(-2).transpose(1, 2).split((number, groups), dim=1)
    mixed = F.scaled_dot_product_attention(q, k, values.transpose(1, 2), is_causal=True, enable_gqa=True)
    mixed.transpose(1, 2).flatten(2).backward(given.double())
    assert leaf.grad is not None
    return leaf.grad


@pytest.mark.parametrize(("heads", "groups"), [(2, 2), (4, 2), (3, 1)])
@pytest.mark.parametrize("length", [1, 5, LANES, 2 * LANES + 5])
@pytest.mark.parametrize("threads", [1, 2])
def test_it_is_torchs_in_float64(heads: int, groups: int, length: int, threads: int) -> None:
    torch.set_num_threads(threads)
    given, size = random(3, length, heads * 32, seed=1), 32
    leaf, rotations = random(3, length, heads + 2 * groups, size).requires_grad_(), rotations_of(length, size)
    mixed, _, _ = attend_learning(leaf, rotations, groups)
    mixed.backward(given)
    torch.set_num_threads(1)
    assert leaf.grad is not None
    expected = gradient_by_torch(leaf.detach(), rotations, groups, given)
    torch.testing.assert_close(leaf.grad.double(), expected, rtol=1e-4, atol=1e-5)


def test_what_it_gathers_is_what_is_gathered_where_nothing_is_learnt() -> None:
    leaf, rotations = random(3, 20, 4, 16).requires_grad_(), rotations_of(20, 16)
    learning, plain = attend_learning(leaf, rotations, 1), attend_whole(leaf.detach(), rotations, 1)
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(learning, plain, strict=True))


def test_in_bfloat16_the_gradient_is_near() -> None:
    given, leaf, rotations = random(2, 20, 48, seed=1), random(2, 20, 5, 16).bfloat16(), rotations_of(20, 16)
    mixed, _, _ = attend_learning(leaf.requires_grad_(), rotations, 1)
    mixed.backward(given.bfloat16())
    assert leaf.grad is not None and leaf.grad.dtype == torch.bfloat16
    expected = gradient_by_torch(leaf.detach(), rotations, 1, given)
    torch.testing.assert_close(leaf.grad.double(), expected, rtol=0.02, atol=0.02)
