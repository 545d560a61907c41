"""One decoder-only transformer, weight-compatible with the Llama, Qwen2 and Qwen3 families, with a value head.

RMSNorm (Zhang and Sennrich 2019), rotary positions (Su et al. 2021), grouped-query attention (Ainslie et al. 2023),
SwiGLU (Shazeer 2020). Query, key and value projections are one matrix, and so are gate and up; `checkpoint.py` splits
and orders them as the Hugging Face layout does. Letters: B rows, T tokens, H query heads, G key/value heads, D head
dimension, C hidden size, V vocabulary.

Not covered: mixture of experts, sliding windows, cross attention; `architecture.py` refuses them by name.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pawl.models import block_gradient, kernels
from pawl.models.architecture import Architecture
from pawl.models.attention import attend_whole, fit, serve
from pawl.models.attention_gradient import attend_learning
from pawl.models.precision import Linear
from pawl.models.rope import rotary_table, rotate


class RMSNorm(nn.Module):
    """x / rms(x) * weight, over the last axis."""

    def __init__(self, size: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        if kernels.serve(x):
            return kernels.rms_norm(x, self.weight, self.epsilon)
        return F.rms_norm(x, self.weight.shape, self.weight, self.epsilon)


class Attention(nn.Module):
    """Causal grouped-query attention with rotary positions."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.arch = arch
        self.qkv = Linear(arch.hidden_size, (arch.num_heads + 2 * arch.num_kv_heads) * arch.head_dim,
                             bias=arch.qkv_bias)
        self.out = Linear(arch.num_heads * arch.head_dim, arch.hidden_size, bias=arch.out_bias)
        self.q_norm = RMSNorm(arch.head_dim, arch.norm_epsilon) if arch.qk_norm else None
        self.k_norm = RMSNorm(arch.head_dim, arch.norm_epsilon) if arch.qk_norm else None

    def heads(self, x: Tensor) -> Tensor:
        """Queries and keys, both to be rotated, and values [..., H + 2 * G, D] of x [..., C]."""
        arch = self.arch
        heads: Tensor = self.qkv(x).unflatten(-1, (-1, arch.head_dim))
        if self.q_norm is not None and self.k_norm is not None:
            q, k, v = heads.split((arch.num_heads, arch.num_kv_heads, arch.num_kv_heads), dim=-2)
            normed = self.q_norm(q.float()), self.k_norm(k.float())
            heads = torch.cat((*(part.to(v.dtype) for part in normed), v), dim=-2)
        return heads

    def mix(self, x: Tensor, rotations: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What each position of x [B, T, C] gathers from those before it and itself, [B, T, H * D], and the rotated
        keys and the values [B, T, G, D] of all."""
        number, groups = self.arch.num_heads, self.arch.num_kv_heads
        heads = self.heads(x)
        if serve(heads):
            return attend_whole(heads, rotations, groups)
        if fit(heads) and heads.dtype == torch.bfloat16:  # of which torch's gradient takes thirteen times as long
            return attend_learning(heads, rotations, groups)
        # Splits rather than slices: their gradients are joined, not padded with zeros and added.
        turned, v = heads.split((number + groups, groups), dim=-2)
        q, k = rotate(turned, rotations).split((number, groups), dim=-2)
        mixed = F.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True, enable_gqa=number != groups)
        return mixed.transpose(1, 2).flatten(-2), k, v


class FeedForward(nn.Module):
    """SwiGLU: down(silu(gate(x)) * up(x))."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.gate_up = Linear(arch.hidden_size, 2 * arch.intermediate_size, bias=arch.mlp_bias)
        self.down = Linear(arch.intermediate_size, arch.hidden_size, bias=arch.mlp_bias)

    def forward(self, x: Tensor) -> Tensor:
        gate_up = self.gate_up(x)
        if kernels.serve_swiglu(gate_up):
            inner = kernels.swiglu(gate_up)
        else:
            gate, up = gate_up.chunk(2, dim=-1)
            inner = F.silu(gate) * up
        output: Tensor = self.down(inner)
        return output


class Block(nn.Module):
    """Pre-norm residual block."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(arch.hidden_size, arch.norm_epsilon)
        self.attention = Attention(arch)
        self.mlp_norm = RMSNorm(arch.hidden_size, arch.norm_epsilon)
        self.mlp = FeedForward(arch)

    def forward(self, x: Tensor, rotations: Tensor, places: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """x [B, T, C] after the block, and the keys and values [B, T, G, D] that a cache may keep.

        With `places` [N], indices into the B * T positions, x after the block is [N, C], of those alone.
        """
        mixed, k, v = self.attention.mix(self.attention_norm(x), rotations)
        if places is not None:
            x, mixed = (part.flatten(0, 1).index_select(0, places) for part in (x, mixed))
        x = x + self.attention.out(mixed)
        return x + self.mlp(self.mlp_norm(x)), k, v


class Transformer(nn.Module):
    """Tokens [B, T] to logits [B, T, V] and value logits [B, T]."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.arch = arch
        self.embed = nn.Embedding(arch.vocab_size, arch.hidden_size)
        self.blocks = nn.ModuleList(Block(arch) for _ in range(arch.num_layers))
        self.norm = RMSNorm(arch.hidden_size, arch.norm_epsilon)
        self.head = None if arch.tie_embeddings else nn.Linear(arch.hidden_size, arch.vocab_size, bias=False)
        self.value_head = nn.Linear(arch.hidden_size, 1)
        self._rotary = rotary_table(arch, 0)

    @property
    def device(self) -> torch.device:
        return self.embed.weight.device

    @property
    def precision(self) -> torch.dtype:
        """Of the products inside the network."""
        return next(self.layers()).attention.qkv.precision

    @precision.setter
    def precision(self, precision: torch.dtype) -> None:
        for module in self.modules():
            if isinstance(module, Linear):
                module.precision = precision

    def layers(self) -> Iterator[Block]:
        """The blocks in order, typed."""
        for block in self.blocks:
            assert isinstance(block, Block)
            yield block

    def rotary(self, length: int) -> Tensor:
        """Rotations [T, D/2] of the first `length` positions; the table grows as longer texts come."""
        device = self.embed.weight.device
        if len(self._rotary) < length or self._rotary.device != device:
            # A table first needed while sampling must also serve training: autograd refuses inference tensors.
            with torch.inference_mode(False):
                self._rotary = rotary_table(self.arch, max(256, 1 << (length - 1).bit_length())).to(device)
        return self._rotary[:length]

    def hidden(self, tokens: Tensor, chosen: Tensor) -> Tensor:
        """Final hidden states [N, C] of the N positions chosen [B, T], a row after the other.

        Rows are right-padded, so that causal attention never sees the padding. The last block gives its keys and
        values of all positions and the rest of its work to those chosen.
        """
        rotations = self.rotary(tokens.shape[1])
        x, places = self.embed(tokens), chosen.flatten().nonzero().squeeze(1)
        *inner, last = self.layers()
        if block_gradient.takes(self.arch, x):
            for block in inner:
                x = block_gradient.learn_block(block, x, rotations, None)
            x = block_gradient.learn_block(last, x, rotations, places)
        else:
            for block in inner:
                x, _, _ = block(x, rotations)
            x, _, _ = last(x, rotations, places)
        hidden: Tensor = self.norm(x)
        return hidden

    def unembed(self, hidden: Tensor) -> Tensor:
        """Logits [..., V] of hidden states [..., C]."""
        return F.linear(hidden, self.embed.weight if self.head is None else self.head.weight)

    def value(self, hidden: Tensor) -> Tensor:
        """Value logits [...] of hidden states [..., C]; their sigmoid is the expected final score."""
        values: Tensor = self.value_head(hidden)
        return values.squeeze(-1)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.hidden(tokens, torch.ones_like(tokens, dtype=torch.bool)).view(*tokens.shape, -1)
        return self.unembed(hidden), self.value(hidden)


def initialise(model: Transformer, seed: int) -> None:
    """Fresh weights: normal with standard deviation 0.02, residual outputs scaled by 1/sqrt(2 layers) as in GPT-2."""
    generator = torch.Generator().manual_seed(seed % 2**63)
    residual = 0.02 / (2 * model.arch.num_layers) ** 0.5
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1:
                parameter.fill_(1.0 if "norm" in name else 0.0)
            else:
                deviation = residual if name.endswith(("out.weight", "down.weight")) else 0.02
                parameter.normal_(0.0, deviation, generator=generator)
        model.value_head.weight.zero_()
