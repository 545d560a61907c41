"""Distinct n-grams and entropy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.meters.diversity import distinct_n, mean_entropy

TEXTS = st.lists(st.lists(st.integers(0, 3), max_size=8), max_size=12)


def arrays(texts: list[list[int]]) -> list[np.ndarray]:
    return [np.array(text, np.int32) for text in texts]


@given(TEXTS, st.integers(1, 4))
def test_all_tokens_read_is_the_textbook_count(texts: list[list[int]], n: int) -> None:
    grams = [tuple(text[i : i + n]) for text in texts for i in range(len(text) - n + 1)]
    total = sum(map(len, texts))
    expected = len(set(grams)) / len(grams) if grams else None
    assert distinct_n(arrays(texts), n, budget=max(total, n), key=1) == (expected if total >= n else None)


def test_a_budget_not_filled_gives_no_number() -> None:
    assert distinct_n(arrays([[1, 2, 3]]), 2, budget=4, key=0) is None
    assert distinct_n([], 2, budget=4, key=0) is None


def test_the_last_completion_is_cut_where_the_budget_ends() -> None:
    assert distinct_n(arrays([[1, 1, 1, 1, 1, 2, 3, 4]]), 2, budget=5, key=0) == 1 / 4


def test_no_n_gram_spans_two_completions() -> None:
    assert distinct_n(arrays([[7, 8]] * 3), 2, budget=6, key=0) == 1 / 3


def test_the_same_key_reads_the_same_completions() -> None:
    texts = arrays(np.random.default_rng(0).integers(0, 30, size=(100, 10)).tolist())
    readings = [distinct_n(texts, 2, budget=100, key=key) for key in (1, 1, 2, 3)]
    assert readings[0] == readings[1] and len(set(readings)) > 1


def test_more_tokens_of_one_source_lower_distinct_n() -> None:
    texts = arrays(np.random.default_rng(0).integers(0, 5, size=(100, 10)).tolist())
    short, long = (distinct_n(texts, 2, budget=budget, key=0) for budget in (50, 1000))
    assert short is not None and long is not None and long < short


def test_n_beyond_the_budget_raises() -> None:
    with pytest.raises(ValueError, match="n must be 1 to the budget"):
        distinct_n([], 3, budget=2, key=0)


def test_mean_entropy_weighs_every_token_alike() -> None:
    rows = [np.log(np.float32([0.5, 0.25])), np.log(np.float32([0.125])), np.float32([])]
    assert mean_entropy(rows) == pytest.approx(2 * np.log(2))


def test_mean_entropy_estimates_the_entropy_of_what_was_sampled() -> None:
    chances = np.array([0.7, 0.2, 0.1])
    tokens = np.random.default_rng(0).choice(3, size=20_000, p=chances)
    estimate = mean_entropy([np.log(chances)[tokens].astype(np.float32)])
    assert estimate == pytest.approx(-(chances * np.log(chances)).sum(), abs=0.02)


def test_entropy_without_tokens_raises() -> None:
    with pytest.raises(ValueError, match="got none"):
        mean_entropy([])
