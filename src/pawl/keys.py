"""Randomness as an argument: counter-based streams, so that what a row draws does not depend on its neighbours.

A key is a 64-bit name of a stream, folded from (seed, generation, problem, attempt, ...). The draw at a position is
a hash of key and position: no state, no order, the same on every machine. The hash is SplitMix64 (Steele, Lea and
Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, figure 16); it is not cryptographic.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pawl.records import KeyArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def mix(keys: NDArray[np.uint64]) -> KeyArray:
    """The SplitMix64 finaliser, a bijection of 64-bit words. Any shape in, the same shape out."""
    keys = (keys ^ (keys >> np.uint64(30))) * _MIX_1
    keys = (keys ^ (keys >> np.uint64(27))) * _MIX_2
    return keys ^ (keys >> np.uint64(31))


def fold(key: NDArray[np.uint64] | int, data: NDArray[np.uint64] | int) -> KeyArray:
    """A new key from a key and a number; shapes broadcast."""
    with np.errstate(over="ignore"):
        key = np.asarray(key, dtype=np.uint64)
        return mix(mix(key + _GOLDEN) ^ (np.asarray(data, dtype=np.uint64) * _GOLDEN))


def name_key(name: str) -> int:
    """A 64-bit key from text, the same in every process (unlike `hash`)."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def stream(seed: int, *path: int | str) -> int:
    """The key of a named stream, as `stream(seed, "sample", generation)`."""
    key: NDArray[np.uint64] = np.asarray(seed % 2**64, dtype=np.uint64)
    for part in path:
        key = fold(key, name_key(part) if isinstance(part, str) else part % 2**64)
    return int(key)


def row_keys(key: int, names: Sequence[str], count: int) -> KeyArray:
    """[B, count] keys, one for each attempt at each named problem."""
    rows = np.array([name_key(name) for name in names], dtype=np.uint64)
    return fold(fold(key, rows)[:, None], np.arange(count, dtype=np.uint64)[None, :])


def uniforms(keys: KeyArray, position: int | NDArray[np.uint64]) -> NDArray[np.float64]:
    """Uniform draws in [0, 1) of each stream at a position; shapes broadcast. 53 bits each."""
    return (fold(keys, position) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def permutation(key: int, count: int) -> NDArray[np.int64]:
    """A permutation of range(count), the same for the same key."""
    return np.random.default_rng(key).permutation(count)
