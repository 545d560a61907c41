"""Players of connect four alone: one that makes no mistake, and minimax in compiled loops, which judges by the lines
that are still open."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pawl.compiled import compiled, inlined
from pawl.players.simple import BestPlayer
from pawl.records import FloatArray
from pawl.tasks.connect_four import BITS, COLUMNS, FULL, ROWS, STEPS, Word, Words, aligned
from pawl.tasks.connect_four_solver import FROM_MIDDLE, ILLEGAL, Solver, num_bits, playable, safe_moves, wins


@dataclass(frozen=True)
class ExactPlayer(BestPlayer):
    """Keeps what the position is worth; of several such moves, any. `quick` wins as soon and loses as late as it
    can."""

    name: str = "exact"
    quick: bool = False
    solver: Solver = field(default_factory=Solver)

    def worth(self, states: Words) -> FloatArray:
        """[L, 7] who wins, 1, 0 or -1; for a quick player, the sooner a win, the more."""
        scores = self.solver.scores([(int(mine), int(stones)) for mine, stones in states], weak=not self.quick)
        worth: FloatArray = np.where(scores == ILLEGAL, -np.inf, scores).astype(np.float32)
        return worth


@dataclass(frozen=True)
class ConnectFourMinimax(BestPlayer):
    """`MinimaxPlayer` with `open_lines`, move by move the same, by alpha-beta search (Knuth and Moore 1975)."""

    depth: int
    name: str = "minimax"

    def worth(self, states: Words) -> FloatArray:
        """[L, 7] of each move to whoever makes it; -inf where it is illegal."""
        return _minimax(states, self.depth)


LINE_WORTH = (1, 10, 100, 0)
"""Of a line with one, two, three and four stones of one player, and none of the other; minimax asks where the game goes
on, which knows none of four."""
LineWorth = tuple[int, int, int, int]
CERTAIN = 10_000
"""A game that is won, in the same unit: all 69 lines sum to less."""


def _starts(step: int) -> Word:
    """Cells from which four in a row, this far apart, stay on the board."""
    return np.uint64(sum(1 << cell for cell in range(BITS * COLUMNS)
                         if all(FULL >> cell + place * step & 1 for place in range(4))))


_DIRECTIONS = tuple((np.uint64(step), _starts(step)) for step in STEPS)


def open_lines(states: Words, worth: LineWorth = LINE_WORTH) -> FloatArray:
    """The heuristic of minimax: lines of four that only whoever moves can still fill, less those of the other, each
    worth ten times as much for every stone that stands in it, or what `worth` says; a win is 1."""
    return _open_lines(states, worth)


@compiled
def _open_lines(states: Words, of_lines: LineWorth) -> FloatArray:
    worth = np.empty(len(states), np.float32)
    for i in range(len(states)):
        worth[i] = np.float32(_balance(states[i, 0], states[i, 1], of_lines)) / np.float32(CERTAIN)
    return worth


@inlined
def _balance(mine: Word, stones: Word, of_lines: LineWorth) -> int:
    """Lines of whoever moves less those of the other, by their worth."""
    return _lines(mine, stones ^ mine, of_lines) - _lines(stones ^ mine, mine, of_lines)


@inlined
def _lines(mine: Word, theirs: Word, of_lines: LineWorth) -> int:
    """What the lines of one player are worth: all that run in one direction are counted side by side, each in the bit
    of the cell that it starts from."""
    worth = 0
    for step, starts in _DIRECTIONS:
        a, b, c, d = mine, mine >> step, mine >> np.uint64(2) * step, mine >> np.uint64(3) * step
        free = starts & ~(theirs | theirs >> step | theirs >> np.uint64(2) * step | theirs >> np.uint64(3) * step)
        odd, both = (a ^ b ^ c ^ d) & free, (a & b) | (c & d)
        four = a & b & c & d & free
        two = (a | b | c | d) & free & ~odd & ~four
        worth += (of_lines[0] * num_bits(odd & ~both) + of_lines[1] * num_bits(two)
                  + of_lines[2] * num_bits(odd & both) + of_lines[3] * num_bits(four))
    return worth


@compiled
def _minimax(states: Words, depth: int) -> FloatArray:
    """[L, 7] of each move, every one with a full window, so that moves that are worth the same are known to be."""
    worth, most = np.full((len(states), COLUMNS), -np.inf, np.float32), (depth + 1) * CERTAIN
    for i in range(len(states)):
        mine, stones = states[i, 0], states[i, 1]
        if aligned(stones ^ mine):
            continue
        winning = wins(mine, stones) & playable(stones)
        for column in range(COLUMNS):
            move = playable(stones) & (np.uint64((1 << ROWS) - 1) << np.uint64(BITS * column))
            if not move:
                continue
            after = stones | move
            if move & winning:
                value = depth * CERTAIN
            elif after == np.uint64(FULL):
                value = 0
            elif depth > 1 and wins(stones ^ mine, after) & playable(after):
                value = (1 - depth) * CERTAIN
            else:
                value = -_negamax(stones ^ mine, after, depth - 1, -most, most)
            worth[i, column] = np.float32(value) / np.float32(CERTAIN)
    return worth


@compiled
def _negamax(mine: Word, stones: Word, depth: int, alpha: int, beta: int) -> int:
    """Of a position in which nobody can win at once, as far as it is looked at. A win counts `CERTAIN` once more for
    every move that is left of the depth."""
    if depth == 0:
        return _balance(mine, stones, LINE_WORTH)
    moves = safe_moves(mine, stones) if depth > 1 else playable(stones)
    best = (1 - depth) * CERTAIN if depth > 1 else -CERTAIN
    for column in FROM_MIDDLE:
        move = moves & column
        if move:
            after, value = stones | move, 0
            if after != np.uint64(FULL):
                value = -_negamax(stones ^ mine, after, depth - 1, -beta, -alpha)
            best = max(best, value)
            alpha = max(alpha, best)
            if alpha >= beta:
                break
    return best
