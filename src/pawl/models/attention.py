"""Attention as compiled loops on a CPU: of the newest tokens in decoding, of whole sequences, along paths of a cache.

Queries, keys and values come as `heads` [..., H + 2 * G, D], not rotated yet; H query heads, G key/value heads, D head
dimension, a multiple of LANES. Keys that many queries meet lie in blocks of LANES tokens, [..., T / LANES, D, LANES]: a
vector holds one entry of each, and no sum runs across a vector. A token's numbers depend on the tokens before it alone.

Not covered: gradients, which are in `attention_gradient.py`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from pawl.compiled import compiled, inlined
from pawl.models.kernels import Array, array_of
from pawl.models.vectors import (
    LANES,
    beginning,
    complex_product,
    exponential,
    larger,
    largest,
    load,
    spread,
    store,
    total,
)

_compiled, _inlined = partial(compiled, fast=True), partial(inlined, fast=True)

Numbers = NDArray[Any]
"""float32, or bfloat16 as uint16 of the same bits."""

ZERO, ONE = np.float32(0), np.float32(1)
FOUR = 4
"""Queries for which keys and values are read together; as many as there are registers for."""


def fit(heads: Tensor) -> bool:
    """Whether these loops can take heads [..., D]."""
    return (heads.device.type == "cpu" and heads.dtype in (torch.float32, torch.bfloat16)
            and heads.shape[-1] % LANES == 0)


def serve(heads: Tensor) -> bool:
    """Whether these loops can take the place of torch's operations on heads [..., D]: nothing is learnt."""
    return fit(heads) and not (torch.is_grad_enabled() and heads.requires_grad)


def in_blocks(keys: Tensor) -> Tensor:
    """[..., T / LANES, D, LANES] of keys [..., T, D], the last block filled up with zeros."""
    padded = F.pad(keys, (0, 0, 0, -keys.shape[-2] % LANES))
    blocks: Tensor = padded.unflatten(-2, (-1, LANES)).transpose(-1, -2).contiguous()
    return blocks


def attend_newest(heads: Tensor, rotations: Tensor, lengths: Tensor, prompt_keys: Tensor, prompt_values: Tensor,
                  keys: Tensor, values: Tensor, step: int) -> Tensor:
    """What the newest tokens gather [R, H * D]; their keys and values enter the cache at `step`.

    heads [R, H + 2 * G, D]; complex rotations [positions, D/2]; lengths [P] of the prompts; of the cache, prompt_keys
    [P, G, S / LANES, D, LANES] in blocks, prompt_values [P, G, S, D], keys and values [P, G, T, K, D]. R = P * K rows.
    """
    out = heads.new_empty(len(heads), heads.shape[1] - 2 * keys.shape[1], keys.shape[4])
    newest_loop(array_of(heads), flat_rotations(rotations), lengths.numpy(), array_of(prompt_keys),
                array_of(prompt_values), array_of(keys), array_of(values), step, array_of(out))
    return out.flatten(1)


def attend_whole(heads: Tensor, rotations: Tensor, groups: int) -> tuple[Tensor, Tensor, Tensor]:
    """What each token gathers [B, T, H * D] from those before it and itself; rotated keys and values [B, T, G, D].

    heads [B, T, H + 2 * G, D]; complex rotations [T, D/2].
    """
    rows, length, number, size = heads.shape
    out = heads.new_empty(rows, length, number - 2 * groups, size)
    keys = heads.new_empty(rows, length, groups, size)
    whole_loop(array_of(heads.contiguous()), flat_rotations(rotations), array_of(keys), array_of(out))
    return out.flatten(2), keys, heads[:, :, number - groups :]


def attend_paths(heads: Tensor, rotations: Tensor, paths: Tensor, starts: Tensor, lengths: Tensor, keys: Tensor,
                 values: Tensor) -> Tensor:
    """What the new tokens of P pieces gather [R, H * D]; their keys and values enter the cache; a row beyond them is 0.

    heads [R, H + 2 * G, D], piece after piece; complex rotations [positions, D/2]; paths [P, T] are slots of the cache,
    keys and values [slots, G, D]: a piece's tokens have those from its place in `starts` [P] to that in `lengths` [P],
    and each attends from the path's beginning to itself.
    """
    out = heads.new_zeros(len(heads), heads.shape[1] - 2 * keys.shape[1], keys.shape[2])
    _attend_paths(array_of(heads), flat_rotations(rotations), paths.numpy(), starts.numpy(), lengths.numpy(),
                  keys.numpy(), values.numpy(), array_of(out))
    return out.flatten(1)


def flat_rotations(rotations: Tensor) -> Array:
    """[positions * D] real and imaginary parts, side by side."""
    parts: Array = torch.view_as_real(rotations).flatten().numpy()
    return parts


@_compiled
def newest_loop(heads: Numbers, rotations: Array, lengths: NDArray[np.int64], prompt_keys: Numbers,
                prompt_values: Numbers, keys: Numbers, values: Numbers, step: int, out: Numbers) -> None:
    """As `attend_newest`, with rotations [positions * D]; out [R, H, D].

    All completions of a prompt advance together through its keys and then their own, in the order of memory.
    """
    prompts, groups, room, count, size = keys.shape
    heads_of, number, width = heads.shape[1], out.shape[1] // groups, prompt_values.shape[2]
    scale = np.float32(1 / np.sqrt(size))
    rows, blocks = count * number, -(-width // LANES)
    fours = rows - rows % 4
    stride = -(-(width + LANES + room) // LANES) * LANES
    queries, weights = np.empty(rows * size, np.float32), np.empty(rows * stride, np.float32)
    flat, gathered = heads.reshape(-1), out.reshape(-1)
    shared_keys, shared_values = prompt_keys.reshape(-1), prompt_values.reshape(-1)
    own_keys, own_values = keys.reshape(-1), values.reshape(-1)
    for p in range(prompts):
        length = lengths[p]
        for g in range(groups):
            first = (p * groups + g) * room * count * size
            newest = first + step * count * size
            for k in range(count):
                row = (p * count + k) * heads_of
                key, query = row + groups * number + g, row + g * number
                turn(flat, key * size, rotations, length + step, ONE, own_keys, newest + k * size, size)
                for d in range(0, size, LANES):
                    value = load(flat, (key + groups) * size + d)
                    store(own_values, newest + k * size + d, value)
                for n in range(number):
                    to = (k * number + n) * size
                    turn(flat, (query + n) * size, rotations, length + step, scale, queries, to, size)
            shared = (p * groups + g) * blocks * size * LANES
            for m in range(0, fours, 4):
                four_scores(queries, m * size, shared_keys, shared, -(-length // LANES), size, weights, m * stride,
                            stride)
            for m in range(fours, rows):
                scores(queries, m * size, shared_keys, shared, -(-length // LANES), size, weights, m * stride)
            for t in range(step + 1):
                for k in range(count):
                    own = first + (t * count + k) * size
                    for m in range(k * number, (k + 1) * number):
                        weights[m * stride + length + t] = _dot(queries, m * size, own_keys, own, size)
            for k in range(count):
                for n in range(number):
                    at = (k * number + n) * stride
                    whole = exponentials(weights, at, length + step + 1)
                    to = (((p * count + k) * groups + g) * number + n) * size
                    shared = (p * groups + g) * width * size
                    for d in range(0, size, LANES):
                        mixed = gathered_from(weights, at, length, shared_values, shared + d, size)
                        mixed += gathered_from(weights, at + length, step + 1, own_values, first + k * size + d,
                                               count * size)
                        store(gathered, to + d, mixed / whole)


@_compiled
def whole_loop(heads: Numbers, rotations: Array, keys: Numbers, out: Numbers) -> None:
    """As `attend_whole`, with rotations [T * D]; keys [B, T, G, D], out [B, T, H, D]."""
    rows, length, groups, size = keys.shape
    heads_of, number = heads.shape[2], out.shape[2] // groups
    scale = np.float32(1 / np.sqrt(size))
    flat, gathered, turned = heads.reshape(-1), out.reshape(-1), keys.reshape(-1)
    room = -(-length // LANES) * LANES
    blocks, values = np.zeros(room * size, np.float32), np.zeros(room * size, np.float32)
    queries, weights = np.zeros(FOUR * size, np.float32), np.zeros(FOUR * room, np.float32)
    sums = np.empty(FOUR, np.float32)
    for b in range(rows):
        for g in range(groups):
            for t in range(length):
                key = (b * length + t) * heads_of + groups * number + g
                to = ((b * length + t) * groups + g) * size
                turn(flat, key * size, rotations, t, ONE, queries, 0, size)
                enter(queries, 0, t, size, blocks)
                for d in range(0, size, LANES):
                    store(turned, to + d, load(queries, d))
                    store(values, t * size + d, load(flat, (key + groups) * size + d))
            for n in range(number):
                for first in range(0, length, FOUR):
                    present = min(FOUR, length - first)
                    for i in range(present):
                        head = (b * length + first + i) * heads_of + g * number + n
                        turn(flat, head * size, rotations, first + i, scale, queries, i * size, size)
                    four_scores(queries, 0, blocks, 0, first // LANES + 1, size, weights, 0, room)
                    for i in range(present):
                        sums[i] = exponentials(weights, i * room, first + i + 1)
                    four_gathered(weights, room, first + FOUR, values, size, queries)
                    for i in range(present):
                        to = ((b * length + first + i) * groups * number + g * number + n) * size
                        for d in range(0, size, LANES):
                            store(gathered, to + d, load(queries, i * size + d) / sums[i])


@_compiled
def _attend_paths(heads: Numbers, rotations: Array, paths: NDArray[np.int64], starts: NDArray[np.int64],
                  lengths: NDArray[np.int64], keys: Array, values: Array, out: Numbers) -> None:
    """As `attend_paths`, with rotations [positions * D]; out [R, H, D]."""
    groups, size = keys.shape[1:]
    heads_of, number, width = heads.shape[1], out.shape[1] // groups, paths.shape[1]
    scale = np.float32(1 / np.sqrt(size))
    flat, gathered = heads.reshape(-1), out.reshape(-1)
    stored_keys, stored_values = keys.reshape(-1), values.reshape(-1)
    r = 0
    for p in range(len(paths)):  # all of them first: a piece may continue another
        for place in range(starts[p], lengths[p]):
            for g in range(groups):
                at = (paths[p, place] * groups + g) * size
                key = r * heads_of + groups * number + g
                turn(flat, key * size, rotations, place, ONE, stored_keys, at, size)
                for d in range(0, size, LANES):
                    value = load(flat, (key + groups) * size + d)
                    store(stored_values, at + d, value)
            r += 1
    blocks = np.zeros(-(-width // LANES) * LANES * size, np.float32)
    seen, query = np.empty(width * size, np.float32), np.empty(size, np.float32)
    weights = np.empty(-(-width // LANES) * LANES, np.float32)
    first = 0
    for p in range(len(paths)):
        for g in range(groups):
            for t in range(lengths[p]):
                at = (paths[p, t] * groups + g) * size
                enter(stored_keys, at, t, size, blocks)
                for d in range(0, size, LANES):
                    store(seen, t * size + d, load(stored_values, at + d))
            for place in range(starts[p], lengths[p]):
                r = first + place - starts[p]
                for n in range(number):
                    head = r * heads_of + g * number + n
                    turn(flat, head * size, rotations, place, scale, query, 0, size)
                    scores(query, 0, blocks, 0, place // LANES + 1, size, weights, 0)
                    whole = exponentials(weights, 0, place + 1)
                    for d in range(0, size, LANES):
                        mixed = gathered_from(weights, 0, place + 1, seen, d, size)
                        store(gathered, (r * groups * number + g * number + n) * size + d, mixed / whole)
        first += lengths[p] - starts[p]


@_inlined
def turn(x: Numbers, at: int, rotations: Array, place: int, scale: np.float32, out: Numbers, to: int, size: int
          ) -> None:
    """out [D] from `to` on: x [D] from `at` on, turned by the rotation of a place and multiplied by a number."""
    for d in range(0, size, LANES):
        store(out, to + d, complex_product(load(x, at + d), load(rotations, place * size + d)) * scale)


@_inlined
def enter(key: Array, at: int, t: int, size: int, blocks: Array) -> None:
    """The key [D] from `at` on becomes that of token t in blocks [T / LANES, D, LANES]."""
    to = t // LANES * LANES * size + t % LANES
    for d in range(size):
        blocks[to + d * LANES] = key[at + d]


@_inlined
def scores(query: Array, at: int, keys: Numbers, start: int, blocks: int, size: int, weights: Array, to: int
            ) -> None:
    """weights [blocks * LANES] from `to` on = a query [D] times keys in so many blocks from `start` on."""
    for block in range(blocks):
        here = start + block * size * LANES
        even, odd = spread(ZERO), spread(ZERO)
        for d in range(0, size, 2):
            even += query[at + d] * load(keys, here + d * LANES)
            odd += query[at + d + 1] * load(keys, here + (d + 1) * LANES)
        store(weights, to + block * LANES, even + odd)


@_inlined
def four_scores(queries: Array, at: int, keys: Numbers, start: int, blocks: int, size: int, weights: Array, to: int,
                stride: int) -> None:
    """As `scores`, to the bit, of four queries [4, D], for which the keys are read once; their weights lie so far
    apart."""
    second, third, fourth = at + size, at + 2 * size, at + 3 * size
    for block in range(blocks):
        here = start + block * size * LANES
        a, b, c, d = spread(ZERO), spread(ZERO), spread(ZERO), spread(ZERO)
        odd_a, odd_b, odd_c, odd_d = spread(ZERO), spread(ZERO), spread(ZERO), spread(ZERO)
        for i in range(0, size, 2):
            even, odd = load(keys, here + i * LANES), load(keys, here + (i + 1) * LANES)
            a, odd_a = a + queries[at + i] * even, odd_a + queries[at + i + 1] * odd
            b, odd_b = b + queries[second + i] * even, odd_b + queries[second + i + 1] * odd
            c, odd_c = c + queries[third + i] * even, odd_c + queries[third + i + 1] * odd
            d, odd_d = d + queries[fourth + i] * even, odd_d + queries[fourth + i + 1] * odd
        to_here = to + block * LANES
        store(weights, to_here, a + odd_a)
        store(weights, to_here + stride, b + odd_b)
        store(weights, to_here + 2 * stride, c + odd_c)
        store(weights, to_here + 3 * stride, d + odd_d)


@_inlined
def _dot(query: Array, at: int, key: Numbers, start: int, size: int) -> np.float32:
    """A query [D] times a key [D]."""
    products = load(query, at) * load(key, start)
    for d in range(LANES, size, LANES):
        products += load(query, at + d) * load(key, start + d)
    product: np.float32 = total(products)
    return product


@_inlined
def exponentials(weights: Array, at: int, count: int) -> np.float32:
    """The sum of e^(w - the largest w) of so many weights from `at` on, which become that, and those after them 0."""
    blocks = -(-count // LANES)
    last = at + (blocks - 1) * LANES
    store(weights, last, beginning(load(weights, last), count - (blocks - 1) * LANES, np.float32(-np.inf)))
    most = load(weights, at)
    for block in range(1, blocks):
        most = larger(most, load(weights, at + block * LANES))
    top, sums = largest(most), spread(ZERO)
    for block in range(blocks):
        weight = exponential(load(weights, at + block * LANES) - top)
        sums += weight
        store(weights, at + block * LANES, weight)
    # Nearly 0 is not enough: what is too small for a whole mantissa is multiplied a hundred times as slowly.
    store(weights, last, beginning(load(weights, last), count - (blocks - 1) * LANES, ZERO))
    whole: np.float32 = total(sums)
    return whole


@_inlined
def gathered_from(weights: Array, at: int, count: int, values: Numbers, start: int, stride: int) -> Any:
    """A vector: so many weights from `at` on times values, which lie so far apart."""
    a, b, c, d = spread(ZERO), spread(ZERO), spread(ZERO), spread(ZERO)
    fours = count - count % 4
    for t in range(0, fours, 4):
        here = start + t * stride
        a += weights[at + t] * load(values, here)
        b += weights[at + t + 1] * load(values, here + stride)
        c += weights[at + t + 2] * load(values, here + 2 * stride)
        d += weights[at + t + 3] * load(values, here + 3 * stride)
    for t in range(fours, count):
        a += weights[at + t] * load(values, start + t * stride)
    return (a + b) + (c + d)


@_inlined
def four_gathered(weights: Array, stride: int, count: int, values: Array, size: int, out: Array) -> None:
    """out [4, D] = an even count of weights of four, which lie so far apart, times values [T, D], read once for all."""
    second, third, fourth = stride, 2 * stride, 3 * stride
    for i in range(0, size, LANES):
        a, b, c, d = spread(ZERO), spread(ZERO), spread(ZERO), spread(ZERO)
        odd_a, odd_b, odd_c, odd_d = spread(ZERO), spread(ZERO), spread(ZERO), spread(ZERO)
        for t in range(0, count, 2):
            even, odd = load(values, t * size + i), load(values, (t + 1) * size + i)
            a, odd_a = a + weights[t] * even, odd_a + weights[t + 1] * odd
            b, odd_b = b + weights[second + t] * even, odd_b + weights[second + t + 1] * odd
            c, odd_c = c + weights[third + t] * even, odd_c + weights[third + t + 1] * odd
            d, odd_d = d + weights[fourth + t] * even, odd_d + weights[fourth + t + 1] * odd
        store(out, i, a + odd_a)
        store(out, size + i, b + odd_b)
        store(out, 2 * size + i, c + odd_c)
        store(out, 3 * size + i, d + odd_d)
