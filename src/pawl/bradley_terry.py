"""Strengths of what met in pairs, by the largest likelihood of Bradley and Terry's model.

"Rank analysis of incomplete block designs: the method of paired comparisons", 1952: the chance that the first of two
wins is 1 / (1 + exp(-difference of strengths)). A game may be shared. Pure functions of [K, K] arrays: `wins[i, j]` is
what i got of its games against j. Not covered: whoever wins, or loses, all has no strength; whoever asks adds to each
pair the draws that give one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float64]

MOST_TURNS, MOST_HALVINGS, CLOSE_ENOUGH = 100, 50, 1e-10


def fitted(wins: Array) -> Array:
    """[K] in log odds, their mean 0, of K that games connect, none of which wins all or nothing.

    By Newton's method on a concave likelihood, each step halved until that has risen: where some pairs have far more
    games than others a whole one goes too far."""
    games, found = wins + wins.T, np.zeros(len(wins))
    for _ in range(MOST_TURNS):
        slope = wins.sum(axis=1) - (games * expit(found[:, None] - found[None, :])).sum(axis=1)
        if np.abs(slope).max() <= CLOSE_ENOUGH * games.sum():
            break
        # What is added says that the mean stays 0.
        step = np.linalg.solve(information(games, found) + games.mean(), slope)
        likelihood = _log_likelihood(wins, found)
        halved = (found + step / 2**times for times in range(MOST_HALVINGS))
        better = next((place for place in halved if _log_likelihood(wins, place) > likelihood), None)
        if better is None:
            break  # the rest is rounding
        found = better
    centred: Array = found - found.mean()
    return centred


def _log_likelihood(wins: Array, strengths: Array) -> float:
    return -float((wins * np.logaddexp(0, strengths[None, :] - strengths[:, None])).sum())


def information(games: Array, strengths: Array) -> Array:
    """[K, K] Fisher's, of strengths [K]: how the likelihood of so many games of each pair bends. Without the row and
    the column of one whose strength is held fixed, its inverse is the covariance of the others'."""
    chance = expit(strengths[:, None] - strengths[None, :])
    bend: Array = -games * chance * (1 - chance)
    np.fill_diagonal(bend, bend.diagonal() - bend.sum(axis=1))
    return bend


def connected(met: NDArray[np.bool_]) -> list[list[int]]:
    """Places in groups that games connect, each in order, the group with the first place first."""
    left, groups = set(range(len(met))), list[list[int]]()
    while left:
        group = {min(left)}
        while more := {int(j) for i in group for j in np.flatnonzero(met[i])} - group:
            group |= more
        left -= group
        groups.append(sorted(group))
    return groups
