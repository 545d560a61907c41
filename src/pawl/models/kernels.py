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
from pawl.models.vectors import LANES, LEAST, LN_2_HIGH, LN_2_LOW, LOG2_E, exponential, load, store

Array = NDArray[np.float32]

_compiled, _inlined = partial(compiled, fast=True), partial(inlined, fast=True)


def serve(x: Tensor) -> bool:
    """Whether these loops can take the place of torch's operations on x."""
    return x.device.type == "cpu" and x.dtype == torch.float32


def serve_swiglu(gate_up: Tensor) -> bool:
    """Whether they can take its place on gate and up [..., 2 * I]."""
    whole = gate_up.dtype == torch.bfloat16 and gate_up.shape[-1] % (2 * LANES) == 0 and gate_up.device.type == "cpu"
    return (serve(gate_up) or whole) and not (torch.is_grad_enabled() and gate_up.requires_grad)


def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """x / rms(x) * weight [C], over the last axis of x [..., C] (Zhang and Sennrich 2019, equation 4)."""
    if torch.is_grad_enabled():
        normed: Tensor = _RMSNorm.apply(x, weight, epsilon)  # type: ignore[no-untyped-call]
        return normed
    return _normed(x, weight, epsilon)[0]


def swiglu(gate_up: Tensor) -> Tensor:
    """silu(gate) * up, whose columns [..., 2 * I] are gate's and then up's (Shazeer 2020, equation 6); no gradient."""
    out = gate_up.new_empty(*gate_up.shape[:-1], gate_up.shape[-1] // 2)
    swiglu_loop(*(array_of(part).reshape(-1, part.shape[-1]) for part in (gate_up.contiguous(), out)))
    return out


def draw(logits: Tensor, uniforms: NDArray[np.float64], temperature: float) -> tuple[Tensor, Tensor]:
    """Tokens [R] by inverse CDF at a temperature above 0, and their log-probabilities [R] at temperature 1.

    Logits [R, V] and uniforms [R] in [0, 1).
    """
    tokens, logprobs = torch.empty(len(logits), dtype=torch.int64), logits.new_empty(len(logits))
    _draw(_rows(logits), uniforms, np.float32(1 / temperature), tokens.numpy(), logprobs.numpy())
    return tokens, logprobs


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


def array_of(x: Tensor) -> NDArray[Any]:
    """As loops with vectors take it: bfloat16 as uint16 of the same bits."""
    array: NDArray[Any] = (x.view(torch.uint16) if x.dtype == torch.bfloat16 else x).numpy()
    return array


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
def swiglu_loop(gate_up: Array, out: Array) -> None:
    """gate_up [R, 2 * I], out [R, I]."""
    size = out.shape[1]
    whole = size - size % LANES
    columns, targets = gate_up.reshape(-1), out.reshape(-1)
    for r in range(len(out)):
        at, to = 2 * r * size, r * size
        for i in range(0, whole, LANES):
            gates, ups = load(columns, at + i), load(columns, at + size + i)
            store(targets, to + i, gates * ups / (exponential(np.float32(0) - gates) + np.float32(1)))
        for i in range(whole, size):  # of float32 only
            gate = columns[at + i]
            small = _exp(-abs(gate))
            sigmoid = (np.float32(1) if gate >= 0 else small) / (np.float32(1) + small)
            targets[to + i] = gate * sigmoid * columns[at + size + i]


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
def _top(x: Array) -> np.float32:
    """The largest of x; from four of its parts, as each comparison waits for the one before."""
    a = b = c = d = x[0]
    for i in range(0, len(x) - 3, 4):
        a, b, c, d = max(a, x[i]), max(b, x[i + 1]), max(c, x[i + 2]), max(d, x[i + 3])
    for i in range(len(x) - len(x) % 4, len(x)):
        a = max(a, x[i])
    largest: np.float32 = max(max(a, b), max(c, d))
    return largest
