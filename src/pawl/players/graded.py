"""Positions of a game that are solved, for the meter of mistakes: stored ones of connect four, all of a small game."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawl.errors import PlayerError
from pawl.interfaces import Game, ManyBoards
from pawl.players.solved import SolvedPlayer
from pawl.records import Graded
from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.connect_four_positions import graded_positions

MOST = 10_000
"""Positions of a game, at most, that are all graded."""


def graded_of(game: Game, rules: ManyBoards, *, most: int = MOST) -> Sequence[Graded]:
    """By kinds; none where the game has too many positions, or goes round in a circle."""
    if isinstance(game, ConnectFour):
        return graded_positions()
    try:
        lines, states = _every_position(game, rules, most)
        return [Graded("every position", lines, SolvedPlayer(game, rules, most=most).worth(states))]
    except PlayerError:
        return ()


def _every_position(game: Game, rules: ManyBoards, most: int) -> tuple[list[list[int]], NDArray[Any]]:
    """Those that are not over, each with the fewest moves that lead there. Raises PlayerError where they are more."""
    lines, states, found = list[list[int]]([[]]), rules.start([[]]), list[NDArray[Any]]()
    every, seen = list[list[int]](), set[Hashable]()
    while lines:
        views = rules.view(states)
        new = [i for i, state in enumerate(states) if not views.over[i] and not _known(game, state, seen)]
        if len(seen) > most:
            raise PlayerError(f"a game must have {most} positions or fewer for all to be graded, got more")
        every += [lines[i] for i in new]
        found.append(states[new])
        rows, moves = np.nonzero(views.legal[new])
        lines = [[*lines[new[row]], int(move)] for row, move in zip(rows, moves, strict=True)]
        states = rules.step(states[new][rows], moves.astype(np.int32))
    return every, np.concatenate(found)


def _known(game: Game, state: Any, seen: set[Hashable]) -> bool:
    """Whether it has been seen, which it has from now on."""
    key = state.tobytes() if isinstance(state, np.ndarray) else game.key(state)
    known = key in seen
    seen.add(key)
    return known
