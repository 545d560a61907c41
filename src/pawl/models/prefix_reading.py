"""Reading the new parts of many prefixes in one pass, each after what was stored of the prefix before it.

A piece is the unread end of a prefix; its tokens attend along the slots of the whole prefix, of which some were stored
before and some by pieces of the same pass. In float32 on a CPU a token's numbers depend on the tokens before it alone:
rows are padded to a multiple of ROW_STEP, and sums run along the prefix from its start. Letters: P pieces, N new
tokens, T tokens of a prefix, H query heads, G key/value heads, D head dimension, C hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from pawl.models.attention import attend_paths, serve
from pawl.models.decode import Prompts
from pawl.models.rope import rotate
from pawl.models.scoring import BATCH_TOKENS
from pawl.models.transformer import Transformer
from pawl.records import IntArray

ROW_STEP = 16
"""Rows of a pass are padded to a multiple of this, as in `sampling.py`."""

SlotArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Piece:
    """The end of a prefix, from its token `start` on."""

    prefix: IntArray
    """[T]"""
    slots: SlotArray
    """[T] where its tokens are stored, or will be."""
    start: int


class Stored:
    """Keys, values and final hidden states of tokens, each in a slot."""

    def __init__(self, model: Transformer) -> None:
        arch, weight = model.arch, model.embed.weight
        shape = arch.num_kv_heads, arch.head_dim
        self.keys = [weight.new_zeros(0, *shape) for _ in range(arch.num_layers)]
        """[slots, G, D] of each layer."""
        self.values = [weight.new_zeros(0, *shape) for _ in range(arch.num_layers)]
        """[slots, G, D] of each layer."""
        self.hidden = weight.new_zeros(0, arch.hidden_size)
        """[slots, C]"""

    @property
    def num_bytes(self) -> int:
        return sum(part.numel() * part.element_size() for part in (*self.keys, *self.values, self.hidden))

    def grow(self, slots: int) -> None:
        """Room for so many slots; what is there stays. Free slots are zeros: what pads a batch must be numbers."""
        def grown(part: Tensor) -> Tensor:
            return torch.cat((part, part.new_zeros(slots - len(part), *part.shape[1:])))

        with torch.no_grad():
            self.keys, self.values = list(map(grown, self.keys)), list(map(grown, self.values))
            self.hidden = grown(self.hidden)

    def last_hidden(self, paths: Sequence[SlotArray]) -> Tensor:
        """[R, C] final hidden state of each path's last token, in rows padded to a multiple of ROW_STEP."""
        last = [int(path[-1]) for path in paths]
        return self.hidden[last + last[-1:] * (-len(last) % ROW_STEP)]

    def prompts(self, paths: Sequence[SlotArray]) -> Prompts:
        """Copies in the form that decoding takes."""
        device = self.hidden.device
        slots = _padded(paths, device)
        keys, values = ([part[slots].transpose(1, 2).contiguous() for part in parts]
                        for parts in (self.keys, self.values))
        lengths = torch.tensor([len(path) for path in paths], device=device)
        return Prompts(keys, values, self.hidden[slots[:, -1]], lengths)


def _padded(paths: Sequence[SlotArray], device: torch.device) -> Tensor:
    """[P, T] slots, padded on the right with the last."""
    width = max(map(len, paths))
    return torch.from_numpy(np.stack([np.pad(path, (0, width - len(path)), mode="edge") for path in paths])).to(device)


@torch.no_grad()
def read(model: Transformer, stored: Stored, pieces: Sequence[Piece]) -> None:
    """Computes and stores the pieces; one that begins where another ends comes after it."""
    for batch in _batches(pieces):
        _read_batch(model, stored, batch)


def _batches(pieces: Sequence[Piece]) -> Iterator[Sequence[Piece]]:
    """In order, so many that they attend along BATCH_TOKENS slots at most."""
    start = 0
    for stop in range(1, len(pieces) + 1):
        longest = max(len(piece.slots) for piece in pieces[start : stop + 1])
        if stop == len(pieces) or (stop + 1 - start) * longest > BATCH_TOKENS:
            yield pieces[start:stop]
            start = stop


def _read_batch(model: Transformer, stored: Stored, pieces: Sequence[Piece]) -> None:
    device = model.device
    new = torch.from_numpy(np.concatenate([piece.prefix[piece.start :] for piece in pieces]))
    slots = torch.from_numpy(np.concatenate([piece.slots[piece.start :] for piece in pieces])).to(device)
    paths = _padded([piece.slots for piece in pieces], device)
    starts = torch.tensor([piece.start for piece in pieces], device=device)
    lengths = torch.tensor([len(piece.slots) for piece in pieces], device=device)
    rotations = model.rotary(paths.shape[1])
    x = model.embed(F.pad(new.long(), (0, -len(new) % ROW_STEP)).to(device))
    for block, keys, values in zip(model.layers(), stored.keys, stored.values, strict=True):
        heads = block.attention.heads(block.attention_norm(x))
        attend = attend_paths if serve(heads) else _attend_paths
        x += block.attention.out(attend(heads, rotations, paths, starts, lengths, keys, values))
        x += block.mlp(block.mlp_norm(x))
    stored.hidden[slots] = model.norm(x)[: len(new)]


def _attend_paths(heads: Tensor, rotations: Tensor, paths: Tensor, starts: Tensor, lengths: Tensor, keys: Tensor,
                  values: Tensor) -> Tensor:
    """As `attend_paths`, by torch."""
    groups, size = keys.shape[1:]
    given, heads = heads.dtype, heads.to(keys.dtype)
    places = torch.arange(paths.shape[1], device=paths.device)
    new = (places >= starts[:, None]) & (places < lengths[:, None])
    turned, v = heads[: int(new.sum())].split((heads.shape[1] - groups, groups), dim=1)
    number = turned.shape[1] - groups
    q, k = rotate(turned, rotations[places.expand_as(paths)[new]]).split((number, groups), dim=1)
    keys[paths[new]], values[paths[new]] = k, v
    counts = (lengths - starts).tolist()
    queries = pad_sequence(list(q.split(counts)), batch_first=True).transpose(1, 2)
    steps = torch.arange(queries.shape[2], device=paths.device)
    seen = places <= (starts[:, None] + steps)[:, :, None]
    mixed = F.scaled_dot_product_attention(queries, keys[paths].transpose(1, 2), values[paths].transpose(1, 2),
                                           attn_mask=seen[:, None], enable_gqa=number != groups)
    out = heads.new_zeros(len(heads), number * size)
    out[: len(q)] = mixed.transpose(1, 2).flatten(2)[steps < (lengths - starts)[:, None]]
    return out.to(given)
