"""Players of connect four alone: one that makes no mistake, and the heuristic by which minimax judges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pawl.compiled import compiled
from pawl.players.simple import any_of
from pawl.records import FloatArray, IntArray, KeyArray
from pawl.tasks.connect_four import BITS, COLUMNS, ROWS, Word, Words
from pawl.tasks.connect_four_solver import ILLEGAL, Solver


class ExactPlayer:
    """Keeps what the position is worth; of several such moves, any. `quick` wins as soon and loses as late as it
    can."""

    name = "exact"

    def __init__(self, *, quick: bool = False) -> None:
        self.solver, self.quick = Solver(), quick

    def choose(self, lines: Sequence[Sequence[int]], states: Words, keys: KeyArray) -> IntArray:
        scores = self.solver.scores([(int(mine), int(stones)) for mine, stones in states], weak=not self.quick)
        return any_of((scores == scores.max(axis=1, keepdims=True)) & (scores != ILLEGAL), keys)


def _line(column: int, row: int, right: int, up: int) -> int:
    """Four cells from one on."""
    return sum(1 << (BITS * (column + place * right) + row + place * up) for place in range(4))


LINES = np.array([_line(column, row, right, up) for right, up in ((0, 1), (1, 0), (1, 1), (1, -1))
                  for column in range(COLUMNS - 3 * right) for row in range(ROWS) if 0 <= row + 3 * up < ROWS],
                 np.uint64)
"""[69] every four cells in a row."""
WORTH = np.array([0, 0.0001, 0.001, 0.01], np.float32)
"""Of a line with so many stones of one player, and none of the other; what all lines sum to stays below 1."""


def open_lines(states: Words) -> FloatArray:
    """The heuristic of minimax: lines of four that only whoever moves can still fill, less those of the other, each
    worth ten times as much for every stone that stands in it."""
    return _open_lines(states, LINES, WORTH)


@compiled
def _open_lines(states: Words, lines: Words, worth: FloatArray) -> FloatArray:
    values = np.zeros(len(states), np.float32)
    for i in range(len(states)):
        mine = states[i, 0]
        theirs = states[i, 1] ^ mine
        for line in lines:
            ours, others = mine & line, theirs & line
            if ours and not others:
                values[i] += worth[_count(ours)]
            elif others and not ours:
                values[i] -= worth[_count(others)]
    return values


@compiled
def _count(word: Word) -> int:
    count = 0
    while word:
        word &= word - np.uint64(1)
        count += 1
    return count
