"""Elo ratings of a pool of players, with intervals, from all games that they played.

A player's expected score against another is 1 / (1 + 10^(-d / 400)), d being the difference of their ratings (Elo
1978): the model of Bradley and Terry (1952) for games in which draws count half. Ratings are those of the largest
likelihood, which is concave; intervals come from its curvature. Draws make them wider than need be, never narrower.

Not covered: that strength is no line (a beats b, b beats c, c beats a); ratings say nothing of players outside the
pool.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from pawl.bradley_terry import connected, fitted, information

SCALE = 400 / np.log(10)
"""Elo of a unit of log odds."""


@dataclass(frozen=True, slots=True)
class Ratings:
    """P players; the anchor's is 0, and intervals are those of differences to it."""

    elo: NDArray[np.float64]
    """[P]"""
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def elo_ratings(scored: ArrayLike, played: ArrayLike, *, anchor: int = 0, prior: float = 1.0, level: float = 0.95
                ) -> Ratings:
    """Ratings from what each row's player `scored` [P, P] against each column's, of the games that they `played`
    [P, P].

    `prior` draws are added to each pair that has met, without which who wins all games has no rating. Raises
    ValueError where games and scores do not belong together, or players are not connected by games.
    """
    scores, games = np.asarray(scored, np.float64), np.asarray(played, np.float64)
    if scores.shape != games.shape or scores.ndim != 2 or scores.shape[0] != scores.shape[1]:
        raise ValueError(f"scores and games must be [P, P], got {scores.shape} and {games.shape}")
    if not np.allclose(games, games.T) or not np.allclose(scores + scores.T, games) or np.diag(games).any():
        raise ValueError("both scores of a pair must sum to its games, and nobody plays themselves")
    if len(connected(games > 0)) != 1:
        raise ValueError("every player must be connected to every other by games")
    added = prior * (games > 0)
    games, scores = games + added, scores + added / 2
    free = [i for i in range(len(games)) if i != anchor]
    strengths = fitted(scores)
    x = strengths - strengths[anchor]
    spread = np.zeros(len(games))
    if free:
        spread[free] = np.sqrt(np.diag(np.linalg.inv(information(games, x)[np.ix_(free, free)])))
    half = float(ndtri(0.5 + level / 2)) * spread
    return Ratings(SCALE * x, SCALE * (x - half), SCALE * (x + half))
