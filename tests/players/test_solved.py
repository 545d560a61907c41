"""Small games, solved: against looking at everything, one position after the other."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pawl.errors import PlayerError
from pawl.interfaces import Game
from pawl.meters.mistakes import mistakes
from pawl.players.simple import MinimaxPlayer, RandomPlayer, no_heuristic
from pawl.players.solved import SolvedPlayer
from pawl.tasks.board_game import BoardGame
from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.connect_four_solver import ILLEGAL, Solver
from pawl.tasks.one_by_one import OneByOne, many_boards

sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))
from boards import TicTacToe, random_game, worth


class Passing(BoardGame):
    """Add one to three to a sum or leave it to whoever moves to move again; who reaches ten first wins half, or a third
    of it by a leap. Who moves does not follow from how many moves were made."""

    name, moves, shape = "passing", 3, (1, 1, 11)

    def first(self) -> tuple[int, int]:
        return 0, 0

    def player(self, state: tuple[int, int]) -> int:
        return state[1]

    def actions(self, state: tuple[int, int]) -> list[int]:
        return [] if self.terminal(state) else [0, 1, 2]

    def step(self, state: tuple[int, int], action: int) -> tuple[int, int]:
        return state[0] + action + 1, state[1] if action == 1 else 1 - state[1]

    def terminal(self, state: tuple[int, int]) -> bool:
        return state[0] >= 10

    def returns(self, state: tuple[int, int]) -> tuple[float, float]:
        gain = (0.5 if state[0] == 10 else 0.25) * (1 if state[1] == 1 else -1)
        return gain, -gain

    def observe(self, state: tuple[int, int]) -> np.ndarray:
        return np.zeros(self.shape, np.float32)

    def show(self, state: tuple[int, int]) -> str:
        return str(state)


class Circle(Passing):
    """Never over."""

    name = "circle"

    def step(self, state: tuple[int, int], action: int) -> tuple[int, int]:
        return (state[0] + action + 1) % 5, 1 - state[1]


def array(states: list[Any]) -> np.ndarray:
    found = np.empty(len(states), dtype=object)
    for i, state in enumerate(states):
        found[i] = state
    return found


@pytest.mark.parametrize("game", [TicTacToe(), Passing()], ids=lambda game: game.name)
def test_every_move_of_every_position_is_worth_what_looking_at_everything_says(game: Game) -> None:
    known: dict[Any, float] = {}
    worth(game, game.start(), known)
    states = [state for state in known if not game.terminal(state)]
    found = SolvedPlayer(game, OneByOne(game)).worth(array(states))
    for state, of_moves in zip(states, found, strict=True):
        sign = 1 if game.player(state) == 0 else -1
        legal = game.actions(state)
        assert of_moves[legal].tolist() == [sign * known[game.step(state, move)] for move in legal]
        assert np.isneginf(np.delete(of_moves, legal)).all()


def test_what_it_was_asked_before_changes_nothing() -> None:
    game = TicTacToe()
    asked, fresh = SolvedPlayer(game, OneByOne(game)), SolvedPlayer(game, OneByOne(game))
    line = [state for state, move in random_game(game, np.random.default_rng(0)) if move >= 0]
    late_first = np.concatenate([asked.worth(array([state])) for state in reversed(line)])[::-1]
    assert np.array_equal(late_first, fresh.worth(array(line)))


def test_positions_in_arrays_of_a_games_own_are_known_by_what_is_in_them() -> None:
    game, random = ConnectFour(), np.random.default_rng(5)
    states = list[Any]()
    while len(states) < 8:
        line = random_game(game, random)
        states += [line[33][0]] if len(line) > 34 else []
    words = np.array(states, np.uint64)
    expected = Solver(10_007).scores(states, weak=True)
    found = SolvedPlayer(game, many_boards(game)).worth(words)
    assert np.array_equal(np.where(np.isneginf(found), ILLEGAL, found), expected)


def test_who_plays_exactly_makes_no_mistake_and_others_do() -> None:
    game = TicTacToe()
    rules, known = OneByOne(game), dict[Any, float]()
    worth(game, game.start(), known)
    states = array([state for state in known if not game.terminal(state)])
    exact, keys = SolvedPlayer(game, rules), np.arange(len(states), dtype=np.uint64)
    of_moves, lines = exact.worth(states), [list[int]()] * len(states)
    rates = [mistakes(of_moves, player.choose(lines, states, keys)).rate
             for player in (exact, MinimaxPlayer(rules, 2, no_heuristic), RandomPlayer(rules))]
    assert rates[0] == 0 < rates[1] < 0.5 * rates[2]


def test_a_game_with_too_many_positions_is_refused_and_its_late_positions_are_not() -> None:
    game = TicTacToe()
    player = SolvedPlayer(game, OneByOne(game), most=1000)
    with pytest.raises(PlayerError, match="must have 1000 positions or fewer"):
        player.worth(array([game.start()]))
    assert player.worth(array(["xoxoxo..."])).tolist()[0][6:] == [1, 1, 1]


def test_a_game_that_goes_round_in_a_circle_is_refused() -> None:
    with pytest.raises(PlayerError, match="must not come back"):
        SolvedPlayer(Circle(), OneByOne(Circle())).worth(array([(0, 0)]))
