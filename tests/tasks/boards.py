"""Games for tests: one as a user would write it, and random play."""

from __future__ import annotations

from typing import Any

import numpy as np

from pawl.interfaces import Game, IllegalAction
from pawl.tasks.board_game import BoardGame

LINES = [(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)]


class TicTacToe(BoardGame):
    """Three in a row: the rules as a user would write them."""

    name, moves, shape, opening_moves = "three", 9, (2, 3, 3), 4

    def first(self) -> str:
        return "." * 9

    def player(self, state: str) -> int:
        return (9 - state.count(".")) % 2

    def actions(self, state: str) -> list[int]:
        return [] if self.terminal(state) else [cell for cell in range(9) if state[cell] == "."]

    def step(self, state: str, action: int) -> str:
        if action not in self.actions(state):
            raise IllegalAction(f"a cell must be free, got {action}")
        return state[:action] + "xo"[self.player(state)] + state[action + 1 :]

    def terminal(self, state: str) -> bool:
        return "." not in state or self.returns(state) != (0, 0)

    def returns(self, state: str) -> tuple[float, float]:
        for line in LINES:
            stones = {state[cell] for cell in line}
            if stones in ({"x"}, {"o"}):
                return (1, -1) if stones == {"x"} else (-1, 1)
        return 0, 0

    def observe(self, state: str) -> np.ndarray:
        mine, theirs = "xo" if self.player(state) == 0 else "ox"
        return np.array([[cell == who for cell in state] for who in (mine, theirs)], np.float32).reshape(self.shape)

    def show(self, state: str) -> str:
        return "\n".join(state[row : row + 3] for row in (0, 3, 6))


def random_game(game: Game, random: np.random.Generator) -> list[tuple[Any, int]]:
    """Positions of a game at random and the moves that were made in them; the last has none, -1."""
    state, line = game.start(), []
    while not game.terminal(state):
        legal = game.actions(state)
        move = int(legal[int(random.integers(len(legal)))])
        line.append((state, move))
        state = game.step(state, move)
    return [*line, (state, -1)]


def worth(game: Game, state: Any, known: dict[Any, float]) -> float:
    """What a position is worth to player 0 when nobody errs, by looking at everything."""
    key = game.key(state)
    if key not in known:
        if game.terminal(state):
            known[key] = game.returns(state)[0]
        else:
            best = max if game.player(state) == 0 else min
            known[key] = best(worth(game, game.step(state, move), known) for move in game.actions(state))
    return known[key]
