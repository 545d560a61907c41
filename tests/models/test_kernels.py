"""The compiled loops, against torch and numpy in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pawl.models import kernels

torch.set_num_threads(1)

ALMOST_ONE = 1 - 2.0**-53


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_they_serve_float32_on_a_cpu() -> None:
    assert kernels.serve(random(2))
    assert not kernels.serve(random(2).bfloat16())
    assert not kernels.serve(torch.empty(2, device="meta"))


@pytest.mark.parametrize("shape", [(5, 32), (2, 3, 7), (1, 1), (4, 0, 8)])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_a_norm_is_torchs(shape: tuple[int, ...], scale: float) -> None:
    x, weight = scale * random(*shape), random(shape[-1], seed=1)
    expected = F.rms_norm(x.double(), (shape[-1],), weight.double(), 1e-5)
    torch.testing.assert_close(kernels.rms_norm(x, weight, 1e-5), expected.float(), rtol=2e-6, atol=1e-7)


def test_the_norms_gradients_are_torchs_in_float64() -> None:
    x, weight, given = random(5, 3, 12), random(12, seed=1), random(5, 3, 12, seed=2)

    def gradients(dtype: torch.dtype) -> list[Tensor]:
        leaves = [part.to(dtype).clone().requires_grad_() for part in (x, weight)]
        norm = kernels.rms_norm if dtype == torch.float32 else lambda x, w, e: F.rms_norm(x, (12,), w, e)
        norm(*leaves, 1e-3).backward(given.to(dtype))
        return [leaf.grad for leaf in leaves if leaf.grad is not None]

    for found, exact in zip(gradients(torch.float32), gradients(torch.float64), strict=True):
        torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-6)


def test_a_norm_of_every_other_head_is_that_of_a_copy() -> None:
    heads, weight = random(6, 4, 8), random(8, seed=1)
    found = kernels.rms_norm(heads[:, ::2], weight, 1e-5)
    assert torch.equal(found, kernels.rms_norm(heads[:, ::2].contiguous(), weight, 1e-5))


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0, 1000.0])
def test_swiglu_is_torchs(scale: float) -> None:
    gate_up = scale * random(3, 5, 44)
    gate, up = gate_up.double().chunk(2, dim=-1)
    torch.testing.assert_close(kernels.swiglu(gate_up), (F.silu(gate) * up).float(), rtol=2e-6, atol=1e-30)


@settings(deadline=None)
@given(st.lists(st.floats(-87, 87, width=32), min_size=1, max_size=40))
def test_exp_is_numpys_to_half_a_millionth(numbers: list[float]) -> None:
    """Seen through silu, which has it of every number's negative size."""
    gates = torch.tensor(numbers, dtype=torch.float32)[None]
    found = kernels.swiglu(torch.cat((gates, torch.ones_like(gates)), dim=1))
    exact = gates.double() * torch.sigmoid(gates.double())
    torch.testing.assert_close(found.double(), exact, rtol=2e-6, atol=1e-37)  # below are no normal numbers


@settings(deadline=None)
@given(st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=40), st.sampled_from([0.25, 0.7, 1.0, 2.0]),
       st.floats(0, ALMOST_ONE))
def test_a_token_is_where_the_number_falls_in_the_distribution(
    logits: list[float], temperature: float, number: float
) -> None:
    exact = np.asarray(logits, np.float64)
    weights = np.exp((exact - exact.max()) / temperature)
    edges = np.concatenate(([0.0], np.cumsum(weights / weights.sum())))
    (token,), (logprob,) = kernels.draw(torch.tensor([logits], dtype=torch.float32), np.array([number]), temperature)
    assert edges[token] - 1e-6 <= number <= edges[token + 1] + 1e-6
    assert float(logprob) == pytest.approx(float(exact[token] - np.logaddexp.reduce(exact)), abs=1e-5)


def test_the_rarest_tokens_of_a_large_vocabulary_are_drawn_as_often_as_they_should() -> None:
    """One likely token and then 200,000 of 1e-9 each: a sum in float32 would stand still at 1."""
    logits = torch.full((1, 200_001), float(np.log(1e-9)))
    logits[0, 0] = 0
    inside = (1 + 150_000.5 * 1e-9) / (1 + 200_000 * 1e-9)
    (token,), _ = kernels.draw(logits, np.array([inside]), 1.0)
    assert abs(int(token) - 150_001) <= 150_001 * 1e-4


@pytest.mark.parametrize("number", [0.0, ALMOST_ONE])
def test_a_token_without_probability_is_not_drawn(number: float) -> None:
    never = float("-inf")
    (token,), (logprob,) = kernels.draw(torch.tensor([[never, 1.0, 2.0, never]]), np.array([number]), 1.0)
    assert int(token) == (1 if number == 0 else 2)
    assert float(logprob) == pytest.approx(float(torch.tensor([1.0, 2.0]).log_softmax(0)[int(token) - 1]), abs=1e-6)


def test_what_leaves_begins_where_products_round_alike() -> None:
    """On 64 bytes, whatever was allocated before."""
    kept = []
    for size in range(1, 40):
        x = random(3, 2 * size).requires_grad_()
        normed = kernels.rms_norm(x, torch.ones(2 * size), 1e-5)
        (of_x,) = torch.autograd.grad(normed.sum(), x)
        kept += [normed, of_x, kernels.swiglu(x.detach()), *kernels.draw(x.detach(), np.full(3, 0.5), 1.0)]
    assert {part.data_ptr() % 64 for part in kept} == {0}


def test_what_is_no_number_stays_none() -> None:
    x = torch.tensor([[1.0, float("nan"), 2.0, 3.0]])
    assert kernels.rms_norm(x, torch.ones(4), 1e-5).isnan().all()
    assert kernels.swiglu(x).isnan().tolist() == [[False, True]]


@pytest.mark.parametrize("logits", [[float("nan")] * 4, [1.0, float("nan"), 2.0, 3.0], [float("nan"), 1.0, 2.0, 3.0]])
def test_a_draw_from_what_is_no_number_is_a_token_all_the_same(logits: list[float]) -> None:
    (token,), (logprob,) = kernels.draw(torch.tensor([logits]), np.array([0.5]), 0.7)
    assert 0 <= int(token) < 4
    assert logprob.isnan()
