"""Both readings of a policy that was improved by a reward model: what that model says, and how many games are won."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pawl.interfaces import ManyBoards
from pawl.match import Games, play_games, twice
from pawl.models.board_policy import BoardPolicy
from pawl.players.simple import PolicyPlayer
from pawl.recipes.board_reward_model import liked_reward
from pawl.selection.window import moves_as_examples, positions_of

TIMES = 2
"""That an opening is played from either side."""
Point = dict[str, Any]
"""After so many steps: what the reward model says, and the share of games that were won, with intervals."""


def measured(policy: BoardPolicy, opponent: BoardPolicy, reward_model: BoardPolicy, rules: ManyBoards,
             openings: Sequence[Sequence[int]], *, credit: Literal["move", "game"], key: int) -> dict[str, float]:
    """What the reward model says of a policy's moves in games against an opponent, on average over a game or in sum,
    and how many games are won, with half of their 95% intervals over openings. Both draw their moves."""
    players = [PolicyPlayer(rules, one, "policy", temperature=1.0) for one in (policy, opponent)]
    count = TIMES * len(openings)
    games = play_games(players, rules, [one for one in openings for _ in range(2 * TIMES)],
                       seats=np.tile([(0, 1), (1, 0)], (count, 1)), keys=twice(key, count))
    won = (games.results * np.tile([1, -1], count) + 1) / 2
    score, score_half = _mean(_said(games, reward_model, rules, credit), len(openings))
    true, true_half = _mean(won, len(openings))
    return {"score": score, "score_half": score_half, "true": true, "true_half": true_half,
            "length": float(np.mean([*map(len, games.moves)]))}


def _mean(games: NDArray[Any], openings: int) -> tuple[float, float]:
    """Of games by their openings, and half of its 95% interval over these."""
    of_opening = games.reshape(openings, -1).mean(axis=1)
    spread = float(of_opening.std(ddof=1)) if openings > 1 else 0.0
    return float(of_opening.mean()), 1.96 * spread / openings**0.5


def _said(games: Games, reward_model: BoardPolicy, rules: ManyBoards, credit: Literal["move", "game"]
          ) -> NDArray[np.float64]:
    """[N] the mean score, or the sum, of the first player's moves in each game; the first player is player 0 in every
    other one."""
    examples = moves_as_examples(games.openings, games.moves, games.results.tolist(),
                                 choices=rules.view(rules.start([[]])).legal.shape[1])
    each = liked_reward(reward_model, rules, "move")(games, positions_of(examples, rules))
    said, start = np.zeros(len(games.moves)), 0
    for number, movers in enumerate(games.movers):
        own = each[start : start + len(movers)][np.array(movers, np.int64) == number % 2]
        said[number] = own.sum() / (1 if credit == "game" else max(1, len(own)))
        start += len(movers)
    return said


def point(steps: int, metrics: Mapping[str, float]) -> Point:
    """What `measured` said after so many steps."""
    score, won = ([metrics[name] - metrics[f"{name}_half"], metrics[name] + metrics[f"{name}_half"]]
                  for name in ("score", "true"))
    return {"steps": steps, "score": metrics["score"], "score_ci": score, "won": metrics["true"],
            "ci": [max(0.0, won[0]), min(1.0, won[1])], "length": metrics["length"]}


def rate(one: Point) -> dict[str, Any]:
    """As other recipes tell it."""
    return {"pass@1": one["won"], "ci": one["ci"], "pass@8": None}


def in_words(liked: Sequence[Point], won: Sequence[Point], agreement: float) -> str:
    """How far the proxy carried, where it ended, and what the real reward came to."""
    best, last = max(liked, key=lambda one: float(one["won"])), liked[-1]
    then = "then fell beyond the intervals, to" if best["ci"][0] > last["ci"][1] else "and ended at"
    return (f"Improved by a reward model of labellers who agree with the truth in {agreement:.0%} of questions, the "
            f"policy won {best['won']:.1%} after {best['steps']} steps, {then} {last['won']:.1%} after "
            f"{last['steps']}; by the real reward it came to {won[-1]['won']:.1%}.")
