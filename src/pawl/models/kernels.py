"""Compiled loops for float32 on a CPU, where many small operations of torch cost more than the arithmetic.

A row's numbers depend on that row alone. Whatever leaves is allocated by torch, on 64 bytes: where matrices begin
elsewhere, a product may round otherwise, and a run would not repeat itself.

Not covered: gradients, but for the norm, whose own in torch takes three times as long.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from pawl.compiled import compiled, inlined

Array = NDArray[np.float32]

LEAST = np.float32(-87)
"""e to the power of less is no normal number."""
LOG2_E, LN_2_HIGH, LN_2_LOW = np.float32(1.44269504), np.float32(0.693359375), np.float32(-2.12194440e-4)
"""ln 2 in two parts, of which the first is exact in few bits: a multiple of it is exact too."""


_compiled, _inlined = partial(compiled, fast=True), partial(inlined, fast=True)


def serve(x: Tensor) -> bool:
    """Whether these loops can take the place of torch's operations on x."""
    return x.device.type == "cpu" and x.dtype == torch.float32


def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """x / rms(x) * weight [C], over the last axis of x [..., C] (Zhang and Sennrich 2019, equation 4)."""
    if torch.is_grad_enabled():
        normed: Tensor = _RMSNorm.apply(x, weight, epsilon)  # type: ignore[no-untyped-call]
        return normed
    return _normed(x, weight, epsilon)[0]


def swiglu(gate_up: Tensor) -> Tensor:
    """silu(gate) * up, whose columns [..., 2 * I] are gate's and then up's (Shazeer 2020, equation 6); no gradient."""
    out = gate_up.new_empty(*gate_up.shape[:-1], gate_up.shape[-1] // 2)
    _swiglu(_rows(gate_up), _rows(out))
    return out


def draw(logits: Tensor, uniforms: NDArray[np.float64], temperature: float) -> tuple[Tensor, Tensor]:
    """Tokens [R] by inverse CDF at a temperature above 0, and their log-probabilities [R] at temperature 1.

    Logits [R, V] and uniforms [R] in [0, 1).
    """
    tokens, logprobs = torch.empty(len(logits), dtype=torch.int64), logits.new_empty(len(logits))
    _draw(_rows(logits), uniforms, np.float32(1 / temperature), tokens.numpy(), logprobs.numpy())
    return tokens, logprobs


def attend(heads: Tensor, rotations: Tensor, lengths: Tensor, prompt_keys: Tensor, prompt_values: Tensor,
           keys: Tensor, values: Tensor, step: int) -> Tensor:
    """What the newest tokens gather [R, H * D]; their keys and values enter the cache at `step`.

    Queries, keys and values in `heads` [R, H + 2 * G, D], not rotated yet; complex rotations [positions, D/2]; lengths
    [P] of the prompts; of the cache, prompt_keys and prompt_values [P, G, S, D], keys and values [P, G, T, K, D].
    R = P * K rows, H query heads, G key/value heads.
    """
    out = heads.new_empty(len(heads), heads.shape[1] - 2 * keys.shape[1], keys.shape[4])
    _attend(heads.numpy(), torch.view_as_real(rotations).numpy(), lengths.numpy(), prompt_keys.numpy(),
            prompt_values.numpy(), keys.numpy(), values.numpy(), step, out.numpy())
    return out.flatten(1)


def attend_paths(heads: Tensor, rotations: Tensor, paths: Tensor, starts: Tensor, lengths: Tensor, keys: Tensor,
                 values: Tensor) -> Tensor:
    """What the new tokens of P pieces gather [R, H * D]; their keys and values enter the cache; a row beyond them is 0.

    Queries, keys and values in `heads` [R, H + 2 * G, D], piece after piece, not rotated yet; complex rotations
    [positions, D/2]; paths [P, T] are slots of the cache, keys and values [slots, G, D]: a piece's tokens have those
    from its place in `starts` [P] to that in `lengths` [P], and each attends from the path's beginning to itself.
    """
    out = heads.new_zeros(len(heads), heads.shape[1] - 2 * keys.shape[1], keys.shape[2])
    _attend_paths(heads.numpy(), torch.view_as_real(rotations).numpy(), paths.numpy(), starts.numpy(), lengths.numpy(),
                  keys.numpy(), values.numpy(), out.numpy())
    return out.flatten(1)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        out, scales = _normed(x, weight, epsilon)
        ctx.save_for_backward(x, weight, scales)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight, scales = ctx.saved_tensors
        of_x, of_weight = x.new_empty(x.shape), torch.zeros_like(weight)
        _rms_norm_backward(_rows(gradient), _rows(x), weight.numpy(), scales.flatten().numpy(), _rows(of_x),
                           of_weight.numpy())
        return of_x, of_weight, None


def _normed(x: Tensor, weight: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """As `rms_norm`, and what each row was multiplied by [...]."""
    out, scales = x.new_empty(x.shape), x.new_empty(x.shape[:-1])
    _rms_norm(_rows(x), weight.detach().numpy(), epsilon, scales.flatten().numpy(), _rows(out))
    return out, scales


def _rows(x: Tensor) -> Array:
    """[R, C] of [..., C]."""
    rows: Array = x.contiguous().numpy().reshape(-1, x.shape[-1])
    return rows


@_compiled
def _rms_norm(x: Array, weight: Array, epsilon: float, scales: Array, out: Array) -> None:
    """x and out [R, C]; scales [R] are one over the root mean squares."""
    size = x.shape[1]
    for r in range(len(x)):
        row, target = x[r], out[r]
        total = np.float32(0)
        for i in range(size):
            total += row[i] * row[i]
        scale = np.float32(1 / np.sqrt(total / size + epsilon))
        scales[r] = scale
        for i in range(size):
            target[i] = row[i] * scale * weight[i]


@_compiled
def _rms_norm_backward(gradient: Array, x: Array, weight: Array, scales: Array, of_x: Array, of_weight: Array) -> None:
    """gradient, x and of_x [R, C]; weight and of_weight [C], which is added to."""
    size = x.shape[1]
    for r in range(len(x)):
        given, row, target, scale = gradient[r], x[r], of_x[r], scales[r]
        along = np.float32(0)
        for i in range(size):
            along += given[i] * weight[i] * row[i]
        along *= scale * scale / np.float32(size)
        for i in range(size):
            target[i] = scale * (given[i] * weight[i] - along * row[i])
            of_weight[i] += given[i] * row[i] * scale


@_compiled
def _swiglu(gate_up: Array, out: Array) -> None:
    """gate_up [R, 2 * I], out [R, I]."""
    size = out.shape[1]
    for r in range(len(out)):
        gates, ups, target = gate_up[r, :size], gate_up[r, size:], out[r]
        for i in range(size):
            small = _exp(-abs(gates[i]))
            sigmoid = (np.float32(1) if gates[i] >= 0 else small) / (np.float32(1) + small)
            target[i] = gates[i] * sigmoid * ups[i]


@_compiled
def _draw(logits: Array, uniforms: NDArray[np.float64], sharpness: np.float32, tokens: NDArray[np.int64],
          logprobs: Array) -> None:
    """As `draw`, with one over the temperature."""
    weights = np.empty(logits.shape[1], np.float32)
    for r in range(len(logits)):
        row = logits[r]
        top = _top(row)
        # Sums in float64: over a large vocabulary float32 would lose the rarest tokens.
        plain, total = 0.0, 0.0
        for v in range(len(row)):
            below = (row[v] - top) * sharpness
            weights[v] = _exp(below) if below >= LEAST else np.float32(0)
        for v in range(len(row)):
            total += float(weights[v])
        if sharpness == 1:
            plain = total
        else:
            for v in range(len(row)):
                plain += float(_exp(row[v] - top))
        point, reached = uniforms[r] * total, 0.0
        tokens[r] = len(row) - 1  # stays where nothing is a number
        for v in range(len(row)):
            if weights[v] > 0:
                tokens[r] = v
                reached += float(weights[v])
                if reached > point:
                    break
        logprobs[r] = row[tokens[r]] - top - np.log(plain)


@_compiled
def _attend(heads: Array, rotations: Array, lengths: NDArray[np.int64], prompt_keys: Array, prompt_values: Array,
            keys: Array, values: Array, step: int, out: Array) -> None:
    """As `attend`, with real and imaginary parts of rotations [positions, D/2, 2]; out [R, H, D].

    All completions of a prompt advance together through its keys and then their own, in the order of memory.
    """
    prompts, groups, room, count, size = keys.shape
    number = out.shape[1] // groups
    scale = np.float32(1 / np.sqrt(size))
    queries = np.empty((count * number, size), np.float32)
    weights = np.empty((count * number, prompt_keys.shape[2] + room), np.float32)
    mixed = np.empty((count * number, size), np.float32)
    for p in range(prompts):
        length = lengths[p]
        total = length + step + 1
        rotation = rotations[length + step]
        for g in range(groups):
            shared_keys, shared_values = prompt_keys[p, g], prompt_values[p, g]
            own_keys, own_values = keys[p, g], values[p, g]
            for k in range(count):
                row = heads[p * count + k]
                for n in range(number):
                    _rotate(row[g * number + n], rotation, scale, queries[n * count + k])
                _rotate(row[groups * number + g], rotation, np.float32(1), own_keys[step, k])
                for d in range(size):
                    own_values[step, k, d] = row[groups * number + groups + g, d]
            for t in range(length):
                _dots(queries, shared_keys[t], weights, t)
            for t in range(step + 1):
                _own_dots(queries, own_keys[t], weights, length + t)
            for m in range(count * number):
                _softmax(weights[m, :total])
            _gather(weights, shared_values, length, mixed)
            for t in range(step + 1):
                _own_add(weights, length + t, own_values[t], mixed)
            for k in range(count):
                for n in range(number):
                    for d in range(size):
                        out[p * count + k, g * number + n, d] = mixed[n * count + k, d]


@_compiled
def _attend_paths(heads: Array, rotations: Array, paths: NDArray[np.int64], starts: NDArray[np.int64],
                  lengths: NDArray[np.int64], keys: Array, values: Array, out: Array) -> None:
    """As `attend_paths`, with real and imaginary parts of rotations [positions, D/2, 2]; out [R, H, D].

    A token's sums run over as many entries as stand before it, wherever its piece begins.
    """
    groups, size = keys.shape[1:]
    number = out.shape[1] // groups
    scale = np.float32(1 / np.sqrt(size))
    r = 0
    for p in range(len(paths)):  # all of them first: a piece may continue another
        for place in range(starts[p], lengths[p]):
            slot = paths[p, place]
            for g in range(groups):
                _rotate(heads[r, groups * number + g], rotations[place], np.float32(1), keys[slot, g])
                for d in range(size):
                    values[slot, g, d] = heads[r, groups * number + groups + g, d]
            r += 1
    seen_keys, seen_values = np.empty((paths.shape[1], size), np.float32), np.empty((paths.shape[1], size), np.float32)
    query, weights = np.empty(size, np.float32), np.empty(paths.shape[1], np.float32)
    first = 0
    for p in range(len(paths)):
        for g in range(groups):
            for t in range(lengths[p]):
                slot = paths[p, t]
                for d in range(size):
                    seen_keys[t, d], seen_values[t, d] = keys[slot, g, d], values[slot, g, d]
            for place in range(starts[p], lengths[p]):
                r = first + place - starts[p]
                for n in range(number):
                    _rotate(heads[r, g * number + n], rotations[place], scale, query)
                    _attend_one(query, seen_keys, seen_values, weights[: place + 1], out[r, g * number + n])
        first += lengths[p] - starts[p]


@_inlined
def _attend_one(query: Array, keys: Array, values: Array, weights: Array, out: Array) -> None:
    """out [D] of a query [D] over the first keys and values [T, D], as many as there is room for in weights [T']."""
    count = len(weights)
    for t in range(count):
        total = np.float32(0)
        for d in range(len(query)):
            total += query[d] * keys[t, d]
        weights[t] = total
    _softmax(weights)
    out[:] = 0
    for t in range(0, count - 3, 4):
        w0, w1, w2, w3 = weights[t], weights[t + 1], weights[t + 2], weights[t + 3]
        for d in range(len(out)):
            out[d] += w0 * values[t, d] + w1 * values[t + 1, d] + w2 * values[t + 2, d] + w3 * values[t + 3, d]
    for t in range(count - count % 4, count):
        for d in range(len(out)):
            out[d] += weights[t] * values[t, d]


@_inlined
def _rotate(x: Array, rotation: Array, scale: np.float32, out: Array) -> None:
    """out [D]: neighbours in x [D] as complex numbers, times a rotation [D/2, 2] and a number."""
    for i in range(len(rotation)):
        real, imaginary = rotation[i, 0] * scale, rotation[i, 1] * scale
        out[2 * i] = x[2 * i] * real - x[2 * i + 1] * imaginary
        out[2 * i + 1] = x[2 * i] * imaginary + x[2 * i + 1] * real


@_inlined
def _dots(queries: Array, key: Array, weights: Array, t: int) -> None:
    """weights [M, T] at t = queries [M, D] times key [D]."""
    for m in range(len(queries)):
        total = np.float32(0)
        for d in range(len(key)):
            total += queries[m, d] * key[d]
        weights[m, t] = total


@_inlined
def _own_dots(queries: Array, keys: Array, weights: Array, t: int) -> None:
    """weights [M, T] at t = queries [M, D] times keys [K, D], which come round M / K times."""
    number = len(queries) // len(keys)
    for n in range(number):
        for k in range(len(keys)):
            m = n * len(keys) + k
            total = np.float32(0)
            for d in range(keys.shape[1]):
                total += queries[m, d] * keys[k, d]
            weights[m, t] = total


@_inlined
def _exp(x: np.float32) -> np.float32:
    """e^x for x <= 0, by operations that go through a vector unit, as a call does not; relative error 5e-7 from LEAST.

    x = n ln 2 + r with r at most half of ln 2; e^r is its Taylor series, 2^n its bits.
    """
    x = max(x, LEAST)
    n = np.floor(x * LOG2_E + np.float32(0.5))
    r = x - n * LN_2_HIGH - n * LN_2_LOW
    y = np.float32(1 / 720)
    for factor in (1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
        y = y * r + np.float32(factor)
    return y * np.int32((np.int32(n) + 127) << 23).view(np.float32)


@_inlined
def _softmax(x: Array) -> None:
    """x [T] in place."""
    top, total = _top(x), np.float32(0)
    for t in range(len(x)):
        x[t] = _exp(x[t] - top)
        total += x[t]
    for t in range(len(x)):
        x[t] /= total


@_inlined
def _top(x: Array) -> np.float32:
    """The largest of x; from four of its parts, as each comparison waits for the one before."""
    a = b = c = d = x[0]
    for i in range(0, len(x) - 3, 4):
        a, b, c, d = max(a, x[i]), max(b, x[i + 1]), max(c, x[i + 2]), max(d, x[i + 3])
    for i in range(len(x) - len(x) % 4, len(x)):
        a = max(a, x[i])
    largest: np.float32 = max(max(a, b), max(c, d))
    return largest


@_inlined
def _gather(weights: Array, values: Array, count: int, out: Array) -> None:
    """out [M, D] = weights [M, T] times values [T, D], the first `count` of them; by fours, to go to memory less."""
    out[:] = 0
    for t in range(0, count - 3, 4):
        for m in range(len(out)):
            w0, w1, w2, w3 = weights[m, t], weights[m, t + 1], weights[m, t + 2], weights[m, t + 3]
            for d in range(out.shape[1]):
                out[m, d] += w0 * values[t, d] + w1 * values[t + 1, d] + w2 * values[t + 2, d] + w3 * values[t + 3, d]
    for t in range(count - count % 4, count):
        _add(weights, t, values[t], out)


@_inlined
def _add(weights: Array, t: int, value: Array, out: Array) -> None:
    """out [M, D] += weights [M, T] at t times value [D]."""
    for m in range(len(out)):
        for d in range(len(value)):
            out[m, d] += weights[m, t] * value[d]


@_inlined
def _own_add(weights: Array, t: int, values: Array, out: Array) -> None:
    """out [M, D] += weights [M, T] at t times values [K, D], which come round M / K times."""
    number = len(out) // len(values)
    for n in range(number):
        for k in range(len(values)):
            m = n * len(values) + k
            weight = weights[m, t]
            for d in range(out.shape[1]):
                out[m, d] += weight * values[k, d]
