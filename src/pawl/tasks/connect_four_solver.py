"""Connect four solved: what a position is worth when both sides play without a mistake.

Alpha-beta search in the form of negamax over positions as words (see `connect_four.py`), with null windows, a table of
bounds, moves that lose at once left out, and those that make the most threats first (Pons, "Solving Connect 4", parts 4
to 9). Scores count stones: half of the empty cells that are left when the game is won, as in his; so the sooner a win
or the later a loss, the larger.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pawl.compiled import compiled, inlined
from pawl.records import IntArray
from pawl.tasks.connect_four import BITS, BOTTOM, COLUMNS, FULL, ROWS, STEPS, State, Word, Words, aligned

CELLS = COLUMNS * ROWS
LEAST, MOST = -CELLS // 2 + 3, (CELLS + 1) // 2 - 3
"""Scores that a game can have."""
TABLE = 8_388_593
"""Positions that the table has room for, of 9 bytes each; prime, so that their places hang on all columns."""

Bounds = NDArray[np.int8]

_FULL, _BOTTOM = np.uint64(FULL), np.uint64(BOTTOM)
_ONE = np.uint64(1)
FROM_MIDDLE = tuple(np.uint64(((1 << ROWS) - 1) << (BITS * column)) for column in (3, 2, 4, 1, 5, 0, 6))
"""From the middle, where more lines cross."""
_UP = np.uint64(STEPS[0])
_ACROSS = tuple(np.uint64(step) for step in STEPS[1:])


class Solver:
    """Solves positions one after the other, and remembers what it found on the way."""

    def __init__(self, room: int = TABLE) -> None:
        """`room` is how many positions it remembers; a newer one takes the place of an older one."""
        self._keys, self._bounds = np.zeros(room, np.uint64), np.zeros(room, np.int8)

    def score(self, state: State, *, weak: bool = False) -> int:
        """Of a position that is not over, for whoever moves; `weak` only says who wins: 1, 0 or -1."""
        words = np.array([state], np.uint64)
        return int(_solve(words[0, 0], words[0, 1], weak, self._keys, self._bounds))

    def scores(self, states: Sequence[State], *, weak: bool = False) -> IntArray:
        """[L, 7] of each move in each position, for whoever makes it; `ILLEGAL` where it is none."""
        return _scores(np.array(states, np.uint64).reshape(-1, 2), weak, self._keys, self._bounds)


ILLEGAL = -1000
"""In place of a score."""


@compiled
def _scores(states: Words, weak: bool, keys: Words, bounds: Bounds) -> IntArray:
    scores = np.full((len(states), COLUMNS), ILLEGAL, np.int32)
    for i in range(len(states)):
        mine, stones = states[i, 0], states[i, 1]
        for column in range(COLUMNS):
            if stones >> np.uint64(BITS * column + ROWS - 1) & _ONE:
                continue
            after = stones | (stones + (_ONE << np.uint64(BITS * column)))
            if aligned(mine | (after ^ stones)):
                scores[i, column] = 1 if weak else (CELLS + 1 - num_bits(stones)) // 2
            elif after == _FULL:
                scores[i, column] = 0
            else:
                scores[i, column] = -_solve(stones ^ mine, after, weak, keys, bounds)
    return scores


@compiled
def _solve(mine: Word, stones: Word, weak: bool, keys: Words, bounds: Bounds) -> int:
    """By null windows that halve what it may be."""
    made = num_bits(stones)
    if wins(mine, stones) & playable(stones):
        return 1 if weak else (CELLS + 1 - made) // 2
    low, high = -((CELLS - made) // 2), (CELLS + 1 - made) // 2
    if weak:
        low, high = -1, 1
    moves, threats = np.zeros((CELLS + 1, COLUMNS), np.uint64), np.zeros((CELLS + 1, COLUMNS), np.int64)
    while low < high:
        middle = low + (high - low) // 2
        if middle <= 0 and -(-low // 2) < middle:
            middle = -(-low // 2)
        elif middle >= 0 and high // 2 > middle:
            middle = high // 2
        found = _negamax(mine, stones, made, middle, middle + 1, keys, bounds, moves, threats)
        if found <= middle:
            high = found
        else:
            low = found
    return min(max(low, -1), 1) if weak else low  # what was found may lie beyond the window


@compiled
def _negamax(mine: Word, stones: Word, made: int, alpha: int, beta: int, keys: Words, bounds: Bounds, moves: Words,
             threats: NDArray[np.int64]) -> int:
    """The score within a window, of a position in which nobody can win at once; `moves` and `threats` are room for each
    depth."""
    safe = safe_moves(mine, stones)
    if safe == np.uint64(0):
        return -((CELLS - made) // 2)
    if made >= CELLS - 2:
        return 0
    alpha = max(alpha, -((CELLS - 2 - made) // 2))
    if alpha >= beta:
        return alpha
    key = mine + stones + _BOTTOM
    place = key % np.uint64(len(keys))
    most = (CELLS - 1 - made) // 2
    if keys[place] == key:
        bound = int(bounds[place])
        if bound > MOST - LEAST + 1:  # from below
            alpha = max(alpha, bound + 2 * LEAST - MOST - 2)
        else:
            most = min(most, bound + LEAST - 1)
    beta = min(beta, most)
    if alpha >= beta:
        return beta if most <= alpha else alpha
    count = 0
    for column in FROM_MIDDLE:
        move = safe & column
        if move:
            value = num_bits(wins(mine | move, stones | move))
            at = count
            while at > 0 and threats[made, at - 1] < value:
                moves[made, at], threats[made, at] = moves[made, at - 1], threats[made, at - 1]
                at -= 1
            moves[made, at], threats[made, at] = move, value
            count += 1
    for at in range(count):
        after = stones | moves[made, at]
        found = -_negamax(stones ^ mine, after, made + 1, -beta, -alpha, keys, bounds, moves, threats)
        if found >= beta:
            keys[place], bounds[place] = key, found + MOST - 2 * LEAST + 2
            return found
        alpha = max(alpha, found)
    keys[place], bounds[place] = key, alpha - LEAST + 1
    return alpha


@inlined
def playable(stones: Word) -> Word:
    """The cells that a stone can fall to."""
    return (stones + _BOTTOM) & _FULL


@inlined
def safe_moves(mine: Word, stones: Word) -> Word:
    """Moves after which the other cannot win at once."""
    moves, theirs = playable(stones), wins(stones ^ mine, stones)
    forced = moves & theirs
    if forced:
        if forced & (forced - _ONE):
            return np.uint64(0)  # two at once
        moves = forced
    return moves & ~(theirs >> _ONE)


@inlined
def wins(mine: Word, stones: Word) -> Word:
    """Empty cells, whether a stone can fall to them or not, that would make four in a row."""
    found = (mine << _UP) & (mine << _UP * np.uint64(2)) & (mine << _UP * np.uint64(3))
    for step in _ACROSS:
        two, three = step * np.uint64(2), step * np.uint64(3)
        pair = (mine << step) & (mine << two)
        found |= pair & ((mine << three) | (mine >> step))
        pair = (mine >> step) & (mine >> two)
        found |= pair & ((mine << step) | (mine >> three))
    return found & (_FULL ^ stones)


@inlined
def num_bits(word: Word) -> int:
    """Bits that are set (Warren, "Hacker's Delight", section 5-1)."""
    word = word - ((word >> _ONE) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int(np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56)))
