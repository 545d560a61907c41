"""Strengths of what was compared in pairs (`pawl.bradley_terry`), and whether the comparisons go in circles.

A comparison may be unsure: it then counts for both, in shares. Pure functions of [K, K] arrays: `chances[i, j]` is how
likely the first is the better, NaN where nothing is known; with [j, i] it sums to 1.

Not covered: how sure a strength is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pawl.bradley_terry import Array, connected, fitted

PRIOR = 1.0
"""Comparisons, undecided, that are added to each pair which has one: without them, whoever wins all has no strength."""
LEAST_PRIOR = 1e-3
"""With far fewer, strengths are too far apart for their chances to be told from 0 and 1."""


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
    members = max(connected(~np.isnan(chances)), key=len, default=[])
    found = np.full(len(chances), np.nan)
    if len(members) > 1:
        group = chances[np.ix_(members, members)]
        found[members] = fitted(np.where(np.isnan(group), 0.0, group + prior / 2))
    return found


def triples(chances: Array) -> tuple[int, int]:
    """How many threes have a preference within each two of them, and how many of these go in a circle: a over b, b over
    c, c over a."""
    beats = np.where(np.isnan(chances), 0.0, chances > 0.5)
    either = beats + beats.T
    # A closed walk of three steps goes around three places: from 3 starts around a circle, and in 2 ways if both go.
    return round(np.trace(either @ either @ either) / 6), round(np.trace(beats @ beats @ beats) / 3)
