"""Compiled loops for a block: what stands between its matrix products, and the gradient of it.

Rows are tokens, R of them; C hidden size, I inner size, both multiples of LANES. What products take and give is in
their precision, float32 or bfloat16 as uint16 of the same bits; sums, and what passes by them, are float32.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from pawl.compiled import compiled
from pawl.models.attention import Numbers
from pawl.models.kernels import Array
from pawl.models.vectors import LANES, exponential, load, spread, store, total

_compiled = partial(compiled, fast=True)


@_compiled
def sum_and_norm(x: Array, added: Numbers, weight: Array, epsilon: float, grown: Array, scales: Array, out: Numbers
                 ) -> None:
    """grown [R, C] = x + added [R, C], and may be x; out [R, C] is its norm, for which rows are multiplied by
    scales [R]."""
    size = x.shape[1]
    stream, change, sums, target = x.reshape(-1), added.reshape(-1), grown.reshape(-1), out.reshape(-1)
    for r in range(len(x)):
        squares = spread(np.float32(0))
        for i in range(r * size, (r + 1) * size, LANES):
            entry = load(stream, i) + load(change, i)
            store(sums, i, entry)
            squares += entry * entry
        scale = np.float32(1 / np.sqrt(total(squares) / size + epsilon))
        scales[r] = scale
        for i in range(0, size, LANES):
            store(target, r * size + i, load(sums, r * size + i) * scale * load(weight, i))


@_compiled
def norm(x: Array, weight: Array, epsilon: float, scales: Array, out: Numbers) -> None:
    """out [R, C] is the norm of x [R, C], and scales [R] what rows were multiplied by."""
    size = x.shape[1]
    stream, target = x.reshape(-1), out.reshape(-1)
    for r in range(len(x)):
        squares = spread(np.float32(0))
        for i in range(r * size, (r + 1) * size, LANES):
            squares += load(stream, i) * load(stream, i)
        scale = np.float32(1 / np.sqrt(total(squares) / size + epsilon))
        scales[r] = scale
        for i in range(0, size, LANES):
            store(target, r * size + i, load(stream, r * size + i) * scale * load(weight, i))


@_compiled
def norm_back(given: Numbers, x: Array, weight: Array, scales: Array, passing: Array, of_x: Array, of_weight: Array,
              normed: Numbers) -> None:
    """The gradient of x [R, C], of_x, is what comes to it through the norm and what passes by it, passing [R, C]; that
    of the weight is added to of_weight [C]. `given` [R, C] is the gradient of the norm, which is `normed` [R, C], made
    again."""
    size = x.shape[1]
    gradient, stream, by, target, again = (given.reshape(-1), x.reshape(-1), passing.reshape(-1), of_x.reshape(-1),
                                           normed.reshape(-1))
    for r in range(len(x)):
        scale, products = scales[r], spread(np.float32(0))
        for i in range(0, size, LANES):
            products += load(gradient, r * size + i) * load(weight, i) * load(stream, r * size + i)
        along = total(products) * scale * scale / np.float32(size)
        for i in range(0, size, LANES):
            at = r * size + i
            change, entry, factor = load(gradient, at), load(stream, at), load(weight, i)
            store(target, at, load(by, at) + scale * (change * factor - along * entry))
            store(again, at, entry * scale * factor)
            store(of_weight, i, load(of_weight, i) + change * entry * scale)


@_compiled
def swiglu_back(gate_up: Numbers, given: Numbers, of_gate_up: Numbers, inner: Numbers) -> None:
    """Gradients of gate and up [R, 2 * I] from that of silu(gate) * up, given [R, I]; which is `inner` [R, I], made
    again."""
    size, one = given.shape[1], np.float32(1)
    columns, gradient, target, again = (gate_up.reshape(-1), given.reshape(-1), of_gate_up.reshape(-1),
                                        inner.reshape(-1))
    for r in range(len(given)):
        at, to = 2 * r * size, r * size
        for i in range(0, size, LANES):
            gate, up, change = load(columns, at + i), load(columns, at + size + i), load(gradient, to + i)
            sigmoid = spread(one) / (exponential(np.float32(0) - gate) + one)
            slope = change * sigmoid
            store(target, at + i, slope * up * (one + gate * (one - sigmoid)))
            store(target, at + size + i, slope * gate)
            store(again, to + i, gate * up * sigmoid)
