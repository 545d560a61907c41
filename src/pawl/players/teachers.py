"""Teachers that err: players that know no network, and at a stated rate play anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pawl.interfaces import BoardPlayer, Game, ManyBoards
from pawl.keys import uniforms
from pawl.players.named import minimax_player
from pawl.players.simple import any_of, rollout_player
from pawl.records import IntArray, KeyArray
from pawl.search.boards import Positions
from pawl.tasks.connect_four import ConnectFour

PLAYOUTS = 30
"""For each move that a teacher looks ahead, where a game has no heuristic."""


@dataclass(frozen=True)
class FalliblePlayer:
    """Another player's move, or with a chance of `errs` any legal one."""

    rules: ManyBoards
    player: BoardPlayer
    errs: float
    name: str = "fallible"

    def choose(self, lines: Sequence[Sequence[int]], states: Positions, keys: KeyArray) -> IntArray:
        moves, wrong = np.zeros(len(states), np.int32), uniforms(keys, 17) < self.errs
        slips, rest = np.flatnonzero(wrong), np.flatnonzero(~wrong)
        if slips.size:
            moves[slips] = any_of(self.rules.view(states[slips]).legal, keys[slips])
        if rest.size:
            moves[rest] = self.player.choose([lines[i] for i in rest.tolist()], states[rest], keys[rest])
        return moves


def teacher(game: Game, rules: ManyBoards, depth: int, errs: float) -> FalliblePlayer:
    """Who looks `depth` moves ahead: minimax by open lines in connect four, in any other game tree search with 30
    playouts for each of these moves."""
    player: BoardPlayer = (minimax_player(game, rules, depth) if isinstance(game, ConnectFour)
                           else rollout_player(rules, PLAYOUTS * depth))
    return FalliblePlayer(rules, player, errs, f"{player.name}, {errs:.0%} at random")
