"""Passages of a data set and of its reference in blocks of as many words each, so that what is read of them can be
compared: with each other, and with how much blocks of one set differ among themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawl.audit.sketch import Passage
from pawl.audit.words import Words, words_of
from pawl.meters.collapse import Written
from pawl.records import IntArray

BLOCKS = 8
MOST, FEWEST = 20_000, 500
"""Words of a block."""


@dataclass(frozen=True, slots=True)
class Block:
    """Passages of a set, the first and the last one cut so that all blocks have as many words."""

    passages: Sequence[Passage]
    tokens: Sequence[IntArray]
    """Of each passage its words, by the same numbers in all blocks."""

    @property
    def written(self) -> Written:
        return Written(self.tokens, [each.text for each in self.passages])

    @property
    def words(self) -> IntArray:
        return np.concatenate(self.tokens)


@dataclass(frozen=True, slots=True)
class Blocks:
    """`BLOCKS` of each set."""

    data: tuple[Block, ...]
    reference: tuple[Block, ...]
    spellings: dict[int, str]
    """Of each number the word, in lower case."""

    @property
    def size(self) -> int:
        """Words of a block."""
        return sum(map(len, self.data[0].tokens))


def blocks_of(data: Sequence[Passage], reference: Sequence[Passage]) -> Blocks | None:
    """The blocks of two samples, or of one where there is no reference. None where one has too few words."""
    sets = [_Read.of(sample) for sample in (data, reference) if sample]
    size = min([MOST, *(len(each.words.hashes) // BLOCKS for each in sets)])
    if size < FEWEST or not data:
        return None
    known, numbers = np.unique(np.concatenate([each.words.hashes for each in sets]), return_inverse=True)
    cuts = np.cumsum([len(each.words.hashes) for each in sets])[:-1]
    parts = np.split(numbers.astype(np.int32), cuts)
    spellings: dict[int, str] = {}
    made = []
    for each, ids in zip(sets, parts, strict=True):
        for number, place in zip(*np.unique(ids, return_index=True), strict=True):
            spellings.setdefault(int(number), each.spelling(int(place)))
        made.append(_cut(each, ids, size))
    assert len(spellings) == len(known)
    return Blocks(made[0], made[1] if reference else (), spellings)


@dataclass(frozen=True, slots=True)
class _Read:
    """Passages and their words."""

    passages: Sequence[Passage]
    whole: bytes
    words: Words

    @classmethod
    def of(cls, passages: Sequence[Passage]) -> _Read:
        texts = [each.text.encode("utf-8", "replace") for each in passages]
        return cls(passages, b"".join(texts), words_of(texts))

    def spelling(self, place: int) -> str:
        return self.whole[self.words.starts[place]:self.words.ends[place]].decode("utf-8", "replace").lower()


def _cut(read: _Read, ids: NDArray[np.int32], size: int) -> tuple[Block, ...]:
    """A passage that is cut begins the next block."""
    blocks, passages, tokens, left = list[Block](), list[Passage](), list[IntArray](), size
    for place, passage in enumerate(read.passages):
        mine = ids[read.words.bounds[place]:read.words.bounds[place + 1]]
        while len(mine) and len(blocks) < BLOCKS:
            passages.append(passage)
            tokens.append(mine[:left])
            mine, left = mine[left:], left - len(tokens[-1])
            if not left:
                blocks.append(Block(passages, tokens))
                passages, tokens, left = [], [], size
    return tuple(blocks)
