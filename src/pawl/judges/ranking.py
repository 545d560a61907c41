"""Strengths of what was compared in pairs, and whether the comparisons go in circles.

Bradley and Terry, "Rank analysis of incomplete block designs: the method of paired comparisons", 1952: the chance that
the first of two is the better is 1 / (1 + exp(-difference of strengths)). A comparison may be unsure: it then counts
for both, in shares. Pure functions of [K, K] arrays: `chances[i, j]` is how likely the first is the better, NaN where
nothing is known; with [j, i] it sums to 1.

Not covered: how sure a strength is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float64]

PRIOR = 1.0
"""Comparisons, undecided, that are added to each pair which has one: without them, whoever wins all has no strength."""
LEAST_PRIOR = 1e-3
"""With far fewer, strengths are too far apart for their chances to be told from 0 and 1."""
MOST_TURNS, CLOSE_ENOUGH = 100, 1e-10


def chance_table(count: int, pairs: Sequence[tuple[int, int]], chances: Sequence[float | None]) -> Array:
    """[K, K] from the chance in each of some pairs of `count` that the first is the better."""
    table = np.full((count, count), np.nan)
    for (i, j), chance in zip(pairs, chances, strict=True):
        if chance is not None:
            table[i, j], table[j, i] = chance, 1 - chance
    return table


def strengths(chances: Array, *, prior: float = PRIOR) -> Array:
    """[K] in log odds, those of the largest likelihood with `prior`, `LEAST_PRIOR` or more; their mean is 0.

    Strengths of groups that no comparison connects tell nothing of each other: all but the largest group (of groups as
    large, the one that comes first) have NaN, and so has who stands alone."""
    members = _largest_group(~np.isnan(chances))
    found = np.full(len(chances), np.nan)
    if len(members) > 1:
        found[members] = _fitted(chances[np.ix_(members, members)], prior)
    return found


def _fitted(chances: Array, prior: float) -> Array:
    """By Newton's method, which from 0 on does not overshoot this likelihood; it is concave."""
    met = ~np.isnan(chances)
    wins = np.where(met, chances + prior / 2, 0.0)
    games = wins + wins.T
    found = np.zeros(len(wins))
    for _ in range(MOST_TURNS):
        expected = expit(found[:, None] - found[None, :])
        slope = wins.sum(axis=1) - (games * expected).sum(axis=1)
        if np.abs(slope).max() < CLOSE_ENOUGH * games.sum():
            break
        bend = -games * expected * (1 - expected)
        np.fill_diagonal(bend, bend.diagonal() - bend.sum(axis=1))
        found = found + np.linalg.solve(bend + 1 / len(found), slope)  # what is added says that the mean stays 0
    centred: Array = found - found.mean()
    return centred


def _largest_group(met: NDArray[np.bool_]) -> list[int]:
    """Places that comparisons connect, the most there are; of groups as large, the one with the first place."""
    left, largest = set(range(len(met))), list[int]()
    while left:
        group = {min(left)}
        while more := {int(j) for i in group for j in np.flatnonzero(met[i])} - group:
            group |= more
        left -= group
        largest = sorted(group) if len(group) > len(largest) else largest
    return largest


def triples(chances: Array) -> tuple[int, int]:
    """How many threes have a preference within each two of them, and how many of these go in a circle: a over b, b over
    c, c over a."""
    beats = np.where(np.isnan(chances), 0.0, chances > 0.5)
    either = beats + beats.T
    # A closed walk of three steps goes around three places: from 3 starts around a circle, and in 2 ways if both go.
    return round(np.trace(either @ either @ either) / 6), round(np.trace(beats @ beats @ beats) / 3)
