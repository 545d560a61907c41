"""Decoding with a key/value cache in which a prompt is computed and stored once for all its completions.

Rows stand in a grid of P prompts by K completions. Keys and values of prompts are [P, G, S, D], those of completions
[P, G, T, K, D], in the order in which they are made and read; one softmax runs over both. Finished rows leave: the grid
shrinks to the prompts and the most completions still alive. Letters: P prompts, K completions, R = P*K rows, S prompt
tokens, T completion tokens, G key/value heads, N query heads for each of them, D head dimension, C hidden size, V
vocabulary.

In float32 on a CPU a row's numbers do not depend on the rest of the batch: prompts share a grid only when their
lengths round up to the same multiple, rows are padded to a multiple of sixteen, and sums run over a row's own entries.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pawl.models.attention import attend_newest, in_blocks, serve
from pawl.models.decode_step import Step, takes
from pawl.models.graph_step import GraphStep
from pawl.models.transformer import Transformer


@dataclass(slots=True)
class LayerCache:
    """Keys and values of one layer."""

    prompt_keys: Tensor
    """[P, G, S, D]; where compiled loops read them, in blocks [P, G, S / LANES, D, LANES]."""
    prompt_values: Tensor
    """[P, G, S, D]"""
    keys: Tensor
    """[P, G, T, K, D], filled up to the current step."""
    values: Tensor
    """[P, G, T, K, D]"""


@dataclass(frozen=True, slots=True)
class Prompts:
    """What was computed of P prompts."""

    keys: list[Tensor]
    """[P, G, S, D] of each layer; what is beyond a prompt's length is not looked at."""
    values: list[Tensor]
    """[P, G, S, D] of each layer."""
    hidden: Tensor
    """[P, C] final hidden state of each prompt's last token."""
    lengths: Tensor
    """[P]"""


def prefill(model: Transformer, tokens: Tensor, lengths: Tensor) -> Prompts:
    """Prompts [P, S], right-padded, with their lengths [P] (at least 1)."""
    rotations = model.rotary(tokens.shape[1])
    x, keys, values = model.embed(tokens), [], []
    for block in model.layers():
        x, k, v = block(x, rotations)
        keys.append(k.transpose(1, 2).contiguous())
        values.append(v.transpose(1, 2).contiguous())
    return Prompts(keys, values, model.norm(x)[torch.arange(len(tokens), device=tokens.device), lengths - 1], lengths)


ROOM = 32
"""Tokens that there is room for at first; it doubles when it is full."""


class Grid:
    """P prompts by K completions, advancing a token at a time."""

    def __init__(self, model: Transformer, prompts: Prompts, count: int, max_tokens: int) -> None:
        """For max_tokens a row, at most."""
        self.model, self.count, self.step, self.max_tokens = model, count, 0, max_tokens
        self.lengths, self.longest = prompts.lengths, int(prompts.lengths.max())
        self.prompt_hidden = prompts.hidden
        self.compiled = serve(prompts.keys[0])
        self.layers = []
        for layer in zip(prompts.keys, prompts.values, strict=True):
            keys, values = (part.to(model.precision) for part in layer)
            shape = len(keys), keys.shape[1], min(ROOM, max_tokens), count, keys.shape[3]
            shared = in_blocks(keys) if self.compiled else keys
            self.layers.append(LayerCache(shared, values, _room(keys, shape), _room(keys, shape)))
        self.whole: Step | GraphStep | None = None
        """A whole step on the present cache; none where compiled loops do its attention alone."""
        self._renew()

    def _renew(self) -> None:
        """The step is one on the cache as it is now."""
        rotations = self.model.rotary(self.longest + self.layers[0].keys.shape[2])
        caches = [(layer.prompt_keys, layer.prompt_values, layer.keys, layer.values) for layer in self.layers]
        if not self.compiled:
            before = self.whole if isinstance(self.whole, GraphStep) else None
            self.whole = GraphStep(self.model, self.lengths, rotations, caches, before)
        elif takes(self.model):
            self.whole = Step(self.model, self.lengths, rotations, caches)

    @torch.no_grad()
    def advance(self, tokens: Tensor) -> Tensor:
        """Logits [R, V] after each row's newest token [R]; the next call may write over them."""
        if self.step == self.layers[0].keys.shape[2]:
            self._grow()
        logits = self._advance(tokens) if self.whole is None else self.whole.advance(tokens, self.step)
        self.step += 1
        return logits

    def _advance(self, tokens: Tensor) -> Tensor:
        """A step whose attention is that of compiled loops."""
        model, rotations = self.model, self.model.rotary(self.longest + self.step + 1)
        x = model.embed(tokens)
        for block, layer in zip(model.layers(), self.layers, strict=True):
            mixed = attend_newest(block.attention.heads(block.attention_norm(x)), rotations, self.lengths,
                                  layer.prompt_keys, layer.prompt_values, layer.keys, layer.values, self.step)
            x += block.attention.out(mixed)
            x += block.mlp(block.mlp_norm(x))
        return model.unembed(model.norm(x))

    def _grow(self) -> None:
        """Twice the room, or as much as will be needed."""
        def grown(cache: Tensor) -> Tensor:
            prompts, groups, room, count, size = cache.shape
            larger = _room(cache, (prompts, groups, min(2 * room, self.max_tokens), count, size))
            larger[:, :, :room] = cache
            return larger

        for layer in self.layers:
            layer.keys, layer.values = grown(layer.keys), grown(layer.values)
        self._renew()

    def keep(self, prompts: Tensor, rows: Tensor, count: int) -> None:
        """Shrink to these prompts [P'] and these rows [P' * count], both indices into the present grid."""
        origin, completion = rows // self.count, rows % self.count

        def of_rows(cache: Tensor) -> Tensor:
            _, groups, room, _, size = cache.shape
            chosen = cache[origin, :, : self.step, completion].view(len(prompts), count, groups, self.step, size)
            kept = _room(cache, (len(prompts), groups, room, count, size))
            kept[:, :, : self.step] = chosen.permute(0, 2, 3, 1, 4)
            return kept

        for layer in self.layers:
            layer.prompt_keys, layer.prompt_values = layer.prompt_keys[prompts], layer.prompt_values[prompts]
            layer.keys, layer.values = of_rows(layer.keys), of_rows(layer.values)
        self.lengths, self.count = self.lengths[prompts], count
        self._renew()


def _room(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Zeros: memory that is first written to from end to end is given out many times faster than here and there."""
    return like.new_empty(shape).zero_()
