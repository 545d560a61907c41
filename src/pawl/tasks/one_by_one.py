"""Rules for many positions at a time, from rules for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawl.interfaces import Game, InMany, ManyBoards
from pawl.records import IntArray, Views


def many_boards(game: Game) -> ManyBoards:
    """The game's own rules for many positions where it has some; else those for one, again and again."""
    return game.many() if isinstance(game, InMany) else OneByOne(game)


class OneByOne:
    """A game's positions as an array of objects."""

    def __init__(self, game: Game) -> None:
        self.game = game

    def start(self, openings: Sequence[Sequence[int]]) -> NDArray[Any]:
        """[L] positions after these moves."""
        states = [self.game.start() for _ in openings]
        for i, moves in enumerate(openings):
            for move in moves:
                states[i] = self.game.step(states[i], move)
        return objects(states)

    def step(self, states: NDArray[Any], moves: IntArray) -> NDArray[Any]:
        """[L] positions after moves [L]."""
        return objects([self.game.step(state, move) for state, move in zip(states, moves.tolist(), strict=True)])

    def view(self, states: NDArray[Any]) -> Views:
        """What is to be seen of positions [L]."""
        game, count = self.game, len(states)
        boards = np.zeros((count, *game.shape), np.float32)
        legal = np.zeros((count, game.moves), np.bool_)
        players, over = np.zeros(count, np.int32), np.zeros(count, np.bool_)
        results = np.zeros(count, np.float32)
        for i, state in enumerate(states):
            players[i], over[i], boards[i] = game.player(state), game.terminal(state), game.observe(state)
            if over[i]:
                results[i] = game.returns(state)[players[i]]
            else:
                legal[i, game.actions(state)] = True
        return Views(boards, legal, players, over, results)


def objects(states: Sequence[Any]) -> NDArray[Any]:
    """[L] of whatever they are: numpy would take a tuple apart."""
    array = np.empty(len(states), dtype=object)
    for i, state in enumerate(states):
        array[i] = state
    return array
