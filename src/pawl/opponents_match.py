"""Two players, by the words that name them, in a match."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np

from pawl.errors import ConfigError
from pawl.gate.statistics import wilson_interval
from pawl.keys import stream
from pawl.match import match
from pawl.opponents import open_game, open_player
from pawl.players.gtp_engine import GTPEngine
from pawl.records import Event
from pawl.tasks.one_by_one import many_boards


def named_match(game: str, first: str, second: str, *, openings: int = 50, simulations: int = 64, seed: int = 0,
                   notify: Callable[[Event], None] = lambda event: None) -> dict[str, Any]:
    """What the first player scores against the second, from test openings of the game with sides swapped; draws count
    half, and the interval is one over openings. `simulations` is what networks think with. Raises ConfigError for
    players that are none, and PlayerError where one of them fails."""
    rules_of = open_game(game)
    rules = many_boards(rules_of)
    begun = [problem.data["moves"] for problem in rules_of.problems("test", openings, seed)]
    if not begun:
        raise ConfigError(f"a match must have openings, {rules_of.name} has none for a test")
    with ExitStack() as stack:
        ours, theirs = (open_player(words, rules_of, rules, simulations=simulations) for words in (first, second))
        for player in (ours, theirs):
            if isinstance(player, GTPEngine):
                stack.enter_context(player)
        played = match(ours, theirs, rules, begun, key=stream(seed, "match"),
                       watch=lambda done, total: notify(Event("test", 0, 0, done, total)))
    scores, mean = played.scores, float(played.scores.mean())
    return {"game": rules_of.name, "first": ours.name, "second": theirs.name, "score": mean,
            "ci": list(wilson_interval(mean, len(begun))), "games": int(scores.size), "openings": len(begun),
            "won": int((scores == 1).sum()), "drawn": int((scores == 0.5).sum()), "lost": int((scores == 0).sum()),
            "as_first": float(np.mean(scores[:, 0])), "as_second": float(np.mean(scores[:, 1]))}
