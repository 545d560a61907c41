"""What is kept of a stream of any length: whatever has a small hash, so that what is equal is kept together.

A sample by a hash of what is counted tells how much of one part another part has, however little of both is kept; a
sample by a hash of the place is a fair one of documents. Both are the same for the same stream, however it is cut.
"""

from __future__ import annotations

import numpy as np

from pawl.audit.words import Hashes
from pawl.keys import fold, stream

LARGEST = 2**64 - 1


class HashSample:
    """Rows whose hash is below a limit, which falls by half whenever there are more than `capacity`."""

    def __init__(self, capacity: int, columns: int = 0) -> None:
        self.capacity, self.limit = capacity, LARGEST
        self.seen = 0
        """Rows of the whole stream."""
        self.hashes = np.empty(0, np.uint64)
        """[K]"""
        self.places = np.empty(0, np.int64)
        """[K] of each in the stream."""
        self.rows = np.empty((0, columns), np.uint64)
        """[K, columns] what else is known of each."""

    def add(self, hashes: Hashes, rows: Hashes | None = None) -> None:
        """The next rows of the stream."""
        places = np.arange(self.seen, self.seen + len(hashes))
        self.seen += len(hashes)
        rows = np.empty((len(hashes), 0), np.uint64) if rows is None else rows
        kept = hashes <= np.uint64(self.limit)
        self.hashes = np.concatenate((self.hashes, hashes[kept]))
        self.places = np.concatenate((self.places, places[kept]))
        self.rows = np.concatenate((self.rows, rows[kept]))
        while len(self.hashes) > self.capacity and self.limit:
            self.limit //= 2
            kept = self.hashes <= np.uint64(self.limit)
            self.hashes, self.places, self.rows = self.hashes[kept], self.places[kept], self.rows[kept]


def place_hashes(first: int, count: int, key: int) -> Hashes:
    """[count] hashes of the places from `first` on: a fair order of documents."""
    return fold(stream(key, "place"), np.arange(first, first + count, dtype=np.uint64))
