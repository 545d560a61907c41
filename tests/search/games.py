"""Two games that are solved by looking at all of them: Nim with one heap, and tic-tac-toe."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import cache
from typing import Any

import numpy as np

from pawl.search.tree import Leaves

LINES = ((0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6))


class Nim:
    """Take one to three; who takes the last wins. A position is what is left, and who moves."""

    actions = 3

    def moves(self, position: tuple[int, int]) -> list[int]:
        return [a for a in range(3) if a < position[0]]

    def after(self, position: tuple[int, int], action: int) -> tuple[int, int]:
        return position[0] - action - 1, 1 - position[1]

    def result(self, position: tuple[int, int]) -> float | None:
        """For whoever moves, once it is over: the other one took the last."""
        return -1.0 if position[0] == 0 else None


class TicTacToe:
    """A position is nine cells (0 empty, 1 and 2 the players), and who moves."""

    actions = 9

    def moves(self, position: tuple[str, int]) -> list[int]:
        return [a for a in range(9) if position[0][a] == "0"]

    def after(self, position: tuple[str, int], action: int) -> tuple[str, int]:
        cells, player = position
        return f"{cells[:action]}{player + 1}{cells[action + 1 :]}", 1 - player

    def result(self, position: tuple[str, int]) -> float | None:
        cells, player = position
        if any(cells[a] == cells[b] == cells[c] == str(2 - player) for a, b, c in LINES):
            return -1.0
        return 0.0 if "0" not in cells else None


@cache
def minimax(game: Any, position: Hashable) -> float:
    """The value for whoever moves."""
    if (over := game.result(position)) is not None:
        return float(over)
    return max(-minimax(game, game.after(position, action)) for action in game.moves(position))


class Table:
    """Positions of one game, searched side by side with even priors and no idea of their values before the end."""

    def __init__(self, game: Any, positions: Sequence[Hashable], *, told: bool) -> None:
        """`told` that the results are exact, a search proves what follows from them."""
        self.game, self.told = game, told
        self.positions: list[list[Any]] = [[position] for position in positions]

    def roots(self) -> Leaves:
        return self._leaves([those[0] for those in self.positions])

    def __call__(self, rows: Any, nodes: Any, actions: Any) -> Leaves:
        found = [self.game.after(self.positions[b][node], int(a))
                 for b, node, a in zip(rows, nodes, actions, strict=True)]
        for b, position in zip(rows, found, strict=True):
            self.positions[b].append(position)
        return self._leaves(found)

    def _leaves(self, positions: Sequence[Any]) -> Leaves:
        priors = np.zeros((len(positions), self.game.actions), np.float32)
        values, ends = np.zeros(len(positions), np.float32), np.zeros(len(positions), np.bool_)
        for i, position in enumerate(positions):
            if (over := self.game.result(position)) is not None:
                values[i], ends[i] = over, True
            else:
                moves = self.game.moves(position)
                priors[i, moves] = 1 / len(moves)
        players = np.array([position[1] for position in positions], np.int32)
        return Leaves(priors, values, players, ends, ends & self.told)
