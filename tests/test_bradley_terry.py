"""Strengths beside those of a general method, what is known of them beside differences, and groups beside scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize
from scipy.sparse.csgraph import connected_components

from pawl.bradley_terry import Array, connected, fitted, information


def minus_log_likelihood(wins: Array, strengths: Array) -> float:
    return float((wins * np.logaddexp(0, strengths[None, :] - strengths[:, None])).sum())


def tables(least: float) -> st.SearchStrategy[Array]:
    """[K, K] wins of up to six, nobody's against themselves."""
    counts, won = st.integers(2, 6), st.floats(least, 30)
    drawn = counts.flatmap(lambda count: arrays(np.float64, (count, count), elements=won))
    return drawn.map(lambda wins: wins * (1 - np.eye(len(wins))))


@given(tables(0.2))
def test_strengths_are_those_of_the_largest_likelihood(wins: Array) -> None:
    theirs = minimize(lambda strengths: minus_log_likelihood(wins, strengths), np.zeros(len(wins)), method="BFGS",
                      options={"gtol": 1e-7}).x
    found = fitted(wins)
    np.testing.assert_allclose(found, theirs - theirs.mean(), atol=1e-3)
    assert found.mean() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_pairs_may_have_a_thousand_games_or_none_and_one_may_win_them_all(seed: int) -> None:
    """Each wins as often as its strength expects, which is where the likelihood is largest."""
    random = np.random.default_rng(seed)
    games = np.triu(random.integers(0, 1000, (15, 15)) * (random.random((15, 15)) < 0.2), 1)
    games[range(14), range(1, 15)] += 1
    won = np.triu(games * random.choice([0, 0.5, 1], size=games.shape), 1)
    wins = won + (games - won).T + 0.05 * (games + games.T > 0)
    found = fitted(wins)
    expected = (wins + wins.T) / (1 + np.exp(found[None, :] - found[:, None]))
    np.testing.assert_allclose(expected.sum(1), wins.sum(1), rtol=1e-6, atol=1e-4)


@given(tables(0.2))
def test_information_is_how_the_likelihood_bends(wins: Array) -> None:
    strengths, step = np.linspace(-1, 1, len(wins)), 1e-3 * np.eye(len(wins))
    bends = np.array([[sum(one * other * minus_log_likelihood(wins, strengths + one * step[i] + other * step[j])
                           for one in (-1, 1) for other in (-1, 1)) / 4e-6 for j in range(len(wins))]
                      for i in range(len(wins))])
    np.testing.assert_allclose(information(wins + wins.T, strengths), bends, rtol=1e-3, atol=1e-3)


@given(st.integers(0, 9).flatmap(lambda count: arrays(np.bool_, (count, count), elements=st.booleans())))
def test_groups_are_what_games_connect(drawn: np.ndarray) -> None:
    met = np.triu(drawn, 1) & (np.triu(drawn.T, 1))  # few of them
    met = met | met.T
    found = connected(met)
    assert sorted(place for group in found for place in group) == list(range(len(met)))
    labels = connected_components(met, directed=False)[1] if len(met) else np.zeros(0, int)
    assert found == [np.flatnonzero(labels == label).tolist() for label in dict.fromkeys(labels.tolist())]
