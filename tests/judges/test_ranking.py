"""Strengths beside those of scipy, of the gate's ratings and of closed forms; circles counted one by one."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse.csgraph import connected_components

from pawl.gate.rating import SCALE, elo_ratings
from pawl.judges.ranking import LEAST_PRIOR, chance_table, strengths, triples

Array = NDArray[np.float64]


@st.composite
def tables(draw: st.DrawFn, *, sure: bool = False, complete: bool = False) -> Array:
    """[K, K] chances in some of the pairs of up to seven."""
    count = draw(st.integers(2, 7))
    pairs = list(combinations(range(count), 2))
    chance = st.sampled_from([0.0, 1.0]) if sure else st.floats(0, 1)
    drawn = [draw(chance if complete else st.none() | chance) for _ in pairs]
    return chance_table(count, pairs, drawn)


def by_scipy(table: Array, prior: float) -> Array:
    """The strengths of the largest likelihood, by a general method."""
    def loss(strength: Array) -> float:
        total = 0.0
        for i, j in combinations(range(len(table)), 2):
            if not math.isnan(table[i, j]):
                difference = strength[i] - strength[j]
                total += (table[i, j] + prior / 2) * np.logaddexp(0, -difference)
                total += (table[j, i] + prior / 2) * np.logaddexp(0, difference)
        return total

    found = minimize(loss, np.zeros(len(table)), method="BFGS", options={"gtol": 1e-7}).x
    return found - found.mean()


@given(tables(complete=True), st.floats(0.05, 4))
def test_strengths_are_those_of_the_largest_likelihood(table: Array, prior: float) -> None:
    np.testing.assert_allclose(strengths(table, prior=prior), by_scipy(table, prior), atol=1e-3)


@given(tables(complete=True))
def test_they_are_the_gates_ratings_in_other_units(table: Array) -> None:
    scored = np.nan_to_num(table)
    elo = elo_ratings(scored, scored + scored.T).elo / SCALE
    np.testing.assert_allclose(strengths(table), elo - elo.mean(), atol=1e-5)


@given(tables() | tables(sure=True), st.floats(LEAST_PRIOR, 4))
def test_the_comparisons_that_each_wins_are_as_many_as_its_strength_expects(table: Array, prior: float) -> None:
    found = strengths(table, prior=prior)
    known = np.flatnonzero(~np.isnan(found))
    for i in known:
        met = [j for j in known if not math.isnan(table[i, j])]
        won = sum(table[i, j] + prior / 2 for j in met)
        assert won == pytest.approx(sum((1 + prior) / (1 + math.exp(found[j] - found[i])) for j in met), abs=1e-6)
    assert known.size == 0 or found[known].mean() == pytest.approx(0, abs=1e-9)


@given(st.floats(0, 1), st.floats(0.01, 10))
def test_of_two_the_odds_are_those_of_their_comparison(chance: float, prior: float) -> None:
    found = strengths(chance_table(2, [(0, 1)], [chance]), prior=prior)
    assert found[0] - found[1] == pytest.approx(math.log((chance + prior / 2) / (1 - chance + prior / 2)))


@pytest.mark.parametrize("prior", [LEAST_PRIOR, 1.0])
@pytest.mark.parametrize("apart", [1, 64])
def test_who_wins_all_of_many_has_a_strength(prior: float, apart: int) -> None:
    """Of a chain, in which each met the next alone, and of all pairs."""
    pairs = [(i, j) for i, j in combinations(range(64), 2) if j - i <= apart]
    found = strengths(chance_table(64, pairs, [1.0] * len(pairs)), prior=prior)
    assert (np.diff(found) < 0).all() and np.isfinite(found).all()
    if apart == 1:
        assert np.diff(found) == pytest.approx(-math.log((1 + prior / 2) / (prior / 2)))


def test_of_groups_as_large_the_first_is_ranked() -> None:
    found = strengths(chance_table(5, [(1, 3), (0, 4)], [1.0, 0.0]))
    assert np.isnan(found).tolist() == [False, True, True, True, False] and found[4] > 0 > found[0]


@given(tables())
def test_those_that_comparisons_connect_have_strengths_and_no_others(table: Array) -> None:
    _, groups = connected_components(~np.isnan(table), directed=False)
    sizes = np.bincount(groups)
    largest = next(group for group in groups if sizes[group] == sizes.max())
    expected = (groups == largest) & (sizes.max() > 1)
    np.testing.assert_array_equal(~np.isnan(strengths(table)), expected)


@given(tables(sure=True) | tables())
def test_circles_are_counted_one_by_one(table: Array) -> None:
    total = cyclic = 0
    for a, b, c in combinations(range(len(table)), 3):
        round_trip = [table[a, b], table[b, c], table[c, a]]
        if not any(math.isnan(chance) or chance == 0.5 for chance in round_trip):
            total += 1
            cyclic += len({chance > 0.5 for chance in round_trip}) == 1
    assert triples(table) == (total, cyclic)


def test_a_circle_is_one_of_one() -> None:
    assert triples(chance_table(3, [(0, 1), (1, 2), (0, 2)], [1.0, 1.0, 0.0])) == (1, 1)
    assert triples(chance_table(3, [(0, 1), (1, 2), (0, 2)], [1.0, 1.0, 1.0])) == (1, 0)


def test_nothing_known_is_no_strength() -> None:
    assert np.isnan(strengths(chance_table(3, [], []))).all()
    assert strengths(chance_table(0, [], [])).shape == (0,)
    assert triples(chance_table(0, [], [])) == (0, 0)
