"""Words and their n-grams as numbers, beside a reader in Python."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pawl.audit.words import ngrams_of, words_of

WORD = re.compile(rb"[a-z0-9'_\x80-\xff]+|[^\x00-\x20a-z0-9'_\x80-\xff]")


def read(text: bytes) -> list[bytes]:
    """The words of a text by a regular expression; bytes.lower leaves what is not ASCII alone."""
    return WORD.findall(text.lower())


@given(st.lists(st.text(max_size=30).map(str.encode), max_size=6))
def test_words_are_those_of_a_regular_expression(texts: list[bytes]) -> None:
    found, whole = words_of(texts), b"".join(texts)
    expected = [word for text in texts for word in read(text)]
    assert [whole[start:end].lower() for start, end in zip(found.starts, found.ends, strict=True)] == expected
    assert np.diff(found.bounds).tolist() == [len(read(text)) for text in texts]
    known: dict[bytes, int] = {}
    for word, value in zip(expected, found.hashes.tolist(), strict=True):
        assert known.setdefault(word, value) == value
    assert len(set(known.values())) == len(known)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c"]), max_size=8), max_size=5))
def test_ngrams_are_equal_where_their_words_are(texts: list[list[str]]) -> None:
    words = words_of([" ".join(text).encode() for text in texts])
    for n in (1, 2, 3):
        hashes, bounds = ngrams_of(words, n)
        expected = [[tuple(text[place:place + n]) for place in range(len(text) - n + 1)] for text in texts]
        assert np.diff(bounds).tolist() == [len(grams) for grams in expected]
        known: dict[tuple[str, ...], int] = {}
        for gram, value in zip((gram for grams in expected for gram in grams), hashes.tolist(), strict=True):
            assert known.setdefault(gram, value) == value
        assert len(set(known.values())) == len(known)


def test_hashes_are_spread_evenly() -> None:
    hashes = words_of([str(number).encode() for number in range(20_000)]).hashes
    assert len(np.unique(hashes)) == 20_000
    for shift in (0, 32, 56):
        counts = np.bincount(((hashes >> np.uint64(shift)) & np.uint64(255)).astype(int), minlength=256)
        assert abs(counts - 20_000 / 256).max() < 50
