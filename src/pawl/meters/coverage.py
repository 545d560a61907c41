"""What one set of texts covers of another: support kept, and precision and recall by nearest neighbours.

Both sets should be of one size: more text covers more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawl.keys import fold, stream
from pawl.meters.diversity import ngrams
from pawl.records import IntArray

NEIGHBOURS = 5
"""As in MAD (Alemohammad et al. 2024)."""


def support_kept(completions: Sequence[IntArray], reference: Sequence[IntArray], n: int = 1) -> float | None:
    """Share of the reference's distinct n-grams that the completions have, in [0, 1]; None where it has none.

    Shumailov et al., "The curse of recursion", 2023: tails of a distribution vanish first.
    """
    ours, theirs = _support(completions, n), _support(reference, n)
    return len(ours & theirs) / len(theirs) if theirs else None


def _support(completions: Sequence[IntArray], n: int) -> set[bytes]:
    """The distinct n-grams."""
    return {gram.tobytes() for tokens in completions for gram in ngrams(np.asarray(tokens, np.int32), n)}


@dataclass(frozen=True, slots=True)
class Neighbourhoods:
    """How two sets lie in each other."""

    precision: float
    """Share of generated items that lie within the real set: as near to a real item as its k-th real neighbour."""
    recall: float
    """Share of real items that lie within the generated set."""


def neighbourhoods(real: NDArray[np.floating], generated: NDArray[np.floating], k: int = NEIGHBOURS) -> Neighbourhoods:
    """Improved precision and recall (Kynkäänniemi et al. 2019, equations 1 and 2) of features [N, D] and [M, D].

    Raises ValueError where a set has no k-th neighbour.
    """
    if min(len(real), len(generated)) <= k:
        raise ValueError(f"both sets must have more than {k} items, got {len(real)} and {len(generated)}")
    between = distances(real, generated)
    near_real, near_generated = _reach(real, k), _reach(generated, k)
    return Neighbourhoods(precision=float((between <= near_real[:, None]).any(0).mean()),
                          recall=float((between <= near_generated[None, :]).any(1).mean()))


def distances(left: NDArray[np.floating], right: NDArray[np.floating]) -> NDArray[np.float64]:
    """[N, M] Euclidean distances between rows [N, D] and [M, D]; rows that are the same are 0 apart."""
    ours, theirs = np.asarray(left, np.float64), np.asarray(right, np.float64)
    sizes = (ours**2).sum(1)[:, None] + (theirs**2).sum(1)[None, :]
    squares = sizes - 2 * ours @ theirs.T
    return np.sqrt(np.where(squares <= 1e-13 * sizes, 0.0, squares))


def _reach(rows: NDArray[np.floating], k: int) -> NDArray[np.float64]:
    """[N] distance of each to its k-th neighbour."""
    return np.partition(distances(rows, rows), k, axis=1)[:, k]


def ngram_features(completions: Sequence[IntArray], *, n: int = 2, width: int = 512,
                   key: int = 0) -> NDArray[np.float64]:
    """[N, width] what a completion is made of: its n-grams up to `n`, each thrown by a hash into one of `width` places
    with a sign, the square roots of their counts, of length 1.

    Weinberger et al., "Feature hashing for large scale multitask learning", 2009. No model is asked, so that none can
    learn to please it.
    """
    table = np.zeros((len(completions), width))
    for row, tokens in enumerate(completions):
        for order in range(1, n + 1):
            grams, counts = np.unique(ngrams(np.asarray(tokens, np.int32), order), axis=0, return_counts=True)
            hashed = _hashes(grams, stream(key, "ngrams", order))
            signs = np.where(hashed >> np.uint64(63), 1.0, -1.0)
            np.add.at(table[row], (hashed % np.uint64(width)).astype(np.int64), signs * np.sqrt(counts))
    lengths: NDArray[np.float64] = np.linalg.norm(table, axis=1, keepdims=True)
    return table / np.maximum(lengths, 1e-12)


def _hashes(grams: IntArray, key: int) -> NDArray[np.uint64]:
    """[G] a hash of each n-gram [G, n]."""
    hashed = np.full(len(grams), key, np.uint64)
    for column in range(grams.shape[1]):
        hashed = fold(hashed, grams[:, column].astype(np.uint64))
    return hashed
