"""Solved positions of games."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from pawl.meters.mistakes import mistakes
from pawl.players.graded import graded_of
from pawl.players.named import exact_player
from pawl.tasks.one_by_one import many_boards

sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))
from boards import TicTacToe, worth

GAME = TicTacToe()
RULES = many_boards(GAME)


def test_every_position_of_a_small_game_is_there_once_and_worth_what_it_is() -> None:
    (every,) = graded_of(GAME, RULES)
    known: dict[object, float] = {}
    worth(GAME, GAME.start(), known)
    states = [GAME.after(line) for line in every.lines]
    assert len(states) == 4520 and set(states) == {state for state in known if not GAME.terminal(state)}
    for state, moves in zip(states[::50], every.worth[::50], strict=True):
        sign = 1 if GAME.player(state) == 0 else -1
        expected = {move: sign * known[GAME.step(state, move)] for move in GAME.actions(state)}
        assert {move: float(value) for move, value in enumerate(moves) if value > -np.inf} == expected


def test_who_knows_everything_makes_no_mistake() -> None:
    (every,) = graded_of(GAME, RULES)
    moves = exact_player(GAME, RULES).choose(every.lines, RULES.start(every.lines), np.arange(4520, dtype=np.uint64))
    assert mistakes(every.worth, moves).rate == 0


def test_a_game_with_too_many_positions_has_none() -> None:
    assert graded_of(GAME, RULES, most=5000) == ()
