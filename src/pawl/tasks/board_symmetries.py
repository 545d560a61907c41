"""Ways to turn and mirror the boards of OpenSpiel's games, for games where moves are cells or columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pawl.records import IntArray, Symmetry

Turned = Callable[[IntArray], IntArray]
"""A grid [H, W] turned or mirrored."""

TURNS: Mapping[str, Turned] = {
    "left and right": np.fliplr,
    "up and down": np.flipud,
    "half a turn": lambda grid: np.rot90(grid, 2),
    "a quarter": np.rot90,
    "three quarters": lambda grid: np.rot90(grid, 3),
    "main diagonal": np.transpose,
    "other diagonal": lambda grid: np.rot90(np.transpose(grid), 2),
}

KNOWN: Mapping[str, tuple[str, ...]] = {
    "tic_tac_toe": tuple(TURNS),
    "go": tuple(TURNS),
    "othello": ("half a turn", "main diagonal", "other diagonal"),
    "connect_four": ("left and right",),
}
"""By OpenSpiel's short name; the stones with which Othello begins are alike along diagonals only."""


def symmetries_of(rules: Any) -> tuple[Symmetry, ...]:
    """Those of a game of OpenSpiel; none for a game that is not listed here."""
    names = KNOWN.get(rules.get_type().short_name, ())
    rows, columns = rules.observation_tensor_shape()[-2:]
    return tuple(_symmetry(TURNS[name], rows, columns, rules.num_distinct_actions()) for name in names)


def _symmetry(turned: Turned, rows: int, columns: int, moves: int) -> Symmetry:
    """Moves are columns where there are as many, else cells, and what there is beyond them is to pass."""
    cells = turned(np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)).ravel()
    if moves == columns:
        return Symmetry(cells, turned(np.arange(columns, dtype=np.int32)[None]).ravel())
    return Symmetry(cells, np.concatenate((cells, np.arange(rows * columns, moves, dtype=np.int32))))
