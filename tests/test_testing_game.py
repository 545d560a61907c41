"""Games that keep the contract, and games that lie: each lie is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pawl.interfaces import IllegalAction
from pawl.records import FloatArray, Symmetry
from pawl.tasks.board_game import BoardGame
from pawl.tasks.connect_four import ConnectFour
from pawl.testing_task import check_task


class Nim(BoardGame):
    """Take one to three of 21; who takes the last wins."""

    name, moves, shape, opening_moves = "nim", 3, (1, 1, 21), 5

    def first(self) -> tuple[int, int]:
        return 21, 0

    def player(self, state: tuple[int, int]) -> int:
        return state[1]

    def actions(self, state: tuple[int, int]) -> list[int]:
        return [move for move in range(3) if move < state[0]]

    def step(self, state: tuple[int, int], action: int) -> tuple[int, int]:
        if action not in self.actions(state):
            raise IllegalAction(f"no more than {state[0]} can be taken, got {action + 1}")
        return state[0] - action - 1, 1 - state[1]

    def terminal(self, state: tuple[int, int]) -> bool:
        return state[0] == 0

    def returns(self, state: tuple[int, int]) -> tuple[float, float]:
        return (-1, 1) if state[1] == 0 else (1, -1)

    def observe(self, state: tuple[int, int]) -> FloatArray:
        return (np.arange(21) < state[0]).astype(np.float32).reshape(self.shape)

    def show(self, state: tuple[int, int]) -> str:
        return "|" * state[0]


def findings(game: Any) -> list[str]:
    """Without those on the number of gate problems, of which small games have few."""
    return [said for said in check_task(game) if "gate needs" not in said]


def test_games_that_keep_the_contract() -> None:
    assert findings(ConnectFour()) == []
    assert findings(Nim()) == []


def test_games_of_openspiel_keep_the_contract() -> None:
    pytest.importorskip("pyspiel", reason="the games are OpenSpiel's")
    from pawl.tasks.board import Board

    for name in ("othello", "hex(board_size=4)", "go(board_size=3)"):
        assert findings(Board(game=name)) == [], name


class LetsIllegalMovesPass(Nim):
    def step(self, state: tuple[int, int], action: int) -> tuple[int, int]:
        return max(0, state[0] - action - 1), 1 - state[1]


class RaisesSomethingElse(Nim):
    def step(self, state: tuple[int, int], action: int) -> tuple[int, int]:
        return {move: (state[0] - move - 1, 1 - state[1]) for move in self.actions(state)}[action]


class NeverEnds(Nim):
    def step(self, state: tuple[int, int], action: int) -> tuple[int, int]:
        return (after if (after := super().step(state, action))[0] else (21, after[1]))


class ChangesItsMind(Nim):
    asked = 0

    def actions(self, state: tuple[int, int]) -> list[int]:
        self.asked += 1
        return [move for move in range(3) if move < state[0]][: 1 + self.asked % 2 * 2]


class GoesOnWhenOver(Nim):
    def actions(self, state: tuple[int, int]) -> list[int]:
        return super().actions(state) or [0]


class StopsBeforeItIsOver(Nim):
    def actions(self, state: tuple[int, int]) -> list[int]:
        return super().actions(state) if state[0] > 2 else []


class PaysBoth(Nim):
    def returns(self, state: tuple[int, int]) -> tuple[float, float]:
        return 1, 1


class HasThreePlayers(Nim):
    def player(self, state: tuple[int, int]) -> int:
        return state[0] % 3


class ShowsAnotherBoard(Nim):
    def observe(self, state: tuple[int, int]) -> FloatArray:
        return np.zeros((1, 21), np.float32)


class NamesMovesAlike(Nim):
    def move_name(self, state: tuple[int, int], action: int) -> str:
        return "take some"


class CountsMovesFromOne(Nim):
    def actions(self, state: tuple[int, int]) -> list[int]:
        return [move for move in range(1, 4) if move <= state[0]]


class MirrorsWrongly(ConnectFour):
    def symmetries(self) -> tuple[Symmetry, ...]:
        good, = super().symmetries()
        return (Symmetry(good.cells, np.arange(7, dtype=np.int32)),)


@pytest.mark.parametrize(("game", "said"), [
    (LetsIllegalMovesPass, "illegal move"), (RaisesSomethingElse, "must raise IllegalAction, got KeyError"),
    (NeverEnds, "must end"), (ChangesItsMind, "legal moves must be the same each time"),
    (GoesOnWhenOver, "over must have no legal moves"), (StopsBeforeItIsOver, "without legal moves must be terminal"),
    (PaysBoth, "sum to 0"), (HasThreePlayers, "player must be 0 or 1"), (ShowsAnotherBoard, "observe must give"),
    (NamesMovesAlike, "move_name must give a word"), (CountsMovesFromOne, "from 0 to 2"),
    (MirrorsWrongly, "symmetry 0 must turn"),
])
def test_a_lie_is_named(game: type[Nim], said: str) -> None:
    found = findings(game())
    assert any(said in one for one in found), found


def test_a_game_that_lacks_something_is_told_what() -> None:
    class Half(Nim):
        symmetries = None

    assert any("got no symmetries" in said for said in findings(Half()))
