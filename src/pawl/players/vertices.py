"""Moves as programs that speak GTP write them, for any board game.

The Go Text Protocol (Farneback 2002, draft of version 2) names an intersection by a letter without I and a number, and
passing by `pass`. OpenSpiel names go's moves alike, with the player in front. Other games keep their own words.
"""

from __future__ import annotations

from typing import Any

from pawl.interfaces import Game, IllegalAction

COLOURS = {"b": 0, "black": 0, "w": 1, "white": 1}
"""Player 0 is black."""


def vertex_of(game: Game, state: Any, move: int) -> str:
    """A move in GTP's words."""
    return game.move_name(state, move).rpartition("_")[2].upper()


def move_of(game: Game, state: Any, vertex: str) -> int:
    """The legal move that a vertex names. Raises IllegalAction when it names none."""
    wanted = vertex.strip().upper()
    for move in game.actions(state):
        if vertex_of(game, state, move) == wanted:
            return move
    raise IllegalAction(f"a vertex must name a legal move, got {vertex[:20]!r}")
