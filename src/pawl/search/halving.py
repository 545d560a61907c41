"""When sequential halving goes on to fewer actions: by a number of walks, or by tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from pawl.records import IntArray
from pawl.search.rules import considered_visits

Levels = Callable[[int], IntArray]
"""(number of a walk) -> how many visits [B] the root's action that it takes must have. Asked once for each walk, in
their order."""


class Limit(NamedTuple):
    """What a tree may spend; one that has spent as much is searched no further."""

    tokens: int
    spent: Callable[[], IntArray]
    """[B] tokens by now."""


def by_walks(counts: IntArray, simulations: int) -> Levels:
    """Halving planned for so many walks, `counts` [B] actions considered."""
    tables = {int(count): considered_visits(int(count), simulations) for count in np.unique(counts)}
    planned = np.stack([tables[int(count)] for count in counts], axis=1)
    return lambda number: planned[number]


class ByTokens:
    """Halving by a price that only shows: each phase has an equal share of the tokens that are left after the root.

    A sweep visits every action of a phase once more. The first is always made; another when the phase's share would
    pay for as much as the last one cost, and its share of `simulations` has as many walks. What a first sweep takes
    beyond its phase's share is taken from the shares of the phases to come, all alike.
    """

    def __init__(self, counts: IntArray, simulations: int, limit: Limit) -> None:
        """`counts` [B] actions considered."""
        self.simulations, self.limit = simulations, limit
        self.left = np.maximum(counts, 1)
        self.phases = np.ceil(np.log2(np.maximum(counts, 2))).astype(np.int32)
        self.phase_start = self.sweep_start = limit.spent()
        self.share, self.to_come = (limit.tokens - self.phase_start) / self.phases, self.phases
        self.level, self.swept, self.walks = (np.zeros_like(self.left) for _ in range(3))

    def __call__(self, number: int) -> IntArray:
        over = self.swept == self.left
        if over.any():
            spent = self.limit.spent()
            dear = 2 * spent - self.sweep_start - self.phase_start > self.share
            long = (self.walks + self.left) * self.phases > self.simulations
            halve = over & (dear | long) & (self.left > 2)
            self.to_come = self.to_come - halve
            left = (self.limit.tokens - spent) / np.maximum(self.to_come, 1)
            self.share = np.where(halve, np.minimum(self.share, left), self.share)
            self.left = np.where(halve, np.maximum(self.left // 2, 2), self.left)
            self.phase_start = np.where(halve, spent, self.phase_start)
            self.sweep_start = np.where(over, spent, self.sweep_start)
            self.walks, self.swept = np.where(halve, 0, self.walks), np.where(over, 0, self.swept)
            self.level = self.level + over
        self.swept, self.walks = self.swept + 1, self.walks + 1
        return self.level.astype(np.int32)
