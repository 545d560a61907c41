"""Sampling: K completions of each prompt, in cache-sized grids, each row from its own random stream.

Not covered: constrained decoding; the likeliest continuation is found by `search/likeliest.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from pawl.keys import uniforms
from pawl.models.decode import Grid, Prompts, prefill
from pawl.models.draw import draw
from pawl.models.graph_step import records
from pawl.models.prefix_cache import PrefixCache
from pawl.models.transformer import Transformer
from pawl.records import FloatArray, IntArray, KeyArray, Sampling
from pawl.threads import one_thread_each

LENGTH_STEP = 8
"""Prompts share a grid when their lengths round up to the same multiple of this."""
ROWS = 512
"""Rows of a grid: enough to keep the matrix products busy, few enough for the cache to stay near the cores."""
ROW_STEP = 16
"""Grids are padded to a multiple of this, so that matrix products take the same path whatever the batch: with 8 rows
they took another than with 16 and more, and rounded otherwise."""
SHRINK, SHRINK_RECORDED = 0.75, 0.5
"""A grid shrinks when no more than this share of its rows would remain; the second where steps are recorded,
for every grid anew."""

Stopper = Callable[[IntArray], bool]
"""Whether the tokens [T] of a row, just extended, complete a stop string."""


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens [T] of one completion, the end token included, with their log-probabilities [T]."""

    tokens: IntArray
    logprobs: FloatArray
    finish: Literal["stop", "length"]


def sample(
    model: Transformer,
    prompts: Sequence[IntArray],
    count: int,
    *,
    sampling: Sampling,
    keys: KeyArray,
    end: frozenset[int],
    stopper: Stopper | None = None,
    cache: PrefixCache | None = None,
) -> list[list[Row]]:
    """`count` completions of each prompt; keys [P, count]; `end` are the tokens that end a completion.

    Prompts that a `cache` is given for fit together in it.
    """
    rows: list[list[Row]] = [[] for _ in prompts]
    threads = torch.get_num_threads() if model.device.type == "cpu" else 1
    # A share of the rows for each thread, or full grids where there are more rows than that.
    size = max(1, min(ROWS, -(-len(prompts) * count // threads)) // count)
    chunks = list(_chunks([len(prompt) for prompt in prompts], size))
    paths = [] if cache is None or not prompts else cache.read(prompts)

    def opened(chosen: Sequence[int]) -> Prompts:
        if cache is None:
            return _prefilled(model, [prompts[i] for i in chosen])
        return cache.prompts([paths[i] for i in chosen])

    def work(chosen: list[int]) -> list[list[Row]]:
        with torch.no_grad():  # not inference_mode: the rotary table that grows here serves training too
            return _sample_grid(model, chosen, opened, count, sampling, keys[chosen], end, stopper)

    for chosen, finished in zip(chunks, one_thread_each(work, chunks, threads), strict=True):
        for place, completions in zip(chosen, finished, strict=True):
            rows[place] = completions
    return rows


def _chunks(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Indices of at most `size` prompts whose lengths round up alike, shortest first."""
    by_length = defaultdict(list)
    for index, length in enumerate(lengths):
        by_length[-(-length // LENGTH_STEP)].append(index)
    for _, members in sorted(by_length.items()):
        for start in range(0, len(members), size):
            yield members[start : start + size]


def _sample_grid(
    model: Transformer, chosen: list[int], opened: Callable[[Sequence[int]], Prompts], count: int, sampling: Sampling,
    keys: KeyArray, end: frozenset[int], stopper: Stopper | None,
) -> list[list[Row]]:
    device = model.device
    total = len(chosen) * count
    tokens_out = np.zeros((total, sampling.max_tokens), dtype=np.int32)
    logprobs_out = np.zeros((total, sampling.max_tokens), dtype=np.float32)
    lengths = np.full(total, sampling.max_tokens)
    ends = np.array(sorted(end))
    share = SHRINK_RECORDED if records(device) else SHRINK

    place = _arrange(np.arange(total).reshape(-1, count))
    grid = Grid(model, opened([chosen[i] for i in place.prompts]), place.count, sampling.max_tokens)
    origin, flat_keys = place.rows, keys.reshape(-1)
    logits = model.unembed(grid.prompt_hidden.repeat_interleave(place.count, dim=0))
    for step in range(sampling.max_tokens):
        drawn, logprobs = draw(logits, uniforms(flat_keys[origin], step), sampling)
        tokens = drawn.cpu().numpy()
        live = origin >= 0
        tokens_out[origin[live], step] = tokens[live]
        logprobs_out[origin[live], step] = logprobs.cpu().numpy()[live]
        done = live & np.isin(tokens, ends)
        if stopper is not None:
            for row in np.flatnonzero(live & ~done):
                done[row] = stopper(tokens_out[origin[row], : step + 1])
        lengths[origin[done]] = step + 1
        origin = np.where(done, -1, origin)
        if step + 1 == sampling.max_tokens or not (origin >= 0).any():
            break
        place = _arrange(origin.reshape(-1, grid.count))
        if len(place.rows) <= share * len(origin):
            kept = torch.from_numpy(place.sources).to(device)
            grid.keep(torch.from_numpy(place.prompts).to(device), kept, place.count)
            drawn, origin = drawn[kept], place.rows
        logits = grid.advance(drawn)
    stopped = lengths < sampling.max_tokens
    stopped |= np.isin(tokens_out[:, -1], ends)
    return [
        [
            Row(tokens_out[row, :length], logprobs_out[row, :length], "stop" if stopped[row] else "length")
            for row, length in zip(range(first, first + count), lengths[first : first + count], strict=True)
        ]
        for first in range(0, total, count)
    ]


def _prefilled(model: Transformer, prompts: list[IntArray]) -> Prompts:
    """Of prompts right-padded to a multiple of LENGTH_STEP."""
    width = -(-max(map(len, prompts)) // LENGTH_STEP) * LENGTH_STEP
    padded = torch.zeros(len(prompts), width, dtype=torch.long)
    for row, prompt in enumerate(prompts):
        padded[row, : len(prompt)] = torch.from_numpy(prompt)
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    return prefill(model, padded.to(model.device), lengths.to(model.device))


@dataclass(frozen=True, slots=True)
class _Place:
    """A grid made from another: its prompts [P'], its rows' places there [P' * count], and whose rows they are."""

    prompts: NDArray[np.int64]
    sources: NDArray[np.int64]
    rows: NDArray[np.int64]
    """[P' * count] the original row; -1 where the row is only padding."""
    count: int


def _arrange(origin: NDArray[np.int64]) -> _Place:
    """The smallest grid that holds all live rows of `origin` [P, K] (-1 is dead).

    Padded so that both the rows and the tokens of prompts are a multiple of ROW_STEP.
    """
    live = origin >= 0
    count = int(live.sum(axis=1).max())
    prompts = np.flatnonzero(live.any(axis=1))
    missing = -len(prompts) % (ROW_STEP // gcd(ROW_STEP, LENGTH_STEP, count))
    # Live rows first, in their order; what is left of the `count` places is padding.
    columns = np.argsort(~live[prompts], axis=1, kind="stable")[:, :count]
    rows = np.take_along_axis(origin[prompts], columns, axis=1)
    sources = prompts[:, None] * origin.shape[1] + columns
    if missing:
        prompts = np.concatenate((prompts, np.repeat(prompts[-1:], missing)))
        sources = np.concatenate((sources, np.repeat(sources[-1:], missing, axis=0)))
        rows = np.concatenate((rows, np.full((missing, count), -1)))
    return _Place(prompts, sources.reshape(-1), rows.reshape(-1), count)
