"""How often a player gives away what a position is worth.

A mistake is a move after which the best that can still be had is less: a win turned into a draw or a loss, a draw into
a loss. Positions in which every move is worth the same ask for nothing and are counted apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pawl.records import Flags, IntArray


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Of N positions."""

    rate: float
    """Share in which the move was a mistake."""
    positions: int
    """N"""
    asked: int
    """Positions in which some legal move would have been a mistake."""


def mistakes(worth: ArrayLike, legal: Flags, moves: IntArray) -> Mistakes:
    """Of `moves` [N], `worth` [N, A] being what each move is worth to whoever makes it when nobody errs afterwards,
    where it is `legal` [N, A]. Raises ValueError for a move that is not."""
    of_moves = np.where(legal, np.asarray(worth, np.float64), -np.inf)
    rows = np.arange(len(moves))
    if not legal[rows, moves].all():
        raise ValueError("every move must be legal")
    best, worst = of_moves.max(axis=1), np.where(legal, of_moves, np.inf).min(axis=1)
    rate = float((of_moves[rows, moves] < best).mean()) if len(rows) else 0.0
    return Mistakes(rate, len(rows), int((worst < best).sum()))
