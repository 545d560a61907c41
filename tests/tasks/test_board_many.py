"""OpenSpiel's positions in arrays, against the same game asked for one position after the other."""

from __future__ import annotations

import numpy as np
import pytest
from boards import random_game

from pawl.tasks.board import Board
from pawl.tasks.one_by_one import OneByOne, many_boards, objects

pytest.importorskip("pyspiel", reason="the games are OpenSpiel's")
NAMES = ("tic_tac_toe", "connect_four", "othello", "hex(board_size=5)", "go(board_size=5)", "breakthrough", "chess",
         "oware", "checkers", "clobber", "dots_and_boxes", "lines_of_action", "y(board_size=5)")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_seen_is_what_the_game_says(name: str) -> None:
    game = Board(game=name)
    line = random_game(game, np.random.default_rng(1))
    line = [*line[:30], *line[-2:]]  # chess may take long
    states = objects([state for state, _ in line])
    for found, expected in zip(*(tuple(getattr(rules.view(states), part) for part in
                                       ("boards", "legal", "players", "over", "results"))
                                 for rules in (many_boards(game), OneByOne(game))), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def test_moves_lead_where_the_game_says() -> None:
    game = Board(game="go(board_size=5)")
    line = random_game(game, np.random.default_rng(2))[:-1]
    moves = np.array([move for _, move in line], np.int32)
    after = many_boards(game).step(objects([state for state, _ in line]), moves)
    assert [str(state) for state in after] == [str(game.step(state, move)) for state, move in line]


def test_of_no_positions_nothing_is_seen() -> None:
    assert len(many_boards(Board(game="tic_tac_toe")).view(objects([])).boards) == 0
