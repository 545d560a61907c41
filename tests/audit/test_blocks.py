"""Blocks are of as many words, share none, and number words alike."""

from __future__ import annotations

import numpy as np
from tests.audit.conftest import passages

from pawl.audit.blocks import BLOCKS, FEWEST, blocks_of


def test_blocks_are_as_large_and_share_nothing(world: list[str]) -> None:
    sample = passages(world[:2500])
    blocks = blocks_of(sample, passages(world[2500:]))
    assert blocks is not None
    for side in (blocks.data, blocks.reference):
        assert [len(block.words) for block in side] == [blocks.size] * BLOCKS
    read = "".join(blocks.spellings[int(word)] for block in blocks.data for word in block.words)
    assert "".join("".join(each.text.lower().split()) for each in sample).startswith(read)


def test_numbers_are_words_in_both(world: list[str]) -> None:
    blocks = blocks_of(passages(world[:2500]), passages(world[2500:]))
    assert blocks is not None
    for block in (*blocks.data, *blocks.reference):
        for tokens, passage in list(zip(block.tokens, block.passages, strict=True))[1:50]:
            spelt = "".join(blocks.spellings[int(token)] for token in tokens)
            assert "".join(passage.text.lower().split()).startswith(spelt)


def test_without_a_reference_there_are_blocks_of_the_data(world: list[str]) -> None:
    blocks = blocks_of(passages(world), [])
    assert blocks is not None and blocks.reference == () and len(blocks.data) == BLOCKS


def test_too_few_words_are_no_blocks() -> None:
    enough = passages(["a b c d e"] * (FEWEST * BLOCKS // 5))
    assert blocks_of(enough, []) is not None
    assert blocks_of(enough[1:], []) is None
    assert blocks_of(enough, enough[1:]) is None
    assert blocks_of([], enough) is None
    assert np.array_equal(blocks_of(enough, enough).data[0].words, blocks_of(enough, []).data[0].words)  # type: ignore[union-attr]
