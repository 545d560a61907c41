"""How often a player gives away what a position is worth.

A mistake is a move after which the best that can still be had is less: a win turned into a draw or a loss, a draw into
a loss. Positions in which every move is worth the same ask for nothing and are counted apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pawl.records import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Mistakes:
    """Of N positions."""

    rate: float
    """Share in which the move was a mistake."""
    positions: int
    """N"""
    asked: int
    """Positions in which some legal move would have been a mistake."""


def mistakes(worth: FloatArray, moves: IntArray) -> Mistakes:
    """Of `moves` [N], `worth` [N, A] being what each move is worth to whoever makes it if nobody errs afterwards, -inf
    where it is illegal. Raises ValueError for a move that is."""
    chosen = worth[np.arange(len(moves)), moves]
    if np.isneginf(chosen).any():
        raise ValueError("every move must be legal")
    if not len(moves):
        return Mistakes(0.0, 0, 0)
    best, worst = worth.max(axis=1), np.where(np.isneginf(worth), np.inf, worth).min(axis=1)
    return Mistakes(float((chosen < best).mean()), len(moves), int((worst < best).sum()))
