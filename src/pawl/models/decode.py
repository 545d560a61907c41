"""Decoding with a key/value cache in which a prompt is computed and stored once for all its completions.

Rows stand in a grid of P prompts by K completions. Keys and values of prompts are [P, G, S, D], those of completions
[P*K, G, T, D]; one softmax runs over both. Finished rows leave: the grid shrinks to the prompts and the most
completions still alive. Letters: P prompts, K completions, R = P*K rows, S prompt tokens, T completion tokens,
G key/value heads, H query heads, D head dimension, C hidden size, V vocabulary.

In float32 on one machine a row's numbers do not depend on the rest of the batch: prompts share a grid only when their
lengths round up to the same multiple, rows are padded to a multiple of sixteen, and sums run over a row's own entries.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pawl.models.rope import Tables
from pawl.models.transformer import Block, Transformer


@dataclass(slots=True)
class LayerCache:
    """Keys and values of one layer. Prompt keys are stored transposed, ready for the product."""

    prompt_keys: Tensor
    """[P, G, D, S]"""
    prompt_values: Tensor
    """[P, G, S, D]"""
    keys: Tensor
    """[R, G, T, D], filled up to the current step."""
    values: Tensor
    """[R, G, T, D]"""


class Grid:
    """P prompts by K completions, advancing a token at a time."""

    def __init__(self, model: Transformer, prompts: Tensor, lengths: Tensor, count: int, max_tokens: int) -> None:
        """Prompts [P, S] right-padded, with their lengths [P] (at least 1); room for max_tokens a row."""
        self.model, self.count, self.step = model, count, 0
        self.lengths, self.longest = lengths, int(lengths.max())
        width = prompts.shape[1]
        padding = torch.arange(width, device=prompts.device) >= lengths[:, None]
        zeros = torch.zeros(padding.shape, dtype=model.embed.weight.dtype, device=prompts.device)
        self.mask = zeros.masked_fill_(padding, float("-inf"))[:, None, None, :]
        self.layers, hidden = self._prefill(prompts, count, max_tokens)
        last = hidden[torch.arange(len(prompts), device=prompts.device), lengths - 1]
        self.prompt_hidden = last
        """[P, C] final hidden state of each prompt's last token."""

    def _prefill(self, prompts: Tensor, count: int, max_tokens: int) -> tuple[list[LayerCache], Tensor]:
        model, layers = self.model, []
        positions = model.rotary(prompts.shape[1])
        x = model.embed(prompts)
        for block in model.layers():
            x, k, v = block(x, positions)
            k, v = k.transpose(1, 2), v.transpose(1, 2)
            room = k.new_empty(len(prompts) * count, k.shape[1], max_tokens, k.shape[3])
            layers.append(LayerCache(k.transpose(2, 3).contiguous(), v.contiguous(), room, torch.empty_like(room)))
        return layers, model.norm(x)

    def advance(self, tokens: Tensor) -> Tensor:
        """Logits [R, V] after each row's newest token [R]."""
        model = self.model
        places = (self.lengths + self.step).repeat_interleave(self.count)
        cos, sin, swap = model.rotary(self.longest + self.step + 1)
        positions = cos[places, None], sin[places, None], swap
        x = model.embed(tokens[:, None])
        for block, layer in zip(model.layers(), self.layers, strict=True):
            x = x + self._attend(block, block.attention_norm(x), positions, layer)
            x = x + block.mlp(block.mlp_norm(x))
        self.step += 1
        return model.unembed(model.norm(x)[:, 0])

    def _attend(self, block: Block, x: Tensor, positions: Tables, layer: LayerCache) -> Tensor:
        """Attention output [R, 1, C] of the newest tokens; their keys and values enter the cache."""
        rows, groups, seen = len(x), layer.keys.shape[1], self.step + 1
        q, k, v = block.attention.project(x, positions)
        layer.keys[:, :, self.step], layer.values[:, :, self.step] = k[:, 0], v[:, 0]
        q = q[:, 0].unflatten(1, (groups, -1))
        q = q * q.shape[-1] ** -0.5
        by_prompt = q.unflatten(0, (-1, self.count)).transpose(1, 2)
        shape = by_prompt.shape
        prompt_scores = _product(by_prompt.flatten(2, 3), layer.prompt_keys) + self.mask
        prompt_scores = prompt_scores.unflatten(2, shape[2:4]).transpose(1, 2).flatten(0, 1)
        own_scores = q @ layer.keys[:, :, :seen].transpose(2, 3)
        weights = torch.cat((prompt_scores, own_scores), dim=-1).softmax(-1)
        prompt_weights, own_weights = weights.split((layer.prompt_values.shape[2], seen), dim=-1)
        prompt_weights = prompt_weights.unflatten(0, (-1, self.count)).transpose(1, 2).flatten(2, 3)
        mixed = _product(prompt_weights, layer.prompt_values).unflatten(2, shape[2:4]).transpose(1, 2).flatten(0, 1)
        mixed = torch.baddbmm(mixed.flatten(0, 1), own_weights.flatten(0, 1), layer.values[:, :, :seen].flatten(0, 1))
        output: Tensor = block.attention.out(mixed.reshape(rows, 1, -1))
        return output

    def keep(self, prompts: Tensor, rows: Tensor, count: int) -> None:
        """Shrink to these prompts [P'] and these rows [P' * count], both indices into the present grid."""
        self.lengths, self.mask, self.count = self.lengths[prompts], self.mask[prompts], count
        for layer in self.layers:
            layer.prompt_keys, layer.prompt_values = layer.prompt_keys[prompts], layer.prompt_values[prompts]
            layer.keys, layer.values = layer.keys[rows], layer.values[rows]


def _product(rows: Tensor, matrices: Tensor) -> Tensor:
    """rows [P, G, N, X] @ matrices [P, G, X, Y]. A single row goes as two: alone it would be a product of matrix and
    vector, which rounds otherwise."""
    return rows @ matrices if rows.shape[2] > 1 else (rows.expand(-1, -1, 2, -1) @ matrices)[:, :, :1]
