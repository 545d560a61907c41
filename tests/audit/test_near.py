"""Which documents share a band: nearly equal ones do, others do not."""

from __future__ import annotations

import numpy as np
import pytest

from pawl.audit.near import BANDS, ROWS, bands_of
from pawl.audit.words import words_of


def share(changed: int, trials: int = 300, length: int = 40) -> tuple[float, float]:
    """How often a document shares a band with itself after words were changed, and how much of its n-grams' union they
    have in common."""
    random = np.random.default_rng(changed)
    first = random.integers(10_000, size=(trials, length))
    second = first.copy()
    for row in second:
        row[random.choice(length, size=changed, replace=False)] = random.integers(10_000, 20_000, size=changed)
    texts = [" ".join(map(str, row)).encode() for row in (*first, *second)]
    bands = bands_of(words_of(texts))
    met = (bands[:trials] == bands[trials:]).any(1).mean()

    def grams(row: np.ndarray) -> set[tuple[int, ...]]:
        return set(zip(*(row[shift:].tolist() for shift in range(3)), strict=False))

    overlaps = [len(grams(one) & grams(other)) / len(grams(one) | grams(other))
                for one, other in zip(first, second, strict=True)]
    return float(met), float(np.mean(overlaps))


@pytest.mark.parametrize("changed", [0, 1, 2, 4, 8])
def test_bands_are_shared_as_often_as_overlap_says(changed: int) -> None:
    met, overlap = share(changed)
    assert met == pytest.approx(1 - (1 - overlap**ROWS)**BANDS, abs=0.1)


def test_documents_of_few_words_are_compared_by_them() -> None:
    bands = bands_of(words_of([b"yes", b"yes", b"no", b"", b""]))
    assert (bands[0] == bands[1]).all() and not (bands[0] == bands[2]).any() and (bands[3] == bands[4]).all()
