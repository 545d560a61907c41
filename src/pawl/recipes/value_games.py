"""Positions to learn a value from: one of each of many games, or all of a few, and how far what is learnt is off.

Positions of one game end alike and look alike. A network that is shown all of them remembers how the game ended instead
of seeing why (Silver et al. 2016, "Reinforcement learning of value networks").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pawl.interfaces import BoardPlayer, ManyBoards
from pawl.keys import fold, stream, uniforms
from pawl.models.board_policy import BoardPolicy
from pawl.recipes.imitation import Watch, own_games, positions_by_game, says
from pawl.records import IntArray
from pawl.selection.window import Positions, joined


@dataclass(frozen=True, slots=True)
class ValueGames:
    """N games by what can be learnt from them."""

    one: Positions
    """[N] a position of each game, any."""
    all: Positions
    """[M] all positions of the first games, M near N."""
    results: IntArray
    """[N] what player 0 got."""


def value_games(player: BoardPlayer, rules: ManyBoards, openings: Sequence[Sequence[int]], count: int, *, choices: int,
                key: int, watch: Watch = lambda done, total: None) -> ValueGames:
    """Games of a player against itself."""
    ones, alls, held, results = list[Positions](), list[Positions](), 0, list[IntArray]()
    for number, games in enumerate(own_games(player, rules, openings, count, key=key, watch=watch)):
        by_game = positions_by_game(games, rules, choices)
        luck = uniforms(fold(stream(key, "place", number), np.arange(len(by_game), dtype=np.uint64)), 0)
        ones.append(joined([one.at(slice(place := int(draw * len(one)), place + 1))
                            for one, draw in zip(by_game, luck.tolist(), strict=True)]))
        while held < count and by_game:
            alls.append(by_game.pop(0))
            held += len(alls[-1])
        results.append(games.results.astype(np.int32))
    return ValueGames(_unweighted(joined(ones)), _unweighted(joined(alls)), np.concatenate(results))


def _unweighted(positions: Positions) -> Positions:
    """Of which the value alone is to be learnt."""
    return Positions(positions.boards, positions.policies, positions.replies, positions.values,
                     np.zeros_like(positions.weights))


def squared_error(network: BoardPolicy, positions: Positions) -> float:
    """Mean of (z - v)^2, both in [-1, 1]: 1 for who always says 0 where nothing is drawn."""
    return float(np.mean((2 * positions.values - 1 - says(network, positions)[1]) ** 2))
