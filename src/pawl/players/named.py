"""The players that every network of a game meets: fixed ones, that need not learn."""

from __future__ import annotations

from pawl.interfaces import BoardPlayer, Game, ManyBoards
from pawl.players.connect_four import ConnectFourMinimax
from pawl.players.simple import RandomPlayer, rollout_player
from pawl.tasks.connect_four import ConnectFour

PLAYOUTS = 100
DEPTHS = (2, 5)
"""Moves that minimax looks ahead, where a game has a heuristic to judge by."""


def fixed_players(game: Game, rules: ManyBoards) -> list[BoardPlayer]:
    """From the weakest on: random; tree search with random playouts; for connect four minimax, which judges by the
    lines that are still open."""
    players: list[BoardPlayer] = [RandomPlayer(rules), rollout_player(rules, PLAYOUTS)]
    if isinstance(game, ConnectFour):
        players += [ConnectFourMinimax(depth, f"minimax {depth}") for depth in DEPTHS]
    return players
