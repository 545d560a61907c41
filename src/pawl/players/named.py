"""Players by what they are, whatever the game, and the fixed ones that every network of a game meets."""

from __future__ import annotations

from pawl.interfaces import BoardPlayer, Game, ManyBoards
from pawl.players.connect_four import ConnectFourMinimax, ExactPlayer
from pawl.players.simple import BestPlayer, MinimaxPlayer, RandomPlayer, no_heuristic, rollout_player
from pawl.players.solved import SolvedPlayer
from pawl.tasks.connect_four import ConnectFour

PLAYOUTS = 100
DEPTHS = (2, 5)
"""Moves that minimax looks ahead, where a game has a heuristic to judge by."""
FEW_MOVES = 25
"""That a game has, at most, for minimax to be among its fixed players without a heuristic."""


def minimax_player(game: Game, rules: ManyBoards, depth: int) -> BestPlayer:
    """Looks so many moves ahead. On connect four it judges by the lines that are still open; elsewhere it sees wins and
    losses alone."""
    name = f"minimax {depth}"
    return (ConnectFourMinimax(depth, name) if isinstance(game, ConnectFour)
            else MinimaxPlayer(rules, depth, no_heuristic, name))


def exact_player(game: Game, rules: ManyBoards) -> BestPlayer:
    """Makes no mistake, on connect four and on games of few positions. In others it raises PlayerError when it is asked
    about one that too many others follow."""
    return ExactPlayer() if isinstance(game, ConnectFour) else SolvedPlayer(game, rules)


def fixed_players(game: Game, rules: ManyBoards) -> list[BoardPlayer]:
    """From the weakest on: random; minimax, where a game has few moves; tree search with random playouts. On connect
    four minimax has a heuristic and stands behind tree search."""
    weakest, search = RandomPlayer(rules), rollout_player(rules, PLAYOUTS)
    if isinstance(game, ConnectFour):
        return [weakest, search, *(minimax_player(game, rules, depth) for depth in DEPTHS)]
    return [weakest, *([minimax_player(game, rules, min(DEPTHS))] if game.moves <= FEW_MOVES else []), search]
