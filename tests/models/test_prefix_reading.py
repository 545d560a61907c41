"""Reading prefixes piece by piece, against a full forward pass of each."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pawl.models import kernels, prefix_reading, transformer
from pawl.models.architecture import Architecture, small
from pawl.models.decode import prefill
from pawl.models.prefix_reading import Piece, Stored, read
from pawl.models.transformer import Transformer

torch.set_num_threads(1)

PLAIN = small(20, depth=2, width=64, max_positions=64)
ARCHITECTURES = {
    "plain": PLAIN,
    "grouped": replace(PLAIN, num_heads=4, num_kv_heads=2, head_dim=16, tie_embeddings=False),
    "normed": replace(PLAIN, family="qwen3", qk_norm=True),
}
TRUNK = np.arange(9, dtype=np.int32)
BRANCHES = [np.array([*TRUNK[:cut], *tail], np.int32) for cut, tail in ((9, [3]), (4, [7] * 8), (9, [5, 1, 2, 6]))]


def make(arch: Architecture) -> Transformer:
    model, random = Transformer(arch), torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=random) * 0.2
        parameter.data.copy_(noise if parameter.dim() == 2 else parameter + noise)
    return model.requires_grad_(False)


MODEL = make(PLAIN)


def tree() -> list[Piece]:
    """A trunk and branches that continue it, in slots without an order."""
    slots = np.random.default_rng(0).permutation(40).astype(np.int64)
    pieces, taken = [Piece(TRUNK, slots[:9], 0)], 9
    for branch in BRANCHES:
        shared = int((branch[:9] == TRUNK[: len(branch)][:9]).cumprod().sum())
        own = len(branch) - shared
        pieces.append(Piece(branch, np.concatenate((slots[:shared], slots[taken : taken + own])), shared))
        taken += own
    return pieces


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "torch"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_tree_read_in_one_pass_says_what_full_passes_say(
    name: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:
        for module in (kernels, prefix_reading, transformer):
            monkeypatch.setattr(module, "serve", lambda x: False)
    model, pieces = make(ARCHITECTURES[name]), tree()
    stored = Stored(model)
    stored.grow(40)
    read(model, stored, pieces)
    for piece in pieces:
        tokens = torch.from_numpy(piece.prefix).long()[None]
        expected = model.hidden(tokens, torch.ones_like(tokens, dtype=torch.bool))
        torch.testing.assert_close(stored.hidden[torch.from_numpy(piece.slots)], expected, atol=1e-5, rtol=1e-5)


def test_prompts_are_what_a_prefill_computes() -> None:
    pieces, stored = tree(), Stored(MODEL)
    stored.grow(40)
    read(MODEL, stored, pieces)
    found = stored.prompts([piece.slots for piece in pieces])
    lengths = torch.tensor([len(piece.prefix) for piece in pieces])
    tokens = torch.stack([torch.from_numpy(np.resize(piece.prefix, int(lengths.max()))).long() for piece in pieces])
    expected = prefill(MODEL, tokens, lengths)
    assert torch.equal(found.lengths, lengths)
    torch.testing.assert_close(found.hidden, expected.hidden, atol=1e-5, rtol=1e-5)
    for ours, theirs in zip((*found.keys, *found.values), (*expected.keys, *expected.values), strict=True):
        for row, length in enumerate(lengths):
            torch.testing.assert_close(ours[row, :, :length], theirs[row, :, :length], atol=1e-5, rtol=1e-5)


@given(st.sets(st.integers(1, 23)))
def test_where_a_prefix_is_cut_is_not_seen_in_the_bits(cuts: set[int]) -> None:
    prefix, found = np.arange(24, dtype=np.int32) % 20, []
    slots = np.arange(24, dtype=np.int64)
    for edges in ([0, 24], [0, *sorted(cuts), 24]):
        stored = Stored(MODEL)
        stored.grow(24)
        for start, stop in pairwise(edges):
            read(MODEL, stored, [Piece(prefix[:stop], slots[:stop], start)])
        found.append(torch.cat([part.flatten() for part in (*stored.keys, *stored.values, stored.hidden)]))
    assert torch.equal(*found)


def test_growing_keeps_what_is_there_and_adds_numbers() -> None:
    stored = Stored(MODEL)
    stored.grow(9)
    read(MODEL, stored, tree_of_one := [Piece(TRUNK, np.arange(9, dtype=np.int64), 0)])
    before = stored.last_hidden([piece.slots for piece in tree_of_one])
    stored.grow(30)
    assert torch.equal(stored.last_hidden([piece.slots for piece in tree_of_one]), before)
    assert stored.keys[0].shape[0] == 30 and stored.keys[0].isfinite().all()
