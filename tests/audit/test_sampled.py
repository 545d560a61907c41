"""What is kept of a stream: the same however it is cut, what is equal together, and fair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.audit.sampled import HashSample, place_hashes
from pawl.keys import fold


@given(st.lists(st.integers(0, 60), max_size=200), st.integers(1, 50), st.integers(5, 40))
def test_a_sample_is_the_same_however_the_stream_is_cut(values: list[int], cut: int, capacity: int) -> None:
    hashes = fold(1, np.array(values, np.uint64))
    whole, parts = HashSample(capacity, 1), HashSample(capacity, 1)
    whole.add(hashes, hashes[:, None])
    for start in range(0, len(values), cut):
        parts.add(hashes[start:start + cut], hashes[start:start + cut, None])
    assert parts.seen == whole.seen == len(values)
    assert (parts.hashes == whole.hashes).all() and (parts.places == whole.places).all()
    assert (parts.rows[:, 0] == parts.hashes).all() and (hashes[parts.places] == parts.hashes).all()
    kept = set(parts.hashes.tolist())
    assert sum(value in kept for value in hashes.tolist()) == len(parts.hashes), "all that are equal, or none"


def test_a_small_sample_tells_how_much_of_one_part_is_in_another() -> None:
    hashes = fold(3, np.concatenate((np.arange(80_000), np.arange(60_000, 100_000))).astype(np.uint64))
    parts = np.repeat(np.array([0, 1], np.uint64), (80_000, 40_000))
    sample = HashSample(5000, 1)
    for some, of in zip(np.array_split(hashes, 37), np.array_split(parts, 37), strict=True):
        sample.add(some, of[:, None])
    assert 2000 < len(sample.hashes) <= 5000
    one, other = (sample.hashes[sample.rows[:, 0] == part] for part in (0, 1))
    assert np.isin(other, one).mean() == pytest.approx(0.5, abs=0.05)


def test_places_are_drawn_fairly() -> None:
    hashes = place_hashes(0, 10_000, 7)
    assert (place_hashes(4000, 10, 7) == hashes[4000:4010]).all() and (place_hashes(0, 5, 8) != hashes[:5]).any()
    chosen = np.flatnonzero(hashes < 2**61)
    assert len(chosen) == pytest.approx(1250, abs=150) and chosen.mean() == pytest.approx(5000, rel=0.06)
