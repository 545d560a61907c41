"""Compiled loops for float32 on a CPU, where many small operations of torch cost more than the arithmetic.

They hold no lock of the interpreter, so that threads that decode side by side do not wait for each other. A row's
numbers depend on that row alone. Whatever leaves is allocated by torch, on 64 bytes: where matrices begin elsewhere, a
product may round otherwise, and a run would not repeat itself. Compiled when first called, in seconds; numba keeps the
code for the next run.

Not covered: gradients, but for the norm, whose own in torch takes three times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

Given = ParamSpec("Given")
Result = TypeVar("Result")
Array = NDArray[np.float32]

LEAST = np.float32(-87)
"""e to the power of less is no normal number."""
LOG2_E, LN_2_HIGH, LN_2_LOW = np.float32(1.44269504), np.float32(0.693359375), np.float32(-2.12194440e-4)
"""ln 2 in two parts, of which the first is exact in few bits: a multiple of it is exact too."""


def _compiled(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Sums may be reordered, which vector units need; infinities and what is no number stay what they are."""
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "arcp", "nsz"}}
    made: Callable[Given, Result]
    try:
        made = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder that can be written to: it is compiled in every run
        made = numba.njit(**options)(function)
    return made


def serve(x: Tensor) -> bool:
    """Whether these loops can take the place of torch's operations on x."""
    return x.device.type == "cpu" and x.dtype == torch.float32


def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """x / rms(x) * weight [C], over the last axis of x [..., C] (Zhang and Sennrich 2019, equation 4)."""
    normed: Tensor = _RMSNorm.apply(x, weight, epsilon)  # type: ignore[no-untyped-call]
    return normed


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


def attend(turned: Tensor, new_values: Tensor, rotations: Tensor, lengths: Tensor, prompt_keys: Tensor,
           prompt_values: Tensor, keys: Tensor, values: Tensor, step: int) -> Tensor:
    """What the newest tokens gather [R, H * D]; their keys and values enter the cache at `step`.

    Queries and then keys in `turned` [R, H + G, D], not rotated yet; new_values [R, G, D]; complex rotations
    [positions, D/2]; lengths [P] of the prompts; of the cache, prompt_keys and prompt_values [P, G, S, D], keys and
    values [P, G, K, T, D]. R = P * K rows, H query heads, G key/value heads.
    """
    out = turned.new_empty(len(turned), turned.shape[1] - keys.shape[1], keys.shape[4])
    _attend(turned.numpy(), new_values.numpy(), torch.view_as_real(rotations).numpy(), lengths.numpy(),
            prompt_keys.numpy(), prompt_values.numpy(), keys.numpy(), values.numpy(), step, out.numpy())
    return out.flatten(1)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        out, scales = x.new_empty(x.shape), x.new_empty(x.shape[:-1])
        _rms_norm(_rows(x), weight.numpy(), epsilon, scales.flatten().numpy(), _rows(out))
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
        top = row[0]
        for v in range(len(row)):
            top = max(top, row[v])
        # Sums in float64: over a large vocabulary float32 would lose the rarest tokens.
        plain, total = 0.0, 0.0
        for v in range(len(row)):
            below = (row[v] - top) * sharpness
            weights[v] = _exp(below) if below >= LEAST else np.float32(0)
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
def _attend(turned: Array, new_values: Array, rotations: Array, lengths: NDArray[np.int64], prompt_keys: Array,
           prompt_values: Array, keys: Array, values: Array, step: int, out: Array) -> None:
    """As `attend`, with real and imaginary parts of rotations [positions, D/2, 2]; out [R, H, D]."""
    prompts, groups, count, _, size = keys.shape
    queries = turned.shape[1] - groups
    scale = np.float32(1 / np.sqrt(size))
    weights = np.empty(prompt_keys.shape[2] + step + 1, np.float32)
    query = np.empty(size, np.float32)
    for p in range(prompts):
        length = lengths[p]
        rotation = rotations[length + step]
        for g in range(groups):
            shared_keys, shared_values = prompt_keys[p, g], prompt_values[p, g]
            for k in range(count):
                r = p * count + k
                own_keys, own_values = keys[p, g, k], values[p, g, k]
                _rotate(turned[r, queries + g], rotation, np.float32(1), own_keys[step])
                for d in range(size):
                    own_values[step, d] = new_values[r, g, d]
                for h in range(g * queries // groups, (g + 1) * queries // groups):
                    mixed = out[r, h]
                    _rotate(turned[r, h], rotation, scale, query)
                    _dots(query, shared_keys, length, weights)
                    _dots(query, own_keys, step + 1, weights[length:])
                    _softmax(weights[: length + step + 1])
                    for d in range(size):
                        mixed[d] = 0
                    _add(weights, shared_values, length, mixed)
                    _add(weights[length:], own_values, step + 1, mixed)


@_compiled
def _rotate(x: Array, rotation: Array, scale: np.float32, out: Array) -> None:
    """out [D]: neighbours in x [D] as complex numbers, times a rotation [D/2, 2] and a number."""
    for i in range(len(rotation)):
        real, imaginary = rotation[i, 0] * scale, rotation[i, 1] * scale
        out[2 * i] = x[2 * i] * real - x[2 * i + 1] * imaginary
        out[2 * i + 1] = x[2 * i] * imaginary + x[2 * i + 1] * real


@_compiled
def _dots(query: Array, keys: Array, count: int, out: Array) -> None:
    """out [T] = keys [T, D] times query [D], for the first `count` of them."""
    for t in range(count):
        key = keys[t]
        total = np.float32(0)
        for d in range(len(query)):
            total += query[d] * key[d]
        out[t] = total


@_compiled
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


@_compiled
def _softmax(x: Array) -> None:
    """x [T] in place."""
    top = x[0]
    for t in range(len(x)):
        top = max(top, x[t])
    total = np.float32(0)
    for t in range(len(x)):
        x[t] = _exp(x[t] - top)
        total += x[t]
    for t in range(len(x)):
        x[t] /= total


@_compiled
def _add(weights: Array, values: Array, count: int, out: Array) -> None:
    """out [D] += weights [T] times values [T, D], for the first `count` of them."""
    for t in range(count):
        weight, value = weights[t], values[t]
        for d in range(len(out)):
            out[d] += weight * value[d]
