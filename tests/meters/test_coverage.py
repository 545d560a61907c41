"""What one set covers of another, beside another implementation and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pawl.meters.coverage import distances, neighbourhoods, ngram_features, support_kept


def tokens(*texts: list[int]) -> list[np.ndarray]:
    return [np.array(text, np.int32) for text in texts]


def test_support_is_what_is_left_of_distinct_ngrams() -> None:
    reference = tokens([1, 2, 3], [4, 1, 2])
    assert support_kept(tokens([1, 1], [3, 9]), reference) == 2 / 4
    assert support_kept(tokens([1, 2, 3, 4]), reference, 2) == 2 / 3
    assert support_kept(tokens([1]), reference, 2) == 0
    assert support_kept(tokens([1]), tokens([5], []), 2) is None


@given(st.integers(7, 30), st.integers(7, 30), st.integers(1, 4), st.integers(0, 99), st.floats(0, 2))
@settings(max_examples=20, deadline=None)  # it starts workers for each
def test_precision_and_recall_are_those_of_prdc(real: int, made: int, width: int, seed: int, shift: float) -> None:
    prdc = pytest.importorskip("prdc", reason="compares with prdc, which is not installed")
    random = np.random.default_rng(seed)
    left, right = random.normal(size=(real, width)), random.normal(size=(made, width)) + shift
    ours, theirs = neighbourhoods(left, right, 3), prdc.compute_prdc(left, right, 3)
    assert (ours.precision, ours.recall) == pytest.approx((theirs["precision"], theirs["recall"]))


def test_a_mode_that_is_lost_costs_recall_and_not_precision() -> None:
    random = np.random.default_rng(0)
    modes = [random.normal(size=(50, 2)) + centre for centre in (0, 100)]
    found = neighbourhoods(np.vstack(modes), random.normal(size=(100, 2)))
    assert found.precision > 0.9 and 0.4 < found.recall <= 0.5


def test_copies_lie_on_each_other() -> None:
    rows = np.repeat(np.random.default_rng(0).normal(size=(2, 40)), 10, axis=0)
    assert (distances(rows, rows)[:10, :10] == 0).all()
    assert neighbourhoods(rows, rows) == neighbourhoods(rows, rows[::-1])
    assert neighbourhoods(rows, rows).recall == 1
    with pytest.raises(ValueError, match="more than 5"):
        neighbourhoods(rows, rows[:5])


def test_features_are_alike_where_texts_are() -> None:
    same, turned, other = ngram_features(tokens([1, 2, 3, 4], [1, 2, 4, 3], [7, 8, 9, 9]))
    assert np.linalg.norm(same) == pytest.approx(1)
    assert same @ turned > 0.5 > 0.3 > abs(same @ other)
    assert (ngram_features(tokens([])) == 0).all()
    assert (ngram_features(tokens([1, 2]), key=1) != ngram_features(tokens([1, 2]))).any()
