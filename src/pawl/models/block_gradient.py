"""A block that learns, as one operation with a gradient of its own, on a CPU: matrix products by torch, and all between
them by compiled loops. A small network's gradient otherwise takes most of its time from one small operation to the
next.

Letters: B rows, T tokens, R = B * T, N of them chosen, C hidden size, I inner size.

Not covered: biases, norms of queries and keys, and sizes that do not fill vectors; modules of torch do those.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pawl.models.attention_gradient import gather, gather_back
from pawl.models.block_loops import norm, norm_back, sum_and_norm, swiglu_back
from pawl.models.kernels import array_of, swiglu_loop
from pawl.models.vectors import LANES

if TYPE_CHECKING:
    from pawl.models.architecture import Architecture
    from pawl.models.transformer import Block


def takes(arch: Architecture, x: Tensor) -> bool:
    """Whether a block is learnt here from x."""
    plain = not (arch.qk_norm or arch.qkv_bias or arch.out_bias or arch.mlp_bias)
    whole = not any(size % LANES for size in (arch.head_dim, arch.hidden_size, arch.intermediate_size))
    return plain and whole and x.device.type == "cpu" and x.dtype == torch.float32 and torch.is_grad_enabled()


def learn_block(block: Block, x: Tensor, rotations: Tensor, places: Tensor | None) -> Tensor:
    """x [B, T, C] after the block; [N, C] with `places` [N], indices into the B * T positions."""
    linears = block.attention.qkv, block.attention.out, block.mlp.gate_up, block.mlp.down
    with torch.no_grad():
        factors = [linear.factor() for linear in linears]
    found: Tensor = _Block.apply(  # type: ignore[no-untyped-call]
        x, rotations, places, block.attention.arch, factors, *(linear.weight for linear in linears),
        block.attention_norm.weight, block.mlp_norm.weight)
    return found


class _Block(torch.autograd.Function):
    """Norms and what is inside the feed-forward network are made again in the backward pass: that takes less time than
    to keep them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, rotations: Tensor, places: Tensor | None, arch: Architecture,
                factors: Sequence[Tensor], *weights: Tensor) -> Tensor:
        qkv, out, gate_up, down = factors
        attention_norm, mlp_norm = (weight.detach() for weight in weights[4:])
        rows, shape = x.detach().flatten(0, 1).contiguous(), x.shape

        whole, normed, scales = len(rows), _room(len(rows), arch.hidden_size, qkv.dtype), rows.new_empty(len(rows))
        norm(rows.numpy(), attention_norm.numpy(), arch.norm_epsilon, scales.numpy(), array_of(normed)[:whole])
        heads = torch.mm(normed, qkv.t())[:whole].view(*shape[:2], -1, arch.head_dim)
        stream, count = (rows, whole) if places is None else (rows[places], len(places))
        mixed = _room(count, out.shape[1], qkv.dtype)
        if places is None:
            gather(heads, rotations, arch.num_kv_heads, mixed[:whole])
        else:
            torch.index_select(gather(heads, rotations, arch.num_kv_heads)[0].flatten(0, 1), 0, places,
                               out=mixed[:count])

        added = torch.mm(mixed, out.t())
        grown, grown_scales = torch.empty_like(stream), stream.new_empty(count)
        normed = _room(count, arch.hidden_size, qkv.dtype)
        sum_and_norm(stream.numpy(), array_of(added)[:count], mlp_norm.numpy(), arch.norm_epsilon, grown.numpy(),
                     grown_scales.numpy(), array_of(normed)[:count])
        columns = torch.mm(normed, gate_up.t())
        inner = _room(count, arch.intermediate_size, qkv.dtype)
        swiglu_loop(array_of(columns)[:count], array_of(inner)[:count])
        found = grown + torch.mm(inner, down.t())[:count]

        ctx.arch, ctx.factors, ctx.shape = arch, factors, shape
        ctx.save_for_backward(rows, rotations, places, scales, heads, mixed, grown, grown_scales, columns,
                              attention_norm, mlp_norm)
        return found if places is not None else found.view(shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor | None, ...]:
        (rows, rotations, places, scales, heads, mixed, grown, grown_scales, columns, attention_norm, mlp_norm
         ) = ctx.saved_tensors
        qkv, out, gate_up, down = ctx.factors
        passing = given.reshape(grown.shape).contiguous()

        change = _rounded(passing, qkv.dtype)
        of_inner = change @ down
        of_columns, inner = (_room(len(grown), part.shape[1], qkv.dtype) for part in (columns, of_inner))
        swiglu_back(*(array_of(part)[:len(grown)] for part in (columns, of_inner, of_columns, inner)))
        of_down = change.t() @ inner
        passing, of_mlp_norm, normed = _norm_back(of_columns @ gate_up, grown, mlp_norm, grown_scales, passing)
        of_gate_up = of_columns.t() @ normed

        change = _rounded(passing, qkv.dtype)
        of_out, of_mixed = change.t() @ mixed, (change @ out)[:len(grown)]
        if places is not None:
            passing, of_mixed = (part.new_zeros(len(rows), part.shape[1]).index_copy_(0, places, part)
                                 for part in (passing, of_mixed))
        of_heads = _room(len(rows), len(qkv), qkv.dtype)
        gather_back(heads, rotations, of_mixed, ctx.arch.num_kv_heads, of_heads[:len(rows)])
        passing, of_attention_norm, normed = _norm_back(of_heads @ qkv, rows, attention_norm, scales, passing)
        of_qkv = of_heads.t() @ normed
        products = (share.float() for share in (of_qkv, of_out, of_gate_up, of_down))
        return passing.view(ctx.shape), None, None, None, None, *products, of_attention_norm, of_mlp_norm


def _norm_back(given: Tensor, x: Tensor, weight: Tensor, scales: Tensor, passing: Tensor
               ) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x [R, C] and of the weight [C] from that of the norm, given [R and more, C], which comes third and
    with room."""
    of_x, of_weight, normed = torch.empty_like(x), torch.zeros_like(weight), _room(len(x), x.shape[1], given.dtype)
    norm_back(array_of(given)[:len(x)], x.numpy(), weight.numpy(), scales.numpy(), passing.numpy(), of_x.numpy(),
              of_weight.numpy(), array_of(normed)[:len(x)])
    return of_x, of_weight, normed


def _rounded(x: Tensor, dtype: torch.dtype) -> Tensor:
    """x [R, C] in a precision, with room."""
    found = _room(len(x), x.shape[1], dtype)
    found[:len(x)] = x
    return found


def _room(rows: int, columns: int, dtype: torch.dtype) -> Tensor:
    """[rows and more, columns], of which the first are to be written and the others are zeros. For each number of rows
    that it meets first a CPU's product in bfloat16 is made anew, which takes longer than to compute it; so those are
    few: the leading four bits count."""
    step = 1 << max(0, rows.bit_length() - 4) if dtype == torch.bfloat16 else 1
    found = torch.empty(-(-rows // step) * step, columns, dtype=dtype)
    found[rows:] = 0
    return found
