"""Elo against closed forms, a pool whose strengths are known, and what cannot be rated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri

from pawl.gate.rating import SCALE, elo_ratings


def two(score: float, games: float) -> tuple[np.ndarray, np.ndarray]:
    return np.array([[0, games - score], [score, 0]]), np.array([[0, games], [games, 0]])


@given(st.integers(2, 400), st.floats(0.02, 0.98))
def test_two_players_in_closed_form(games: int, share: float) -> None:
    ratings = elo_ratings(*two(share * games, games), prior=0)
    assert ratings.elo[0] == 0
    assert ratings.elo[1] == pytest.approx(400 * np.log10(share / (1 - share)), abs=0.05)
    half = ndtri(0.975) * SCALE / np.sqrt(games * share * (1 - share))
    assert ratings.high[1] - ratings.elo[1] == pytest.approx(half, rel=1e-3)


def test_who_wins_all_games_has_a_rating_by_the_added_draw() -> None:
    ratings = elo_ratings(*two(10, 10))
    assert ratings.elo[1] == pytest.approx(400 * np.log10(10.5 / 0.5), abs=0.05)


def test_a_chain_adds_up() -> None:
    """b is 100 above a, c 100 above b, and a never met c."""
    chance = 1 / (1 + 10 ** (-100 / 400))
    games = np.array([[0, 50, 0], [50, 0, 80], [0, 80, 0]], float)
    scores = np.array([[0, 50 * (1 - chance), 0], [50 * chance, 0, 80 * (1 - chance)], [0, 80 * chance, 0]])
    ratings = elo_ratings(scores, games, prior=0)
    assert ratings.elo == pytest.approx([0, 100, 200], abs=0.05)
    variance = SCALE**2 / (chance * (1 - chance)) * np.array([1 / 50, 1 / 50 + 1 / 80])
    assert ratings.high[1:] - ratings.elo[1:] == pytest.approx(ndtri(0.975) * np.sqrt(variance), rel=1e-3)


def test_intervals_hold_in_a_pool_of_known_strengths() -> None:
    random, truth = np.random.default_rng(0), np.array([0.0, 60.0, 150.0, 300.0])
    chance = 1 / (1 + 10 ** (-(truth[:, None] - truth[None, :]) / 400))
    held = 0
    for _ in range(100):
        games = np.where(np.eye(4, dtype=bool), 0, 40)
        upper = np.triu(random.binomial(games, chance), 1)
        scores = upper + np.tril((games - upper.T), -1)
        ratings = elo_ratings(scores, games, prior=0.1)
        held += np.mean((ratings.low <= truth) & (truth <= ratings.high))
    assert held >= 92


def test_another_anchor_moves_all_alike() -> None:
    scores, games = two(30, 40)
    assert elo_ratings(scores, games, anchor=1).elo[0] == pytest.approx(-elo_ratings(scores, games).elo[1], abs=0.05)


@pytest.mark.parametrize(("scores", "games", "message"), [
    (np.zeros((2, 2)), np.zeros((2, 3)), "must be"),
    (np.array([[0, 1], [1, 0]]), np.array([[0, 3], [3, 0]]), "sum to its games"),
    (np.zeros((2, 2)), np.zeros((2, 2)), "connected"),
])
def test_what_cannot_be_rated(scores: np.ndarray, games: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        elo_ratings(scores, games)


def test_nobody_has_no_ratings_and_one_alone_is_the_anchor() -> None:
    with pytest.raises(ValueError, match="connected"):
        elo_ratings(np.zeros((0, 0)), np.zeros((0, 0)))
    alone = elo_ratings(np.zeros((1, 1)), np.zeros((1, 1)))
    assert (alone.elo.tolist(), alone.low.tolist(), alone.high.tolist()) == ([0], [0], [0])
