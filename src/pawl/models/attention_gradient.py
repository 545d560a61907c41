"""Attention over whole sequences with its gradient, as compiled loops on a CPU; rows of a batch on a thread each.

Weights are computed again in the backward pass, not kept (Dao et al. 2022, algorithm 4, without tiles: a row's keys
stay near the core). Letters as in `attention.py`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pawl.compiled import compiled, inlined
from pawl.models.attention import (
    ONE,
    ZERO,
    Numbers,
    enter,
    exponentials,
    flat_rotations,
    gathered_from,
    scores,
    turn,
    whole_loop,
)
from pawl.models.kernels import Array, array_of
from pawl.models.threads import share_out
from pawl.models.vectors import LANES, complex_product, conjugate, load, spread, store, total

_compiled, _inlined = partial(compiled, fast=True), partial(inlined, fast=True)


def attend_learning(heads: Tensor, rotations: Tensor, groups: int) -> tuple[Tensor, Tensor, Tensor]:
    """As `attend_whole`; the gradient of what is gathered reaches the heads, that of keys and values does not."""
    mixed, keys, values = _Attention.apply(heads, rotations, groups)  # type: ignore[no-untyped-call]
    return mixed, keys, values


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, heads: Tensor, rotations: Tensor, groups: int) -> tuple[Tensor, Tensor, Tensor]:
        heads = heads.detach().contiguous()  # threads beside this one record what is done to it otherwise
        ctx.save_for_backward(heads, rotations)
        ctx.groups = groups
        rows, length, number, size = heads.shape
        out = heads.new_empty(rows, length, number - 2 * groups, size)
        keys, turns = heads.new_empty(rows, length, groups, size), flat_rotations(rotations)
        arrays = [array_of(part) for part in (heads, keys, out)]

        def work(part: slice) -> None:
            of_heads, of_keys, of_out = (array[part] for array in arrays)
            whole_loop(of_heads, turns, of_keys, of_out)

        share_out(work, rows, torch.get_num_threads())
        values = heads[:, :, number - groups :]
        ctx.mark_non_differentiable(keys, values)
        return out.flatten(2), keys, values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor, *_: Tensor) -> tuple[Tensor, None, None]:
        heads, rotations = ctx.saved_tensors
        rows, length, number, size = heads.shape
        given = given.contiguous().view(rows, length, number - 2 * ctx.groups, size)
        of_heads, turns = torch.empty_like(heads), flat_rotations(rotations)

        arrays = [array_of(part) for part in (heads, given, of_heads)]

        def work(part: slice) -> None:
            share, of_given, of_share = (array[part] for array in arrays)
            _attend_backward(share, turns, of_given, ctx.groups, of_share)

        share_out(work, rows, torch.get_num_threads())
        return of_heads, None, None



@_compiled
def _attend_backward(heads: Numbers, rotations: Array, given: Numbers, groups: int, of_heads: Numbers) -> None:
    """heads and of_heads [B, T, H + 2 * G, D], rotations [T * D], given [B, T, H, D].

    With p the softmax of scores s = q k, and o = p v: dv = p do, and with dp = do v, ds = p (dp - p dp), dq = ds k and
    dk = ds q.
    """
    rows, length, heads_of, size = heads.shape
    number = given.shape[2] // groups
    scale = np.float32(1 / np.sqrt(size))
    room = -(-length // LANES) * LANES
    flat, of_out, into = heads.reshape(-1), given.reshape(-1), of_heads.reshape(-1)
    keys, key_blocks = np.empty(length * size, np.float32), np.zeros(room * size, np.float32)
    value, value_blocks = np.empty(size, np.float32), np.zeros(room * size, np.float32)
    query, change = np.empty(size, np.float32), np.empty(size, np.float32)
    weights, slopes = np.empty(room, np.float32), np.empty(room, np.float32)
    for b in range(rows):
        for g in range(groups):
            of_keys, of_values = np.zeros(length * size, np.float32), np.zeros(length * size, np.float32)
            for t in range(length):
                key = (b * length + t) * heads_of + groups * number + g
                turn(flat, key * size, rotations, t, ONE, keys, t * size, size)
                enter(keys, t * size, t, size, key_blocks)
                for d in range(0, size, LANES):
                    store(value, d, load(flat, (key + groups) * size + d))
                enter(value, 0, t, size, value_blocks)
            for t in range(length):
                for n in range(number):
                    head, row = (b * length + t) * heads_of + g * number + n, (b * length + t) * groups * number
                    turn(flat, head * size, rotations, t, scale, query, 0, size)
                    for d in range(0, size, LANES):
                        store(change, d, load(of_out, (row + g * number + n) * size + d))
                    blocks = t // LANES + 1
                    scores(query, 0, key_blocks, 0, blocks, size, weights, 0)
                    scores(change, 0, value_blocks, 0, blocks, size, slopes, 0)
                    _weigh(weights, slopes, exponentials(weights, 0, t + 1), blocks)
                    for d in range(0, size, LANES):
                        slope = gathered_from(slopes, 0, t + 1, keys, d, size) * scale
                        store(into, head * size + d, complex_product(slope, conjugate(load(rotations, t * size + d))))
                    _spread_out(slopes, query, t + 1, size, of_keys)
                    _spread_out(weights, change, t + 1, size, of_values)
            for t in range(length):
                key = (b * length + t) * heads_of + groups * number + g
                for d in range(0, size, LANES):
                    back = complex_product(load(of_keys, t * size + d), conjugate(load(rotations, t * size + d)))
                    store(into, key * size + d, back)
                    store(into, (key + groups) * size + d, load(of_values, t * size + d))


@_inlined
def _weigh(weights: Array, slopes: Array, whole: np.float32, blocks: int) -> None:
    """Exponentials become weights, which sum to 1, and slopes of them slopes of scores."""
    mean = spread(ZERO)
    for block in range(blocks):
        weight = load(weights, block * LANES) / whole
        store(weights, block * LANES, weight)
        mean += weight * load(slopes, block * LANES)
    middle = total(mean)
    for block in range(blocks):
        slope = load(weights, block * LANES) * (load(slopes, block * LANES) - middle)
        store(slopes, block * LANES, slope)


@_inlined
def _spread_out(weights: Array, x: Array, count: int, size: int, out: Array) -> None:
    """out [T, D] grows at the first `count` of T by their weights times x [D]."""
    for d in range(0, size, LANES):
        entries = load(x, d)
        for t in range(count):
            store(out, t * size + d, load(out, t * size + d) + weights[t] * entries)
