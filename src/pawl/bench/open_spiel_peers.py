"""OpenSpiel's tree searches, which search a game by the moves that its library knows: in C++, and in Python.

Both choose by UCT, prove nothing and look at a position by one random playout. In C++ that is OpenSpiel's own, move by
move. In Python it is ours, given as the evaluator that a user is asked to bring: OpenSpiel's draws each move with
numpy, which would take most of the time.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from pawl.bench.match import Match, played
from pawl.bench.pairs import Work
from pawl.bench.tree_peers import Peer
from pawl.bench.world import Load

MEMORY = 1000
"""Megabytes that the nodes may take; they take less."""


def _cpp(load: Load) -> Work:
    """Search in C++."""
    import pyspiel

    game = pyspiel.load_efg_game(Match.of(load).text)
    playouts = pyspiel.RandomRolloutEvaluator(1, 0)
    bot = pyspiel.MCTSBot(game, playouts, 1.0, load.simulations, MEMORY, False, 0, False)
    return _searching(bot, game, load.trees)


def _python(load: Load) -> Work:
    """Search in Python."""
    import pyspiel
    from open_spiel.python.algorithms.mcts import MCTSBot

    game = pyspiel.load_efg_game(Match.of(load).text)
    bot = MCTSBot(game, 1.0, load.simulations, Playout(Match.of(load)), solve=False,
                  random_state=np.random.RandomState(0))
    return _searching(bot, game, load.trees)


def _searching(bot: Any, game: Any, trees: int) -> Work:
    """One search after the other of the first position."""
    first = game.new_initial_state()
    return lambda: sum(bot.mcts_search(first).explore_count for _ in range(trees))


class Playout:
    """An evaluator for OpenSpiel's search in Python."""

    def __init__(self, match: Match) -> None:
        self.actions, self.first_end, self.ends = match.actions, match.first_end, match.ends.tolist()
        self.priors = [(action, 1 / match.actions) for action in range(match.actions)]
        self.random = random.Random(0)

    def evaluate(self, state: Any) -> Any:
        """What an end below the state is worth to both."""
        position = 0
        for action in state.history():
            position = self.actions * position + 1 + action
        while position < self.first_end:
            position = self.actions * position + 1 + int(self.random.random() * self.actions)
        value = self.ends[position - self.first_end]
        return np.array((value, -value))

    def prior(self, state: Any) -> list[tuple[int, float]]:
        """Alike for all moves; a list of its own, as the search shuffles it."""
        return self.priors.copy()


COUNTED = "simulations of a game of two with random playouts"

GAMES = (
    Peer("OpenSpiel MCTS in C++", "uct", _cpp, played, COUNTED),
    Peer("OpenSpiel MCTS in Python", "uct", _python, played, COUNTED),
)
