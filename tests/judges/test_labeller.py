"""Labellers like what is to their taste, with the doubt that they have."""

from __future__ import annotations

import numpy as np
import pytest

from pawl.judges.labeller import Labeller


def keys(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint64)


def liking(numbers: np.ndarray) -> np.ndarray:
    return numbers.astype(np.float32)


@pytest.mark.parametrize("difference", [-2.0, 0.0, 0.5, 3.0])
def test_doubt_is_that_of_bradley_and_terry(difference: float) -> None:
    first, second = np.full(20_000, difference), np.zeros(20_000)
    rate = Labeller(liking, noise=0.8).prefers(first, second, keys(20_000)).mean()
    assert rate == pytest.approx(1 / (1 + np.exp(-difference / 0.8)), abs=0.012)


def test_without_doubt_taste_decides_and_a_coin_where_it_does_not() -> None:
    first, second = np.tile([1.0, 0.0, 0.5], 4000), np.tile([0.5, 0.5, 0.5], 4000)
    liked = Labeller(liking, noise=0.0).prefers(first, second, keys(12_000)).reshape(4000, 3)
    assert liked[:, 0].all() and not liked[:, 1].any() and liked[:, 2].mean() == pytest.approx(0.5, abs=0.03)


def test_an_answer_hangs_on_its_question_alone() -> None:
    random = np.random.default_rng(0)
    first, second = random.random((2, 100))
    labeller = Labeller(liking, noise=0.5)
    assert np.array_equal(labeller.prefers(first, second, keys(100))[40:],
                          labeller.prefers(first[40:], second[40:], keys(100)[40:]))
