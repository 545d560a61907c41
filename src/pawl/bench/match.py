"""A made-up game of two, over after a few moves: its ends are worth what chance drew once. A position is looked at by
playing on from it at random until an end.

Positions are numbered as a heap: the moves of position i lead to actions * i + 1 and on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pawl.bench.pairs import Work
from pawl.bench.world import Load
from pawl.compiled import compiled
from pawl.records import FloatArray, IntArray
from pawl.search.forest import search
from pawl.search.mcts import RULES
from pawl.search.tree import Flags, Leaves

MOVES = 5


@dataclass(frozen=True)
class Match(Load):
    """What either side is asked to search, from the first move on."""

    @classmethod
    def of(cls, load: Load) -> Match:
        """The game of a load's size."""
        return cls(load.trees, load.actions, load.simulations)

    @property
    def first_end(self) -> int:
        """The least number of an end."""
        return sum(self.actions**move for move in range(MOVES))

    @cached_property
    def ends(self) -> FloatArray:
        """[actions^MOVES] worth to who moves first."""
        worth: FloatArray = np.random.default_rng(4).uniform(-1, 1, self.actions**MOVES).round(4).astype(np.float32)
        return worth

    @cached_property
    def text(self) -> str:
        """The game in Gambit's format for extensive games."""
        names = " ".join(f'"{action}"' for action in range(self.actions))
        sets, lines = [0, 0], ['EFG 2 R "match" { "first" "second" } ""']

        def write(position: int, player: int) -> None:
            if position >= self.first_end:
                end = position - self.first_end
                lines.append(f't "" {end + 1} "" {{ {self.ends[end]:.4f} {-self.ends[end]:.4f} }}')
                return
            sets[player] += 1
            lines.append(f'p "" {player + 1} {sets[player]} "" {{ {names} }} 0')
            for action in range(self.actions):
                write(self.actions * position + 1 + action, 1 - player)

        write(0, 0)
        return "\n".join(lines)


def played(load: Load, rule: str) -> Work:
    """Search by Pawl, which returns how many simulations it made."""
    match = Match.of(load)
    even = np.full((load.trees, load.actions), 1 / load.actions, np.float32)
    nobody, never = np.zeros(load.trees, np.int32), np.zeros(load.trees, np.bool_)
    roots, luck = Leaves(even, np.zeros(load.trees, np.float32), nobody, never, never), np.full(1, 5, np.uint64)

    def work() -> int:
        states, sizes = np.zeros((load.trees, load.simulations + 1), np.int32), np.ones(load.trees, np.int32)

        def evaluate(rows: IntArray, nodes: IntArray, actions: IntArray) -> Leaves:
            found = played_out(match.ends, match.first_end, load.actions, states, sizes, luck, rows, nodes, actions)
            return Leaves(*found, never)

        found = search(roots, evaluate, rule=RULES[rule], simulations=load.simulations)
        return int(found.tree.nodes["visits"][:, 0].sum()) - load.trees

    return work


@compiled
def played_out(ends: FloatArray, first_end: int, count: int, states: IntArray, sizes: IntArray,
               luck: NDArray[np.uint64], rows: IntArray, nodes: IntArray, actions: IntArray,
               ) -> tuple[FloatArray, FloatArray, IntArray, Flags]:
    """Priors [L, A], values [L], players [L] and whether it is over [L], where actions lead, which is the next of the
    states [B, N]. `luck` [1] is a state of xorshift (Marsaglia 2003)."""
    priors, values = np.zeros((len(rows), count), np.float32), np.empty(len(rows), np.float32)
    players, over = np.zeros(len(rows), np.int32), np.zeros(len(rows), np.bool_)
    for i in range(len(rows)):
        b = rows[i]
        state = count * states[b, nodes[i]] + 1 + actions[i]
        states[b, sizes[b]] = state
        sizes[b] += 1
        left = 0
        while state < first_end:
            luck[0] ^= luck[0] << np.uint64(13)
            luck[0] ^= luck[0] >> np.uint64(7)
            luck[0] ^= luck[0] << np.uint64(17)
            state = count * state + 1 + np.int64(luck[0] >> np.uint64(33)) % count
            left += 1
        if left > 0:
            priors[i] = 1 / count
        players[i], over[i] = (MOVES - left) % 2, left == 0
        values[i] = ends[state - first_end] * (1 - 2 * players[i])
    return priors, values, players, over
