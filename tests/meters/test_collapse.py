"""The readings of collapse on text of which it is known that it did."""

from __future__ import annotations

import numpy as np
import pytest

from pawl.meters.collapse import Written, collapse, surprise


def written(random: np.random.Generator, chances: np.ndarray, texts: int = 80) -> Written:
    rows = [random.choice(len(chances), size=random.integers(8, 16), p=chances).astype(np.int32) for _ in range(texts)]
    return Written(rows, [" ".join(map(str, row)) for row in rows])


def test_every_reading_says_that_a_poorer_language_is_poorer() -> None:
    random = np.random.default_rng(0)
    rich = 1 / np.arange(1, 101) / (1 / np.arange(1, 101)).sum()
    poor = rich**3 / (rich**3).sum()
    reference = written(random, rich)
    healthy, fallen = (collapse(written(random, chances), reference, budget=500, key=1) for chances in (rich, poor))
    assert healthy.keys() == fallen.keys() >= {"support", "recall", "self_bleu", "vendi"}
    lower = {"distinct_1", "distinct_2", "distinct_4", "unigram_entropy", "vendi", "support", "support_2", "recall"}
    for name in healthy.keys() - {"precision", "loops"}:
        assert (fallen[name] < healthy[name]) == (name in lower), name


def test_fewer_tokens_than_the_budget_give_no_reading() -> None:
    few = Written([np.array([1, 2, 3, 4], np.int32)], ["1 2 3 4"])
    assert collapse(few, None, budget=5, key=0) == {}
    assert collapse(few, None, budget=4, key=0)["distinct_4"] == 1
    assert "support" not in collapse(few, None, budget=4, key=0)


def test_surprise_has_a_mean_over_tokens_and_a_tail_over_texts() -> None:
    texts = [np.full(4, -1.0, np.float32)] * 99 + [np.full(2, -9.0, np.float32), np.float32([])]
    found = surprise(texts, "loss")
    assert found["loss"] == pytest.approx((99 * 4 + 18) / (99 * 4 + 2))
    assert found["loss_p99"] == pytest.approx(np.percentile([1.0] * 99 + [9.0], 99))
    assert surprise([], "loss") == {}
