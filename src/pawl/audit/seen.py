"""What was seen before in a stream of any length, in fixed memory: a Bloom filter, and what came most often.

Bloom, "Space/time trade-offs in hash coding with allowable errors", 1970; Misra and Gries, "Finding repeated elements",
1982.
"""

from __future__ import annotations

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from pawl.audit.words import Hashes
from pawl.compiled import compiled

MOST_BITS = 2**32
"""Half a GiB."""
FULL = 0.05
"""Share of bits from which on too much that is new would seem to have been seen: one in 400 then."""


class Seen:
    """Tells of each hash whether it came before. What came is always recognised; what is new is taken for seen with a
    chance of the square of the share of bits that are set."""

    def __init__(self, size: int) -> None:
        """`size` is how many bits would do; it is rounded to a power of two, `MOST_BITS` at most."""
        bits = min(MOST_BITS, 1 << max(16, (size - 1).bit_length()))
        self._bits, self._mask, self._set = np.zeros(bits // 64, np.uint64), bits - 1, 0

    @property
    def full(self) -> bool:
        """Whether to ask no more."""
        return self._set > FULL * (self._mask + 1)

    def add(self, hashes: Hashes) -> NDArray[np.bool_]:
        """[N, M] or [N] of hashes: which came before, in an earlier row or call. Then they have."""
        rows = hashes[:, None] if hashes.ndim == 1 else hashes
        before = np.zeros(rows.shape, np.bool_)
        self._set += _add(self._bits, np.uint64(self._mask), rows, before)
        return before.reshape(hashes.shape)


def _add_all(bits: Hashes, mask: np.uint64, rows: Hashes, before: NDArray[np.bool_]) -> int:
    added = 0
    for row in range(len(rows)):
        for column in range(rows.shape[1]):
            value, missing = rows[row, column], 0
            for part in range(2):
                # Hashes are of all bits alike, but the two places must not share any.
                place = (value >> uint64(32 * part)) * uint64(0x9E3779B97F4A7C15) >> uint64(31) & mask
                bit = uint64(1) << (place & uint64(63))
                if not bits[place >> uint64(6)] & bit:
                    bits[place >> uint64(6)] |= bit
                    missing += 1
            before[row, column] = missing == 0
            added += missing
    return added


_add = compiled(_add_all)


class Frequent:
    """What came most often: whatever is more than one in `capacity` of the stream is there, its count too low by as
    much at most; exact while no more than `capacity` different ones came."""

    def __init__(self, capacity: int = 65_536) -> None:
        self.capacity = capacity
        self.hashes, self.counts = np.empty(0, np.uint64), np.empty(0, np.int64)

    def add(self, hashes: Hashes) -> None:
        """The next of the stream."""
        new, counts = np.unique(hashes, return_counts=True)
        self.hashes, places = np.unique(np.concatenate((self.hashes, new)), return_inverse=True)
        self.counts = np.bincount(places, np.concatenate((self.counts, counts))).astype(np.int64)
        if len(self.counts) > self.capacity:
            self.counts -= np.partition(self.counts, -self.capacity - 1)[-self.capacity - 1]
            self.hashes, self.counts = self.hashes[self.counts > 0], self.counts[self.counts > 0]

    def most(self, number: int) -> list[tuple[int, int]]:
        """(hash, times), the most frequent first."""
        order = np.lexsort((self.hashes, -self.counts))[:number]
        return [(int(self.hashes[place]), int(self.counts[place])) for place in order]
