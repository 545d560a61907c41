"""OpenSpiel's bots as players: its tree search in C++ (`mcts`), and those of its registry that need no settings.

Lanctot et al. 2019. Of its games and of connect four, whose moves have the same numbers there. Not covered: bots with
settings, and those that are other programs (for GTP see `gtp_engine.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawl.errors import ConfigError, MissingExtraError, UnknownNameError
from pawl.interfaces import Game
from pawl.keys import mix
from pawl.records import IntArray, KeyArray
from pawl.tasks.board import Board
from pawl.tasks.connect_four import ConnectFour

SEARCH = "mcts"
EXPLORATION = 2.0
"""UCT's constant, and one playout a leaf, as in OpenSpiel's own example of the search."""
MEMORY = 1000
"""Megabytes that a tree may take."""


class OpenSpielBot:
    """A bot by its name. Its luck is the move's key.

    Raises MissingExtraError without OpenSpiel, UnknownNameError for a bot that it does not have, and ConfigError for
    one that cannot play the game, or a game that is not OpenSpiel's.
    """

    def __init__(self, bot: str, game: Game, *, simulations: int = 1000) -> None:
        """`simulations` is how far tree search thinks."""
        self.rules = _rules_of(game)
        import pyspiel

        playing = [SEARCH, *pyspiel.bots_that_can_play_game(self.rules)]
        if bot not in (SEARCH, *pyspiel.registered_bots()):
            raise UnknownNameError("bot of OpenSpiel", bot, playing)
        if bot not in playing:
            raise ConfigError(f"a bot must be able to play {game.name} without settings, got {bot}",
                              hint=f"these can: {', '.join(playing)}")
        self.bot, self.simulations = bot, simulations
        self.name = f"OpenSpiel's {bot}" + (f" with {simulations} simulations" if bot == SEARCH else "")

    def choose(self, lines: Sequence[Sequence[int]], states: NDArray[Any], keys: KeyArray) -> IntArray:
        seeds = (mix(keys) >> np.uint64(33)).tolist()
        return np.array([self._move(line, seed) for line, seed in zip(lines, seeds, strict=True)], np.int32)

    def _move(self, line: Sequence[int], seed: int) -> int:
        state = self.rules.new_initial_state()
        for move in line:
            state.apply_action(move)
        return int(self._made(state.current_player(), seed).step(state))

    def _made(self, player: int, seed: int) -> Any:
        """A bot with this luck, which takes microseconds."""
        import pyspiel

        if self.bot != SEARCH:
            return pyspiel.load_bot(self.bot, self.rules, player, {"seed": seed})
        playouts = pyspiel.RandomRolloutEvaluator(1, seed)
        return pyspiel.MCTSBot(self.rules, playouts, EXPLORATION, self.simulations, MEMORY, True, seed, False)


def _rules_of(game: Game) -> Any:
    """OpenSpiel's game."""
    if isinstance(game, Board):
        return game.rules
    if not isinstance(game, ConnectFour):
        raise ConfigError(f"a bot of OpenSpiel must have a game of OpenSpiel, got {game.name}",
                          hint="the task board plays its games by name; mcts:PLAYOUTS plays any")
    try:
        import pyspiel
    except ModuleNotFoundError as error:
        raise MissingExtraError("a bot of OpenSpiel", "games") from error
    return pyspiel.load_game(ConnectFour.name)
