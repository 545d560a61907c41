"""Connect four against OpenSpiel's, against itself for many positions, and a game that was written down."""

from __future__ import annotations

import numpy as np
import pytest
from boards import random_game

from pawl.interfaces import Game, IllegalAction, InMany
from pawl.tasks.connect_four import COLUMNS, ROWS, ConnectFour
from pawl.tasks.one_by_one import OneByOne

GAME = ConnectFour()
PLAYED = [3, 3, 2, 4, 1]
SHOWN = """\
. . . . . . .
. . . . . . .
. . . . . . .
. . . . . . .
. . . o . . .
. x x x o . .
1 2 3 4 5 6 7"""


def test_a_golden_playthrough() -> None:
    state = GAME.after(PLAYED)
    assert GAME.show(state) == SHOWN
    assert GAME.player(state) == 1 and not GAME.terminal(state)
    end = GAME.after([*PLAYED, 6, 0])
    assert GAME.terminal(end) and GAME.returns(end) == (1, -1) and GAME.actions(end) == []
    assert GAME.score(GAME.problem([3, 3], "test"), "3 5 2 7 1") == 1.0


def test_a_full_column_is_refused() -> None:
    state = GAME.after([0] * ROWS)
    assert GAME.actions(state) == [1, 2, 3, 4, 5, 6]
    with pytest.raises(IllegalAction, match="not full"):
        GAME.step(state, 0)


def test_rules_are_openspiels() -> None:
    pytest.importorskip("pyspiel", reason="the oracle is OpenSpiel")
    from pawl.tasks.board import Board

    theirs, random = Board(game="connect_four"), np.random.default_rng(0)
    ends = set()
    for _ in range(200):
        other = theirs.first()
        for state, move in random_game(GAME, random):
            assert GAME.actions(state) == list(theirs.actions(other))
            assert GAME.terminal(state) == theirs.terminal(other) and GAME.player(state) == theirs.player(other)
            other = theirs.step(other, move) if move >= 0 else other
        assert GAME.returns(state) == theirs.returns(other)
        ends.add(GAME.returns(state))
    assert len(ends) >= 2


def test_many_positions_are_as_one_after_the_other() -> None:
    assert isinstance(GAME, Game) and isinstance(GAME, InMany)
    random = np.random.default_rng(1)
    for _ in range(50):
        line = random_game(GAME, random)
        moves = [move for _, move in line[:-1]]
        lines = [moves[:ply] for ply in range(len(line))]
        states = GAME.many().start(lines)
        assert [tuple(map(int, state)) for state in states] == list(OneByOne(GAME).start(lines))
        views = GAME.many().view(states)
        for i, (state, move) in enumerate(line):
            assert np.flatnonzero(views.legal[i]).tolist() == GAME.actions(state)
            assert views.over[i] == GAME.terminal(state) and views.players[i] == GAME.player(state)
            assert views.results[i] == GAME.returns(state)[views.players[i]]
            if move >= 0:
                after = GAME.many().step(states[i : i + 1], np.array([move], np.int32))[0]
                assert tuple(map(int, after)) == GAME.step(state, move)


def test_a_board_is_seen_by_whoever_moves() -> None:
    board = GAME.observe(GAME.after([3, 3, 2]))
    assert board.shape == GAME.shape == (2, ROWS, COLUMNS)
    mine, theirs = board
    assert np.argwhere(mine).tolist() == [[4, 3]] and np.argwhere(theirs).tolist() == [[5, 2], [5, 3]]
