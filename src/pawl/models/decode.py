"""Decoding with a key/value cache in which a prompt is computed and stored once for all its completions.

Rows stand in a grid of P prompts by K completions. Keys and values of prompts are [P, G, S, D], those of completions
[P, G, K, T, D]; one softmax runs over both. Finished rows leave: the grid shrinks to the prompts and the most
completions still alive. Letters: P prompts, K completions, R = P*K rows, S prompt tokens, T completion tokens,
G key/value heads, N query heads for each of them, D head dimension, C hidden size, V vocabulary.

In float32 on one machine a row's numbers do not depend on the rest of the batch: prompts share a grid only when their
lengths round up to the same multiple, rows are padded to a multiple of sixteen, and sums run over a row's own entries.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pawl.models.transformer import Attention, Transformer

SMALL_PRODUCT = 400
"""Below this size torch multiplies matrices of a batch one number at a time."""


@dataclass(slots=True)
class LayerCache:
    """Keys and values of one layer; keys are already divided by the root of D."""

    prompt_keys: Tensor
    """[P * G, D, S], ready for the product."""
    prompt_values: Tensor
    """[P * G, S, D]"""
    keys: Tensor
    """[P, G, K, T, D], filled up to the current step."""
    values: Tensor
    """[P, G, K, T, D]"""


class Grid:
    """P prompts by K completions, advancing a token at a time."""

    def __init__(self, model: Transformer, prompts: Tensor, lengths: Tensor, count: int, max_tokens: int) -> None:
        """Prompts [P, S] right-padded, with their lengths [P] (at least 1); room for max_tokens a row."""
        self.model, self.count, self.step = model, count, 0
        self.lengths, self.longest = lengths, int(lengths.max())
        width = prompts.shape[1]
        padding = torch.arange(width, device=prompts.device) >= lengths[:, None]
        zeros = torch.zeros(padding.shape, dtype=model.embed.weight.dtype, device=prompts.device)
        self.mask = zeros.masked_fill_(padding, float("-inf"))[:, None, None]
        """[P, 1, 1, S]"""
        self.layers, hidden = self._prefill(prompts, count, max_tokens)
        last = hidden[torch.arange(len(prompts), device=prompts.device), lengths - 1]
        self.prompt_hidden = last
        """[P, C] final hidden state of each prompt's last token."""

    def _prefill(self, prompts: Tensor, count: int, max_tokens: int) -> tuple[list[LayerCache], Tensor]:
        model, layers = self.model, []
        rotations = model.rotary(prompts.shape[1])
        x = model.embed(prompts)
        for block in model.layers():
            x, k, v = block(x, rotations)
            keys = (k * k.shape[-1] ** -0.5).permute(0, 2, 3, 1).flatten(0, 1)
            room = k.new_empty(len(prompts), k.shape[2], count, max_tokens, k.shape[3])
            layers.append(LayerCache(keys, v.transpose(1, 2).flatten(0, 1), room, torch.empty_like(room)))
        return layers, model.norm(x)

    def advance(self, tokens: Tensor) -> Tensor:
        """Logits [R, V] after each row's newest token [R]."""
        model = self.model
        places = (self.lengths + self.step).repeat_interleave(self.count)
        rotations = model.rotary(self.longest + self.step + 1)[places]
        x = model.embed(tokens)
        for block, layer in zip(model.layers(), self.layers, strict=True):
            x += self._attend(block.attention, block.attention_norm(x), rotations, layer)
            x += block.mlp(block.mlp_norm(x))
        self.step += 1
        return model.unembed(model.norm(x))

    def _attend(self, attention: Attention, x: Tensor, rotations: Tensor, layer: LayerCache) -> Tensor:
        """Attention output [R, C] of the newest tokens; their keys and values enter the cache."""
        prompts, groups, count, _, dim = layer.keys.shape
        width, seen = layer.prompt_values.shape[1], self.step + 1
        q, k, v = attention.project(x, rotations)
        number = q.shape[1] // groups
        # From [R, G * N, D] to [P, G, K, N, D]: what a key/value head needs lies together.
        q = q.view(prompts, count, groups, number, dim).transpose(1, 2).contiguous()
        new = k.view(prompts, count, groups, dim).transpose(1, 2)
        torch.mul(new, dim**-0.5, out=layer.keys[:, :, :, self.step])
        layer.values[:, :, :, self.step] = v.view(prompts, count, groups, dim).transpose(1, 2)
        keys, values = layer.keys[:, :, :, :seen].flatten(0, 2), layer.values[:, :, :, :seen].flatten(0, 2)

        to_prompt = _product(q.view(prompts * groups, -1, dim), layer.prompt_keys).view(prompts, groups, -1, width)
        to_own = torch.bmm(q.view(-1, number, dim), keys.mT).view(prompts, groups, -1, seen)
        weights = torch.cat((to_prompt.add_(self.mask), to_own), dim=-1).softmax(-1)
        mixed = _product(weights[..., :width].flatten(0, 1), layer.prompt_values).view(-1, number, dim)
        mixed += _mix(weights[..., width:].view(-1, number, seen), values)
        mixed = mixed.view(prompts, groups, count, -1).transpose(1, 2).reshape(len(x), -1)
        output: Tensor = attention.out(mixed)
        return output

    def keep(self, prompts: Tensor, rows: Tensor, count: int) -> None:
        """Shrink to these prompts [P'] and these rows [P' * count], both indices into the present grid."""
        groups = self.layers[0].keys.shape[1]

        def of_prompts(cache: Tensor) -> Tensor:
            return cache.view(-1, groups, *cache.shape[1:])[prompts].flatten(0, 1)

        def of_rows(cache: Tensor) -> Tensor:
            chosen = cache.transpose(1, 2).flatten(0, 1)[rows]
            return chosen.view(-1, count, *chosen.shape[1:]).transpose(1, 2).contiguous()

        self.lengths, self.mask, self.count = self.lengths[prompts], self.mask[prompts], count
        for layer in self.layers:
            layer.prompt_keys, layer.prompt_values = of_prompts(layer.prompt_keys), of_prompts(layer.prompt_values)
            layer.keys, layer.values = of_rows(layer.keys), of_rows(layer.values)


def _product(rows: Tensor, matrices: Tensor) -> Tensor:
    """rows [B, N, X] @ matrices [B, X, Y]. A single row goes as two: alone it would be a product of matrix and vector,
    which rounds otherwise."""
    return rows @ matrices if rows.shape[1] > 1 else (rows.expand(-1, 2, -1) @ matrices)[:, :1]


def _mix(weights: Tensor, values: Tensor) -> Tensor:
    """weights [B, N, T] @ values [B, T, D]. For one short row, torch's product is slower than adding up."""
    if weights.shape[1] == 1 and values.shape[1] * values.shape[2] < SMALL_PRODUCT:
        return (weights.mT * values).sum(1, keepdim=True)
    return weights @ values
