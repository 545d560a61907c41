"""The cache: a grid advanced token by token says what a full forward pass says, before and after it shrinks."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from pawl.models import decode, kernels, transformer
from pawl.models.architecture import Architecture, small
from pawl.models.decode import Grid, prefill
from pawl.models.transformer import Transformer

torch.set_num_threads(1)

PLAIN = small(20, depth=2, width=64, max_positions=64)
LENGTHS = torch.tensor([4, 1, 9])
COUNT, STEPS = 3, 5
RANDOM = torch.Generator().manual_seed(0)
PROMPTS = torch.randint(20, (3, 12), generator=RANDOM)
WRITTEN = torch.randint(20, (3 * COUNT, STEPS), generator=RANDOM)


def make(arch: Architecture) -> Transformer:
    model, random = Transformer(arch), torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=random) * 0.2
        parameter.data.copy_(noise if parameter.dim() == 2 else parameter + noise)
    return model.requires_grad_(False)


@pytest.fixture(autouse=True, params=["steps", "loops", "torch"])
def path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole steps by compiled loops, attention alone by them, and all by torch."""
    if request.param != "steps":
        monkeypatch.setattr(decode, "takes", lambda model: False)
    if request.param == "torch":
        for module in (decode, kernels, transformer):
            monkeypatch.setattr(module, "serve", lambda x: False)


@pytest.fixture(params=[PLAIN, replace(PLAIN, num_heads=4, num_kv_heads=2, head_dim=16, tie_embeddings=False),
                        replace(PLAIN, family="qwen3", qk_norm=True)], ids=["plain", "grouped", "normed"])
def model(request: pytest.FixtureRequest) -> Transformer:
    return make(request.param)


def full_pass(model: Transformer, row: int, steps: int) -> Tensor:
    """Logits [V] after the prompt of a row and its first `steps` tokens."""
    prompt = row // COUNT
    return model(torch.cat((PROMPTS[prompt, : LENGTHS[prompt]], WRITTEN[row, :steps]))[None])[0][0, -1]


def assert_is_full_pass(model: Transformer, logits: Tensor, rows: list[int], steps: int) -> None:
    expected = torch.stack([full_pass(model, row, steps) for row in rows])
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)


def test_the_state_after_a_prompt_does_not_see_its_padding(model: Transformer) -> None:
    grid = Grid(model, prefill(model, PROMPTS, LENGTHS), COUNT, STEPS)
    assert_is_full_pass(model, model.unembed(grid.prompt_hidden), [0, COUNT, 2 * COUNT], 0)


def test_every_step_is_that_of_a_full_pass(model: Transformer) -> None:
    grid = Grid(model, prefill(model, PROMPTS, LENGTHS), COUNT, STEPS)
    for step in range(STEPS):
        assert_is_full_pass(model, grid.advance(WRITTEN[:, step]), list(range(9)), step + 1)


def test_the_rows_that_are_kept_go_on_as_they_were(model: Transformer) -> None:
    grid = Grid(model, prefill(model, PROMPTS, LENGTHS), COUNT, STEPS)
    for step in range(2):
        grid.advance(WRITTEN[:, step])
    rows = [7, 6, 0, 2]
    grid.keep(torch.tensor([2, 0]), torch.tensor(rows), 2)
    for step in range(2, STEPS):
        assert_is_full_pass(model, grid.advance(WRITTEN[rows, step]), rows, step + 1)


def test_a_grid_may_shrink_to_a_single_row(model: Transformer) -> None:
    grid = Grid(model, prefill(model, PROMPTS, LENGTHS), COUNT, STEPS)
    grid.advance(WRITTEN[:, 0])
    grid.keep(torch.tensor([1]), torch.tensor([4]), 1)
    assert_is_full_pass(model, grid.advance(WRITTEN[[4], 1]), [4], 2)


def test_the_room_grows_when_it_is_full_and_rows_go_on_as_they_were(
    model: Transformer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "ROOM", 2)
    grid, rooms = Grid(model, prefill(model, PROMPTS, LENGTHS), COUNT, STEPS), []
    for step in range(STEPS):
        assert_is_full_pass(model, grid.advance(WRITTEN[:, step]), list(range(9)), step + 1)
        rooms.append(grid.layers[0].keys.shape[2])
    assert rooms == [2, 2, 4, 4, STEPS]


def test_in_bfloat16_it_is_near_the_full_pass_in_float32(model: Transformer) -> None:
    """Within 3% of how far the logits spread."""
    expected = torch.stack([full_pass(model, row, STEPS) for row in range(9)])
    model.precision = torch.bfloat16
    grid = Grid(model, prefill(model, PROMPTS, LENGTHS), COUNT, STEPS)
    for step in range(STEPS):
        logits = grid.advance(WRITTEN[:, step])
    assert grid.layers[0].keys.dtype == torch.bfloat16
    assert 0 < float((logits - expected).abs().max()) < 0.03 * float(expected.max() - expected.min())
