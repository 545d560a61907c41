"""A decoding step whose buffers are made once: on a CPU, finding and wrapping them took as long as a small network.

Matrix products go to torch and all between them to compiled loops, each over every row. Letters as in `decode.py`, I
inner size.

Not covered: norms of queries and keys, and sizes that do not fill vectors; modules of torch do those.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pawl.models.attention import Numbers, flat_rotations, newest_loop
from pawl.models.block_loops import sum_and_norm
from pawl.models.kernels import array_of, swiglu_loop
from pawl.models.precision import Linear
from pawl.models.transformer import Block, Transformer
from pawl.models.vectors import LANES


def takes(model: Transformer) -> bool:
    """Whether a step of a model can be made here."""
    arch = model.arch
    sizes = arch.head_dim, arch.hidden_size, arch.intermediate_size
    return model.device.type == "cpu" and not arch.qk_norm and not any(size % LANES for size in sizes)


@dataclass(frozen=True, slots=True)
class _Layer:
    """A block, and its part of the cache as arrays."""

    qkv: Callable[[], Any]
    out: Callable[[], Any]
    gate_up: Callable[[], Any]
    down: Callable[[], Any]
    attention_norm: Numbers
    """[C]"""
    mlp_norm: Numbers
    """[C]"""
    cache: tuple[Numbers, Numbers, Numbers, Numbers]
    """prompt keys in blocks, prompt values, keys, values."""


class Step:
    """Advances R rows by a token, again and again."""

    def __init__(self, model: Transformer, lengths: Tensor, rotations: Tensor,
                 caches: Sequence[tuple[Tensor, Tensor, Tensor, Tensor]]) -> None:
        """lengths [P] of the prompts; rotations [positions, D/2] of all positions that there is room for; `caches` are
        prompt keys in blocks, prompt values, keys and values of each layer, which are written to."""
        arch, precision, rows = model.arch, model.precision, len(lengths) * caches[0][2].shape[3]
        self.model, self.lengths, self.turns = model, lengths.numpy(), flat_rotations(rotations)

        def room(size: int, dtype: torch.dtype) -> Tensor:
            return torch.empty(rows, size, dtype=dtype)

        self.x, self.hidden = room(arch.hidden_size, torch.float32), room(arch.hidden_size, torch.float32)
        heads = arch.num_heads + 2 * arch.num_kv_heads
        normed, added = room(arch.hidden_size, precision), room(arch.hidden_size, precision)
        projected, mixed = room(heads * arch.head_dim, precision), room(arch.num_heads * arch.head_dim, precision)
        gate_up, inner = room(2 * arch.intermediate_size, precision), room(arch.intermediate_size, precision)
        self.added, self.scales = added, np.empty(rows, np.float32)
        self.arrays = [array_of(part) for part in (self.x, self.hidden, normed, added, gate_up, inner)]
        self.heads = array_of(projected.view(rows, heads, arch.head_dim))
        self.mixed = array_of(mixed.view(rows, arch.num_heads, arch.head_dim))
        self.layers = [
            _Layer(_product(block.attention.qkv, normed, projected), _product(block.attention.out, mixed, added),
                   _product(block.mlp.gate_up, normed, gate_up), _product(block.mlp.down, inner, added),
                   *_norms(block), _arrays(*cache))
            for block, cache in zip(model.layers(), caches, strict=True)
        ]
        self.last_norm = model.norm.weight.detach().numpy()

    def advance(self, tokens: Tensor, step: int) -> Tensor:
        """Logits [R, V] after each row's newest token [R], which is the `step`-th of its completion."""
        x, hidden, normed, added, gate_up, inner = self.arrays
        epsilon = self.model.arch.norm_epsilon
        torch.index_select(self.model.embed.weight, 0, tokens, out=self.x)
        self.added.zero_()
        sum_and_norm(x, added, self.layers[0].attention_norm, epsilon, x, self.scales, normed)
        following = [layer.attention_norm for layer in self.layers[1:]]
        for layer, norm in zip(self.layers, (*following, self.last_norm), strict=True):
            layer.qkv()
            newest_loop(self.heads, self.turns, self.lengths, *layer.cache, step, self.mixed)
            layer.out()
            sum_and_norm(x, added, layer.mlp_norm, epsilon, x, self.scales, normed)
            layer.gate_up()
            swiglu_loop(gate_up, inner)
            layer.down()
            sum_and_norm(x, added, norm, epsilon, x, self.scales, hidden if norm is self.last_norm else normed)
        return self.model.unembed(self.hidden)


def _arrays(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    return array_of(a), array_of(b), array_of(c), array_of(d)


def _norms(block: Block) -> tuple[Numbers, Numbers]:
    return block.attention_norm.weight.detach().numpy(), block.mlp_norm.weight.detach().numpy()


def _product(linear: Linear, x: Tensor, out: Tensor) -> Callable[[], Any]:
    """What writes a layer's product with x to `out`."""
    factor, bias = linear.factor().t(), linear.bias
    if bias is None:
        return lambda: torch.mm(x, factor, out=out)
    rounded = bias.to(x.dtype)
    return lambda: torch.addmm(rounded, x, factor, out=out)
