"""A game of OpenSpiel for many positions: the same as one by one, without the detours of a single question.

Observations are written into one buffer, which is a hundred times as fast as lists of floats, and moves that are known
to be legal are not looked up again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawl.interfaces import Game
from pawl.records import IntArray, Views
from pawl.tasks.one_by_one import OneByOne, objects


class ManyOfOpenSpiel(OneByOne):
    """Positions are OpenSpiel's states."""

    def __init__(self, game: Game, rules: Any) -> None:
        """`rules` is OpenSpiel's game."""
        super().__init__(game)
        self.rules = rules

    def step(self, states: NDArray[Any], moves: IntArray) -> NDArray[Any]:
        """[L] positions after legal moves [L]."""
        return objects([state.child(move) for state, move in zip(states, moves.tolist(), strict=True)])

    def view(self, states: NDArray[Any]) -> Views:
        """What is to be seen of positions [L]."""
        from open_spiel.python.observation import make_observation

        count, observer = len(states), make_observation(self.rules)  # one for each call: threads share none
        boards = np.zeros((count, *self.game.shape), np.float32)
        seen = boards.reshape(count, int(np.prod(self.game.shape)))
        legal = np.zeros((count, self.game.moves), np.bool_)
        players, over = np.zeros(count, np.int32), np.zeros(count, np.bool_)
        results, size = np.zeros(count, np.float32), observer.tensor.size
        for i, state in enumerate(states):
            if over_ := state.is_terminal():
                player = self.game.player(state)
                results[i] = self.game.returns(state)[player]
            else:
                player = state.current_player()
                legal[i, state.legal_actions()] = True
            observer.set_from(state, player)
            seen[i, :size], players[i], over[i] = observer.tensor, player, over_
        boards[:, -1] = players[:, None, None]
        return Views(boards, legal, players, over, results)
