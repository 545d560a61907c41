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
    FOUR,
    ONE,
    ZERO,
    Numbers,
    enter,
    exponentials,
    flat_rotations,
    four_gathered,
    four_scores,
    turn,
    whole_loop,
)
from pawl.models.kernels import Array, array_of
from pawl.models.vectors import LANES, complex_product, conjugate, load, spread, store, total
from pawl.threads import share_out

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
        mixed, keys = gather(heads, rotations, groups)
        values = heads[:, :, heads.shape[2] - groups :]
        ctx.mark_non_differentiable(keys, values)
        return mixed, keys, values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor, *_: Tensor) -> tuple[Tensor, None, None]:
        heads, rotations = ctx.saved_tensors
        return gather_back(heads, rotations, given, ctx.groups), None, None


def gather(heads: Tensor, rotations: Tensor, groups: int, out: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """What is gathered [B, T, H * D], and rotated keys [B, T, G, D]; `out`, of as many numbers, is written to."""
    rows, length, number, size = heads.shape
    shape = rows, length, number - 2 * groups, size
    out = heads.new_empty(shape) if out is None else out.view(shape)
    keys = heads.new_empty(rows, length, groups, size)
    arrays, turns = [array_of(part) for part in (heads, keys, out)], flat_rotations(rotations)

    def work(part: slice) -> None:
        of_heads, of_keys, of_out = (array[part] for array in arrays)
        whole_loop(of_heads, turns, of_keys, of_out)

    share_out(work, rows, torch.get_num_threads())
    return out.flatten(2), keys


def gather_back(heads: Tensor, rotations: Tensor, given: Tensor, groups: int, out: Tensor | None = None) -> Tensor:
    """The gradient of heads [B, T, H + 2 * G, D] from that of what is gathered, `given` [..., H * D]; `out`, of as many
    numbers, is written to."""
    rows, length, number, size = heads.shape
    given = given.contiguous().view(rows, length, number - 2 * groups, size)
    of_heads = torch.empty_like(heads) if out is None else out.view(heads.shape)
    arrays, turns = [array_of(part) for part in (heads, given, of_heads)], flat_rotations(rotations)

    def work(part: slice) -> None:
        share, of_given, of_share = (array[part] for array in arrays)
        _attend_backward(share, turns, of_given, groups, of_share)

    share_out(work, rows, torch.get_num_threads())
    return of_heads


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
    keys, key_blocks = np.zeros(room * size, np.float32), np.zeros(room * size, np.float32)
    value, value_blocks = np.empty(size, np.float32), np.zeros(room * size, np.float32)
    of_keys, of_values = np.empty(room * size, np.float32), np.empty(room * size, np.float32)
    queries, changes = np.empty(FOUR * size, np.float32), np.empty(FOUR * size, np.float32)
    weights, slopes = np.zeros(FOUR * room, np.float32), np.zeros(FOUR * room, np.float32)
    of_queries = np.empty(FOUR * size, np.float32)
    for b in range(rows):
        for g in range(groups):
            of_keys[:], of_values[:] = 0, 0
            for t in range(length):
                key = (b * length + t) * heads_of + groups * number + g
                turn(flat, key * size, rotations, t, ONE, keys, t * size, size)
                enter(keys, t * size, t, size, key_blocks)
                for d in range(0, size, LANES):
                    store(value, d, load(flat, (key + groups) * size + d))
                enter(value, 0, t, size, value_blocks)
            for n in range(number):
                for first in range(0, length, FOUR):
                    blocks, present = first // LANES + 1, min(FOUR, length - first)
                    if present < FOUR:
                        queries[:], changes[:] = 0, 0
                    for i in range(present):
                        head = (b * length + first + i) * heads_of + g * number + n
                        turn(flat, head * size, rotations, first + i, scale, queries, i * size, size)
                        change = ((b * length + first + i) * groups * number + g * number + n) * size
                        for d in range(0, size, LANES):
                            store(changes, i * size + d, load(of_out, change + d))
                    four_scores(queries, 0, key_blocks, 0, blocks, size, weights, 0, room)
                    four_scores(changes, 0, value_blocks, 0, blocks, size, slopes, 0, room)
                    for i in range(present):
                        whole = exponentials(weights, i * room, first + i + 1)
                        _weigh(weights, slopes, i * room, whole, blocks)
                    four_gathered(slopes, room, first + FOUR, keys, size, of_queries)
                    for i in range(present):
                        head = (b * length + first + i) * heads_of + g * number + n
                        _turn_back(of_queries, i * size, rotations, first + i, scale, into, head * size, size)
                    _spread_out(slopes, room, first + FOUR, queries, size, of_keys)
                    _spread_out(weights, room, first + FOUR, changes, size, of_values)
            for t in range(length):
                key = (b * length + t) * heads_of + groups * number + g
                _turn_back(of_keys, t * size, rotations, t, ONE, into, key * size, size)
                for d in range(0, size, LANES):
                    store(into, (key + groups) * size + d, load(of_values, t * size + d))


@_inlined
def _turn_back(x: Array, at: int, rotations: Array, place: int, scale: np.float32, out: Numbers, to: int, size: int
               ) -> None:
    """As `turn`, by the opposite of a place's rotation."""
    for d in range(0, size, LANES):
        back = complex_product(load(x, at + d), conjugate(load(rotations, place * size + d)))
        store(out, to + d, back * scale)


@_inlined
def _weigh(weights: Array, slopes: Array, at: int, whole: np.float32, blocks: int) -> None:
    """Exponentials from `at` on become weights, which sum to 1, and slopes of them slopes of scores."""
    mean = spread(ZERO)
    for place in range(at, at + blocks * LANES, LANES):
        weight = load(weights, place) / whole
        store(weights, place, weight)
        mean += weight * load(slopes, place)
    middle = total(mean)
    for place in range(at, at + blocks * LANES, LANES):
        store(slopes, place, load(weights, place) * (load(slopes, place) - middle))


@_inlined
def _spread_out(weights: Array, stride: int, count: int, x: Array, size: int, out: Array) -> None:
    """out [T, D] grows at the first `count` of T by weights of four, which lie so far apart, times x [4, D]."""
    second, third, fourth = stride, 2 * stride, 3 * stride
    for i in range(0, size, LANES):
        a, b, c, d = load(x, i), load(x, size + i), load(x, 2 * size + i), load(x, 3 * size + i)
        for t in range(count):
            more = (weights[t] * a + weights[second + t] * b) + (weights[third + t] * c + weights[fourth + t] * d)
            store(out, t * size + i, load(out, t * size + i) + more)
