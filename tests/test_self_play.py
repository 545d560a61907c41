"""Games against oneself: by the rules, the same for the same keys, and given up when told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pawl.players.simple import Playouts
from pawl.records import FloatArray, Views
from pawl.search.boards import BoardSearch, Positions, uniform
from pawl.self_play import Manner, PlayedGame, self_play
from pawl.tasks.connect_four import ConnectFour

GAME = ConnectFour()
RULES = GAME.many()
OPENINGS = [[], [3], [2, 3], [0, 1, 2, 3], [6]] * 5


def keys(count: int, seed: int = 0) -> np.ndarray:
    return np.arange(seed, seed + count, dtype=np.uint64)


def told(states: Positions, views: Views) -> tuple[FloatArray, FloatArray]:
    """Likes the middle, and whoever has more stones there."""
    priors = np.where(views.legal, np.array([1, 2, 3, 4, 3, 2, 1]), 0).astype(np.float32)
    values = (views.boards[:, 0, :, 3].sum(axis=1) - views.boards[:, 1, :, 3].sum(axis=1)) / 8
    return priors / priors.sum(axis=1, keepdims=True), values.astype(np.float32)


SEARCH = BoardSearch(RULES, told, 16, noise=True)


def played(search: BoardSearch = SEARCH, threads: int = 1, seed: int = 0, **manner: object) -> list[PlayedGame]:
    return self_play(search, OPENINGS, manner=replace(Manner(together=4), **manner), keys=keys(25, seed),
                     threads=threads)


def test_games_are_whole_and_by_the_rules() -> None:
    for game, opening in zip(played(), OPENINGS, strict=True):
        assert list(game.opening) == opening
        state = GAME.after(opening)
        for ply, move in enumerate(game.moves):
            assert game.players[ply] == GAME.player(state)
            assert set(np.flatnonzero(game.policies[ply])) <= set(GAME.actions(state))
            assert game.policies[ply].sum() == pytest.approx(1, abs=1e-5)
            assert abs(game.values[ply]) <= 1
            state = GAME.step(state, move)
        assert game.ended and GAME.terminal(state) and game.result == GAME.returns(state)[0]


def test_a_game_hangs_on_its_own_key_alone() -> None:
    alone, beside = played(together=1), played(together=25)
    assert [game.moves for game in alone] == [game.moves for game in beside]
    assert [game.moves for game in played(threads=2)] == [game.moves for game in alone]
    assert [game.moves for game in played(seed=100)] != [game.moves for game in alone]


def test_luck_ends_with_the_exploring_moves() -> None:
    none = [played(replace(SEARCH, rule=rule, noise=False), explore=0, seed=seed)[0].moves
            for rule in ("puct",) for seed in (0, 50)]
    assert none[0] == none[1]
    some = [played(replace(SEARCH, rule="puct", noise=False), explore=8, seed=seed)[0].moves for seed in (0, 50)]
    assert some[0] != some[1]


def test_at_a_low_temperature_the_most_visited_is_played() -> None:
    search = replace(SEARCH, rule="puct", noise=False)
    for game in played(search, explore=100, temperature=0.001):
        for move, policy in zip(game.moves, game.policies, strict=True):
            assert policy[move] == policy.max()


def test_who_gives_up_loses_and_some_play_on() -> None:
    search = replace(SEARCH, evaluate=Playouts(RULES, 0), simulations=40)
    games = played(search, resign=-0.5, play_on=0.0)
    given_up = [game for game in games if game.resigned is not None]
    assert given_up
    for game in given_up:
        assert not game.ended and game.result == (-1 if game.resigned == 0 else 1)
        state = GAME.after([*game.opening, *game.moves])
        assert not GAME.terminal(state) and GAME.player(state) == game.resigned
        assert [value for value, player in zip(game.values, game.players, strict=True)
                if player == game.resigned][-1] < -0.5
    to_end = played(search, resign=-0.5, play_on=1.0)
    assert all(game.ended for game in to_end)
    assert sum(game.would_resign is not None for game in to_end) >= len(given_up) // 2


def test_a_game_that_does_not_end_has_no_result() -> None:
    for game in played(longest=3):
        assert len(game.moves) == 3 and game.result is None and not game.ended


def test_it_says_how_far_it_is() -> None:
    seen: list[tuple[int, int]] = []
    self_play(replace(SEARCH, evaluate=uniform), OPENINGS, manner=Manner(together=4), keys=keys(25),
              watch=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (25, 25) and [done for done, _ in seen] == sorted(done for done, _ in seen)
