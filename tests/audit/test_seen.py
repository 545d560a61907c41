"""What was seen is recognised, what is new rarely is, and what is frequent is known with its count."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pawl.audit.seen import FULL, Frequent, Seen
from pawl.keys import fold


@given(st.lists(st.integers(0, 40), max_size=120), st.integers(1, 30))
def test_what_came_before_is_known_however_the_stream_is_cut(values: list[int], cut: int) -> None:
    hashes, seen = fold(5, np.array(values, np.uint64)), Seen(1 << 20)
    found = [bool(told) for start in range(0, len(values), cut) for told in seen.add(hashes[start:start + cut])]
    assert found == [value in values[:place] for place, value in enumerate(values)]


def test_rows_of_hashes_are_asked_each_by_itself() -> None:
    seen = Seen(1 << 16)
    assert not seen.add(np.array([[1, 2], [3, 4]], np.uint64)).any()
    assert seen.add(np.array([[2, 5], [6, 3]], np.uint64)).tolist() == [[True, False], [False, True]]


def test_of_what_is_new_one_in_four_hundred_at_most_seems_seen_until_it_is_full() -> None:
    seen, wrong, asked = Seen(1 << 16), 0, 0
    while not seen.full:
        wrong += int(seen.add(fold(6, np.arange(asked, asked + 100, dtype=np.uint64))).sum())
        asked += 100
    assert asked >= FULL * (1 << 16) / 2, "two bits each"
    assert wrong / asked <= FULL**2


@given(st.lists(st.integers(0, 20), max_size=200), st.integers(1, 50))
def test_counts_are_exact_where_there_is_room(values: list[int], cut: int) -> None:
    often = Frequent(capacity=32)
    for start in range(0, len(values), cut):
        often.add(np.array(values[start:start + cut], np.uint64))
    expected = sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0]))
    assert often.most(5) == expected[:5]


@given(st.integers(0, 99), st.integers(2, 8))
def test_what_is_more_than_one_in_so_many_is_kept(seed: int, capacity: int) -> None:
    """The guarantee of Misra and Gries: the count is too low by N / capacity at most."""
    random = np.random.default_rng(seed)
    values = np.concatenate((random.integers(100, 1000, size=300), np.full(200, 7)))
    random.shuffle(values)
    often = Frequent(capacity)
    for part in np.array_split(values.astype(np.uint64), 13):
        often.add(part)
    assert len(often.counts) <= capacity
    found = dict(often.most(capacity))
    for value, count in Counter(values.tolist()).items():
        assert count - len(values) / capacity <= found.get(value, 0) <= count
