"""One position of each game, or all of a few; and errors by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pawl.players.simple import RandomPlayer
from pawl.recipes.imitation import fresh_network, own_games
from pawl.recipes.value_games import squared_error, value_games
from pawl.tasks.connect_four import ConnectFour

GAME = ConnectFour()
RULES = GAME.many()
OPENINGS = [problem.data["moves"] for problem in GAME.problems("train", 200, 0)]
MADE = value_games(RandomPlayer(RULES), RULES, OPENINGS, 200, choices=7, key=1)


def test_there_are_about_as_many_of_either() -> None:
    assert len(MADE.one) == len(MADE.results) == 200 <= len(MADE.all) < 200 + 42


def test_all_are_those_of_the_first_games_and_one_is_of_each() -> None:
    games, = own_games(RandomPlayer(RULES), RULES, OPENINGS, 200, key=1)
    assert np.array_equal(games.results, MADE.results)
    place = 0
    for number, (opening, moves) in enumerate(zip(games.openings, games.moves, strict=True)):
        boards = [GAME.observe(GAME.after(opening + moves[:ply])) for ply in range(len(moves))]
        assert any(np.array_equal(MADE.one.boards[number], board) for board in boards)
        if place < len(MADE.all):
            assert np.array_equal(MADE.all.boards[place : place + len(boards)], boards)
            place += len(boards)


def test_only_the_value_is_to_be_learnt() -> None:
    assert not MADE.one.weights.any() and not MADE.all.weights.any()


def test_who_knows_nothing_errs_by_what_is_decided() -> None:
    network = fresh_network(GAME, 1, seed=0, device="cpu", dtype="float32")
    assert squared_error(network, MADE.one) == pytest.approx(np.mean(MADE.results != 0))
