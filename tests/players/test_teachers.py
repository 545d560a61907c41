"""Teachers err as often as they say, and are those of their game."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pawl.match import match
from pawl.players.connect_four import ConnectFourMinimax
from pawl.players.simple import RandomPlayer, SearchPlayer
from pawl.players.teachers import FalliblePlayer, teacher
from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.one_by_one import many_boards

sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))
from boards import TicTacToe

GAME = ConnectFour()
RULES = GAME.many()
MINIMAX = ConnectFourMinimax(1)
WIN = [3, 3, 2, 2, 4, 4]
"""Whoever moves wins by 1 or 5."""


@pytest.mark.parametrize(("errs", "wins"), [(0.0, 1.0), (0.35, 0.65 + 0.35 * 2 / 7), (1.0, 2 / 7)])
def test_it_errs_as_often_as_it_says(errs: float, wins: float) -> None:
    lines = [WIN] * 4000
    moves = FalliblePlayer(RULES, MINIMAX, errs).choose(lines, RULES.start(lines), np.arange(4000, dtype=np.uint64))
    assert np.isin(moves, (1, 5)).mean() == pytest.approx(wins, abs=0.03)


def test_the_teacher_of_connect_four_looks_ahead_and_errs() -> None:
    found, openings = teacher(GAME, RULES, 2, 0.3), [problem.data["moves"] for problem in GAME.problems("test", 60, 0)]
    assert isinstance(found.player, ConnectFourMinimax) and found.player.depth == 2
    assert found.name.endswith("30% at random")
    assert 0.05 < match(found, ConnectFourMinimax(2), RULES, openings, key=1).pairs.mean() < 0.4


def test_a_game_without_a_heuristic_has_a_teacher_that_plays_out() -> None:
    game = TicTacToe()
    rules = many_boards(game)
    found, openings = teacher(game, rules, 1, 0.0), [problem.data["moves"] for problem in game.problems("test", 10, 0)]
    assert isinstance(found.player, SearchPlayer)
    assert match(found, RandomPlayer(rules), rules, openings, key=1).pairs.mean() > 0.7
