"""Texts as words, and words as numbers: a compiled reader that makes 64-bit hashes of words, many documents at a time.

A word is a run of letters, digits and whatever is not ASCII, in lower case; any other mark that is no blank is a word
by itself. The hash is FNV-1a with a finaliser; two words out of ten million share one with a chance of one in 400,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import uint8, uint64
from numpy.typing import NDArray

from pawl.compiled import compiled, inlined

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

OFFSET, PRIME = 0xCBF29CE484222325, 0x100000001B3
"""Of FNV-1a (Fowler, Noll and Vo), 64 bits."""


@dataclass(frozen=True, slots=True)
class Words:
    """The words of some documents, one document after the other."""

    hashes: Hashes
    """[W]"""
    starts: Places
    """[W] where each begins among the documents' bytes."""
    ends: Places
    """[W] where it ends."""
    bounds: Places
    """[N + 1] where each document's words begin."""

    def of(self, document: int) -> Hashes:
        """The words of one."""
        return self.hashes[self.bounds[document]:self.bounds[document + 1]]


def words_of(texts: Sequence[bytes]) -> Words:
    """The words of documents."""
    whole = np.frombuffer(b"".join(texts), np.uint8)
    edges = np.cumsum([0, *map(len, texts)])
    hashes = np.empty(len(whole), np.uint64)
    starts, ends, bounds = (np.empty(size, np.int64) for size in (len(whole), len(whole), len(edges)))
    count = _words(whole, edges, hashes, starts, ends, bounds)
    return Words(hashes[:count].copy(), starts[:count].copy(), ends[:count].copy(), bounds)


def ngrams_of(words: Words, n: int) -> tuple[Hashes, Places]:
    """Hashes of the n-grams of each document [G], and where each document's begin [N + 1]; none spans two."""
    counts = np.maximum(np.diff(words.bounds) - n + 1, 0)
    bounds = np.concatenate(([0], np.cumsum(counts)))
    hashes = np.empty(bounds[-1], np.uint64)
    _ngrams(words.hashes, words.bounds, bounds, n, hashes)
    return hashes, bounds


def _read_words(text: NDArray[np.uint8], edges: Places, hashes: Hashes, starts: Places, ends: Places,
                bounds: Places) -> int:
    count = 0
    for document in range(len(edges) - 1):
        bounds[document] = count
        inside, value = False, uint64(0)
        for place in range(edges[document], edges[document + 1]):
            byte = text[place]
            if 65 <= byte <= 90:
                byte = uint8(byte + 32)
            letter = 97 <= byte <= 122 or 48 <= byte <= 57 or byte >= 128 or byte == 39 or byte == 95
            if inside and not letter:
                hashes[count - 1] = _finished(value)
                ends[count - 1] = place
                inside = False
            if letter or byte > 32:
                if not inside:
                    starts[count] = place
                    count += 1
                    value = uint64(OFFSET)
                value = (value ^ uint64(byte)) * uint64(PRIME)
                inside = letter
                if not letter:
                    hashes[count - 1] = _finished(value)
                    ends[count - 1] = place + 1
        if inside:
            hashes[count - 1] = _finished(value)
            ends[count - 1] = edges[document + 1]
    bounds[len(edges) - 1] = count
    return count


def _mixed(value: Any) -> Any:
    """The finaliser of SplitMix64, so that all bits of a hash are as good as the others."""
    value = (value ^ (value >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> uint64(27))) * uint64(0x94D049BB133111EB)
    return value ^ (value >> uint64(31))


def _fill_ngrams(words: Hashes, bounds: Places, starts: Places, n: int, hashes: Hashes) -> None:
    for document in range(len(bounds) - 1):
        for gram in range(starts[document + 1] - starts[document]):
            value = uint64(n)
            for place in range(n):
                value = _finished(value * uint64(PRIME) ^ words[bounds[document] + gram + place])
            hashes[starts[document] + gram] = value


_finished = inlined(_mixed)
_words = compiled(_read_words)
_ngrams = compiled(_fill_ngrams)
