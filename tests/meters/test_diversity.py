"""Distinct n-grams, self-BLEU, compression, the Vendi score, repetition and entropy, beside other people's."""

from __future__ import annotations

import gzip
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.meters.diversity import (
    compression_ratio,
    distinct_n,
    longest_loop,
    loops,
    mean_entropy,
    repetition,
    self_bleu,
    unigram_entropy,
    vendi_score,
    within,
)

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


@given(st.lists(st.integers(0, 20), max_size=10), st.integers(0, 60), st.integers(0, 99))
def test_a_budget_is_filled_to_the_token(lengths: list[int], budget: int, key: int) -> None:
    read = within(lengths, budget, key)
    assert (read is None) == (sum(lengths) < budget)
    if read is not None:
        assert sum(length for _, length in read) == budget
        assert len({index for index, _ in read}) == len(read)
        assert all(length == lengths[index] for index, length in read[:-1])


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=8), min_size=2, max_size=6), st.integers(1, 4))
def test_self_bleu_is_that_of_sacrebleu(texts: list[list[int]], n: int) -> None:
    sacrebleu = pytest.importorskip("sacrebleu", reason="compares with sacrebleu, which is not installed")
    bleu = sacrebleu.BLEU(tokenize="none", smooth_method="floor", smooth_value=0.1, effective_order=True,
                          max_ngram_order=n)
    words = [" ".join(map(str, text)) for text in texts]
    expected = [bleu.sentence_score(text, [*words[:place], *words[place + 1:]]).score / 100
                for place, text in enumerate(words)]
    assert self_bleu(arrays(texts), n) == pytest.approx(float(np.mean(expected)), rel=1e-6)


def test_self_bleu_of_what_is_said_once_and_again() -> None:
    assert self_bleu(arrays([[1, 2, 3, 4, 5]] * 3)) == pytest.approx(1)
    assert self_bleu(arrays([[1, 2], [1, 4]]), 2) == pytest.approx(math.sqrt(0.5 * 0.1))  # no pair: a tenth of one
    assert self_bleu(arrays([[1, 2], [3, 4]])) == 0
    assert self_bleu(arrays([[1, 2]])) is None


def test_compression_is_that_of_gzip_but_for_its_header() -> None:
    texts = ["the cat sat on the mat"] * 40 + ["a dog"]
    raw = "\n".join(texts).encode()
    ours = compression_ratio(texts)
    assert ours == pytest.approx(len(raw) / (len(gzip.compress(raw)) - 12), rel=1e-9)  # 18 bytes instead of 6
    assert ours is not None and ours > 10
    random = np.random.default_rng(0).bytes(5000).decode("latin-1")
    assert (compression_ratio([random]) or 0) < 1.6
    assert compression_ratio([]) is None and compression_ratio([""]) is None


@pytest.mark.filterwarnings("ignore:Please import `csr_matrix`")  # theirs
@given(st.integers(1, 12), st.integers(1, 5), st.integers(0, 99))
def test_the_vendi_score_is_that_of_its_authors(rows: int, width: int, seed: int) -> None:
    vendi = pytest.importorskip("vendi_score.vendi", reason="compares with vendi-score, which is not installed")
    features = np.random.default_rng(seed).normal(size=(rows, width))
    normal = features / np.linalg.norm(features, axis=1, keepdims=True)
    assert vendi_score(features) == pytest.approx(vendi.score_K(normal @ normal.T), rel=1e-6)


def test_the_vendi_score_counts_what_differs() -> None:
    assert vendi_score(np.eye(7)) == pytest.approx(7)
    assert vendi_score(np.ones((7, 3))) == pytest.approx(1)
    assert vendi_score(np.repeat(np.eye(3), 5, axis=0)) == pytest.approx(3)
    assert vendi_score(np.vstack([np.eye(3), np.zeros((2, 3))])) == pytest.approx(5)
    assert vendi_score(np.empty((0, 3))) is None


@given(st.lists(st.integers(0, 3), max_size=20), st.integers(1, 4))
def test_repetition_counts_what_was_said_before(tokens: list[int], n: int) -> None:
    grams = [tuple(tokens[place:place + n]) for place in range(len(tokens) - n + 1)]
    again = sum(gram in grams[:place] for place, gram in enumerate(grams))
    assert repetition(np.array(tokens, np.int32), n) == (pytest.approx(again / len(grams)) if grams else None)


@pytest.mark.parametrize(("tokens", "looped"), [
    ([1, 2, 3, 3, 3], True), ([3, 3, 3, 1], False), ([9, 1, 2, 1, 2, 1, 2], True), ([1, 2, 1, 2], False), ([], False),
    ([*range(16)] * 3, True), ([*range(17)] * 3, False)])
def test_a_loop_is_what_an_end_says_three_times(tokens: list[int], looped: bool) -> None:
    assert loops(np.array(tokens, np.int32)) == looped


@given(st.lists(st.integers(0, 1), max_size=14), st.integers(1, 4), st.integers(2, 4))
def test_the_longest_loop_is_that_of_trying_every_stretch(tokens: list[int], longest: int, times: int) -> None:
    def says_one_thing(start: int, stop: int) -> bool:
        return any(stop - start >= length * times and tokens[start:stop - length] == tokens[start + length:stop]
                   for length in range(1, longest + 1))

    tried = [stop - start for start in range(len(tokens)) for stop in range(start, len(tokens) + 1)
             if says_one_thing(start, stop)]
    assert longest_loop(np.array(tokens, np.int32), longest=longest, times=times) == max(tried, default=0)


def test_unigram_entropy_in_closed_form() -> None:
    assert unigram_entropy(arrays([[0, 1], [2, 3]])) == pytest.approx(math.log(4))
    assert unigram_entropy(arrays([[5, 5], [5]])) == pytest.approx(0)
    assert unigram_entropy(arrays([[]])) is None
