"""What the best of n scores, against every choice from a pool, and its KL against distributions written out."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.meters.best_of_n import best_of_n, best_of_n_kl


def over_all_choices(proxy: list[int], gold: list[int], n: int) -> Fraction:
    """Mean gold of the best by the proxy over every choice of n, ties alike."""
    total, choices = Fraction(0), list(combinations(range(len(proxy)), n))
    for choice in choices:
        most = max(proxy[i] for i in choice)
        best = [gold[i] for i in choice if proxy[i] == most]
        total += Fraction(sum(best), len(best))
    return total / len(choices)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 3)), min_size=1, max_size=8))
def test_it_is_the_mean_over_every_choice_ties_included(pool: list[tuple[int, int]]) -> None:
    proxy, gold = ([row[k] for row in pool] for k in (0, 1))
    counts = range(1, len(pool) + 1)
    expected = [float(over_all_choices(proxy, gold, n)) for n in counts]
    assert best_of_n(proxy, gold, counts) == pytest.approx(expected, abs=1e-12)


def test_it_stays_exact_for_large_pools() -> None:
    size, counts = 200_000, [1, 64, 4096, 200_000]
    ranks = np.random.default_rng(0).permutation(size) + 1  # the highest of n ranks is n (N + 1) / (n + 1) on average
    expected = [n * (size + 1) / (n + 1) for n in counts]
    assert best_of_n(ranks, ranks, counts) == pytest.approx(expected, rel=1e-9)


def test_pools_stand_side_by_side() -> None:
    random = np.random.default_rng(0)
    proxy, gold = random.normal(size=(2, 3, 4, 9))
    found = best_of_n(proxy, gold, [2, 5])
    assert found.shape == (3, 4, 2)
    assert found[1, 2] == pytest.approx(best_of_n(proxy[1, 2], gold[1, 2], [2, 5]))


@pytest.mark.parametrize(("proxy", "gold", "n"), [([1, 2], [1, 2], 3), ([1, 2], [1, 2], 0), ([1, np.nan], [1, 2], 1),
                                                  ([1, 2], [1, np.nan], 1), (1, 2, 1), ([], [], 1)])
def test_pools_that_cannot_be_asked_raise(proxy: object, gold: object, n: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        best_of_n(proxy, gold, [n])  # type: ignore[arg-type]  # a parametrised list


@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_the_kl_is_that_of_the_best_of_n_among_very_many(n: int) -> None:
    edges = np.linspace(0, 1, 200_001)
    chances = np.diff(edges**n)
    exact = float((chances * np.log(np.maximum(chances, 1e-300) * 200_000)).sum())
    assert best_of_n_kl(n) == pytest.approx(exact, abs=1e-3)


def test_a_choice_among_less_than_one_raises() -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        best_of_n_kl([1, 0])
