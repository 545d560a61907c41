"""A step as a GPU records it. Without a GPU a tape stands in for its recorder: it keeps the operations that were done,
each with its very tensors, and does the same ones again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pawl.keys import row_keys
from pawl.models import decode, graph_step, kernels, sampling, transformer
from pawl.models.architecture import Architecture, small
from pawl.models.decode import Grid, Prompts, prefill
from pawl.models.graph_step import GraphStep, Recording
from pawl.models.sampling import Row, sample
from pawl.models.transformer import Transformer
from pawl.records import Sampling

torch.set_num_threads(1)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

PLAIN = small(20, depth=2, width=64, max_positions=128)
GROUPED = replace(PLAIN, num_heads=4, num_kv_heads=2, head_dim=16, tie_embeddings=False, family="qwen3", qk_norm=True)
LENGTHS = torch.tensor([4, 1, 9])
COUNT, STEPS = 3, 6
RANDOM = torch.Generator().manual_seed(0)
PROMPTS = torch.randint(20, (3, 12), generator=RANDOM)
WRITTEN = torch.randint(20, (3 * COUNT, STEPS), generator=RANDOM)


def make(arch: Architecture, device: str = "cpu") -> Transformer:
    model, random = Transformer(arch), torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=random) * 0.2
        parameter.data.copy_(noise if parameter.dim() == 2 else parameter + noise)
    return model.requires_grad_(False).to(device)


@pytest.fixture(params=[PLAIN, GROUPED], ids=["plain", "grouped"])
def model(request: pytest.FixtureRequest) -> Transformer:
    return make(request.param)


class Tape(TorchDispatchMode):
    """A CUDA graph, as far as it matters here: what Python does between operations is not on it."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        self.done.append((func, args, kwargs or {}, out))
        return out

    def replay(self) -> None:
        for func, args, kwargs, out in self.done:
            for then, now in zip(tree_leaves(out), tree_leaves(func(*args, **kwargs)), strict=True):
                then.copy_(now)


@pytest.fixture
def by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """No compiled loops."""
    for module in (decode, kernels, transformer):
        monkeypatch.setattr(module, "serve", lambda x: False)


@pytest.fixture
def tapes(by_torch: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Recording, Recording | None]]:
    """Recordings made on a CPU, each with the one whose memory it takes."""
    made: list[tuple[Recording, Recording | None]] = []

    def record(work: Callable[[], Tensor], earlier: Recording | None) -> Recording:
        with Tape() as tape:
            result = work()
        made.append((Recording(tape, result), earlier))  # type: ignore[arg-type]  # as a GPU's
        return made[-1][0]

    monkeypatch.setattr(graph_step, "record", record)
    for module in (graph_step, sampling):
        monkeypatch.setattr(module, "records", lambda device: True)
    return made


def prompts_on(model: Transformer) -> Prompts:
    return prefill(model, PROMPTS.to(model.device), LENGTHS.to(model.device))


def assert_is_full_pass(model: Transformer, logits: Tensor, rows: list[int], steps: int) -> None:
    """Against each row read from its start."""
    wholes = [torch.cat((PROMPTS[row // COUNT, : LENGTHS[row // COUNT]], WRITTEN[row, :steps])) for row in rows]
    with torch.no_grad():
        expected = torch.stack([model(whole[None].to(model.device))[0][0, -1] for whole in wholes])
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)


def test_a_recorded_step_says_what_a_full_pass_says(model: Transformer, tapes: list[Any]) -> None:
    grid = Grid(model, prompts_on(model), COUNT, STEPS)
    for step in range(STEPS):
        assert_is_full_pass(model, grid.advance(WRITTEN[:, step]), list(range(9)), step + 1)
    assert len(tapes) == 1


def test_a_recording_asks_nothing_of_the_processor(model: Transformer, tapes: list[Any]) -> None:
    grid = Grid(model, prompts_on(model), COUNT, STEPS)
    for step in range(2):
        grid.advance(WRITTEN[:, step])
    names = {func.name() for func, *_ in tapes[0][0].graph.done}
    assert "aten::index_copy_" in names
    assert not names & {"aten::_local_scalar_dense", "aten::nonzero", "aten::lift_fresh", "aten::masked_select",
                        "aten::repeat_interleave.Tensor"}


def test_a_recording_rounds_no_weight(tapes: list[Any]) -> None:
    """That was done at the first step, and holds as long as weights are what they are."""
    model = make(PLAIN)
    model.precision = torch.bfloat16
    grid = Grid(model, prompts_on(model), COUNT, STEPS)
    for step in range(2):
        grid.advance(WRITTEN[:, step])
    shapes = {tuple(weight.shape) for weight in model.parameters()}
    rounded = [args[0].shape for func, args, _, _ in tapes[0][0].graph.done if func is torch.ops.aten._to_copy.default]
    assert rounded and not shapes & set(map(tuple, rounded))


def test_a_grid_that_changes_is_recorded_anew_in_the_memory_of_the_last_recording(
    model: Transformer, tapes: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "ROOM", 3)
    grid, rows = Grid(model, prompts_on(model), COUNT, STEPS), list(range(9))
    for step in range(STEPS):
        if step == 4:  # in the grid that grew for step 3, of which there is no recording yet
            rows = [7, 6, 0, 2]
            grid.keep(torch.tensor([2, 0]), torch.tensor(rows), 2)
        assert_is_full_pass(model, grid.advance(WRITTEN[rows, step]), rows, step + 1)
    (first, none), (second, earlier) = tapes
    assert none is None and earlier is first and second is not first


def drawn(model: Transformer, prompts: int = 3, count: int = 16) -> list[Row]:
    prefixes = [PROMPTS[i, : LENGTHS[i]].numpy() for i in range(prompts)]
    keys = row_keys(1, ["a", "b", "c"][:prompts], count)
    sampling = Sampling(40, temperature=1.5)
    return list(chain(*sample(model, prefixes, count, sampling=sampling, keys=keys, end=frozenset({3, 17}))))


def assert_same_draws(ours: list[Row], theirs: list[Row]) -> None:
    for left, right in zip(ours, theirs, strict=True):
        assert (left.tokens.tolist(), left.finish) == (right.tokens.tolist(), right.finish)
        np.testing.assert_allclose(left.logprobs, right.logprobs, atol=1e-4)


def test_what_is_drawn_by_recorded_steps_is_what_is_drawn_without_them(
    model: Transformer, request: pytest.FixtureRequest
) -> None:
    expected = drawn(model)
    assert any(row.finish == "stop" for row in expected)
    recorded = request.getfixturevalue("tapes")
    assert_same_draws(drawn(model), expected)
    assert recorded


def test_few_recordings_are_made(model: Transformer, tapes: list[Any]) -> None:
    """A grid of 256 rows, half of them padding, halves until it has 32, and its room of 32 doubles once."""
    assert len({len(row.tokens) for row in drawn(model, 1, 128)}) > 10  # rows finish one by one
    rows = [recording.result.shape[0] for recording, _ in tapes]
    assert rows[0] == 256 and rows[-1] <= 32 and len(rows) <= 5


@torch.no_grad()
def test_a_step_stays_on_the_device_of_its_model(by_torch: None) -> None:
    """Tensors without numbers, which know their device: an operation that mixes two is an error."""
    model = Transformer(GROUPED).to("meta")
    model.precision = torch.bfloat16
    prompts = prefill(model, torch.zeros(4, 8, dtype=torch.long, device="meta"), torch.ones(4, device="meta").long())
    room = torch.zeros(4, 2, 32, 3, 16, dtype=torch.bfloat16, device="meta")
    caches = [(keys, values, room, room) for keys, values in zip(prompts.keys, prompts.values, strict=True)]
    step = GraphStep(model, prompts.lengths, model.rotary(41), caches)
    logits = step.advance(torch.zeros(12, dtype=torch.long, device="meta"), 0)
    assert (logits.shape, logits.device.type, logits.dtype) == ((12, 20), "meta", torch.float32)


@needs_gpu
@pytest.mark.parametrize("arch", [PLAIN, GROUPED], ids=["plain", "grouped"])
def test_on_a_gpu_recorded_steps_say_what_a_full_pass_says(arch: Architecture) -> None:
    model = make(arch, "cuda")
    grid, rows = Grid(model, prompts_on(model), COUNT, STEPS), list(range(9))
    for step in range(STEPS):
        if step == 3:
            rows = [7, 6, 0, 2]
            grid.keep(torch.tensor([2, 0]).cuda(), torch.tensor(rows).cuda(), 2)
        assert_is_full_pass(model, grid.advance(WRITTEN[rows, step].cuda()), rows, step + 1)
    assert isinstance(grid.whole, GraphStep) and grid.whole.recording is not None


@needs_gpu
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_on_a_gpu_the_same_is_drawn_twice(precision: torch.dtype) -> None:
    model = make(GROUPED, "cuda")
    model.precision = precision
    for left, right in zip(drawn(model), drawn(model), strict=True):
        assert left.tokens.tolist() == right.tokens.tolist() and left.logprobs.tolist() == right.logprobs.tolist()


@needs_gpu
def test_on_a_gpu_float32_draws_what_a_cpu_draws() -> None:
    assert_same_draws(drawn(make(PLAIN, "cuda")), drawn(make(PLAIN)))
