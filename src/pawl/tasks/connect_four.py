"""Connect four: four in a row on a board of seven columns and six rows, in which stones fall to the bottom.

A position is two words of seven bits a column, from the bottom, the seventh of which stays empty: the stones of whoever
moves, and all stones (Tromp's Fhourstones; Pons, "Solving Connect 4", part 6). Neighbours in a line are bits at one
distance of each other, and the bit that stays empty keeps columns apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pawl.compiled import compiled, inlined
from pawl.config import settings
from pawl.interfaces import IllegalAction
from pawl.keys import stream
from pawl.records import FloatArray, IntArray, Problem, Split, Symmetry, Views
from pawl.tasks.board_game import BoardGame
from pawl.tasks.connect_four_positions import balanced_openings

COLUMNS, ROWS = 7, 6
BITS = ROWS + 1
"""Of a column."""
FULL = sum(((1 << ROWS) - 1) << (BITS * column) for column in range(COLUMNS))
BOTTOM = sum(1 << (BITS * column) for column in range(COLUMNS))
STEPS = (1, BITS - 1, BITS, BITS + 1)
"""Distances of neighbours in a line: upwards, diagonally down, along a row, diagonally up."""

State = tuple[int, int]
"""The stones of whoever moves, and all."""
Word = np.uint64
Words = NDArray[Word]


@settings
class ConnectFour(BoardGame):
    """The game; a move is a column, 1 to 7 for people."""

    opening_moves: int = 8
    """Random moves, at most, of an opening."""

    name = "connect_four"
    moves = COLUMNS
    shape = (2, ROWS, COLUMNS)

    def first(self) -> State:
        return 0, 0

    def player(self, state: State) -> int:
        return state[1].bit_count() % 2

    def actions(self, state: State) -> list[int]:
        if self.terminal(state):
            return []
        return [column for column in range(COLUMNS) if not state[1] >> (BITS * column + ROWS - 1) & 1]

    def step(self, state: State, action: int) -> State:
        if action not in self.actions(state):
            raise IllegalAction(f"a stone must fall into a column that is not full, got {action}")
        mine, stones = state
        return stones ^ mine, stones | (stones + (1 << BITS * action))

    def terminal(self, state: State) -> bool:
        mine, stones = state
        return stones == FULL or four_in_a_row(stones ^ mine)

    def returns(self, state: State) -> tuple[float, float]:
        mine, stones = state
        if not four_in_a_row(stones ^ mine):
            return 0.0, 0.0
        return (-1.0, 1.0) if self.player(state) == 0 else (1.0, -1.0)

    def observe(self, state: State) -> FloatArray:
        """[2, 6, 7] the stones of whoever moves, and the other's; the first row is the top one."""
        board: FloatArray = self.many().view(np.array([state], np.uint64)).boards[0]
        return board

    def show(self, state: State) -> str:
        mine, stones = state
        names = "xo" if self.player(state) == 0 else "ox"
        rows = []
        for row in reversed(range(ROWS)):
            bits = [BITS * column + row for column in range(COLUMNS)]
            rows.append(" ".join("." if not stones >> bit & 1 else names[0] if mine >> bit & 1 else names[1]
                                 for bit in bits))
        return "\n".join([*rows, " ".join(map(str, range(1, COLUMNS + 1)))])

    def move_name(self, state: State, action: int) -> str:
        return str(action + 1)

    def symmetries(self) -> tuple[Symmetry, ...]:
        """Left and right."""
        columns = np.arange(COLUMNS, dtype=np.int32)[::-1].copy()
        return (Symmetry((np.arange(ROWS, dtype=np.int32)[:, None] * COLUMNS + columns).ravel(), columns),)

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        """Openings; those of the test are balanced: neither side wins if nobody errs. There are a hundred of them."""
        if split != "test":
            return super().problems(split, count, seed)
        openings = balanced_openings()
        order = np.random.default_rng(stream(seed, self.name, "openings")).permutation(len(openings))
        return [self.problem(openings[place], split) for place in order[:count]]

    def many(self) -> ManyConnectFour:
        return ManyConnectFour()


def four_in_a_row(stones: int) -> bool:
    """Whether the stones of one player hold four in a row."""
    for step in STEPS:
        pairs = stones & stones >> step
        if pairs & pairs >> 2 * step:
            return True
    return False


class ManyConnectFour:
    """The same rules for positions [L, 2] of words."""

    def start(self, openings: Sequence[Sequence[int]]) -> Words:
        """[L, 2] positions after these moves."""
        states = np.zeros((len(openings), 2), np.uint64)
        longest = max(map(len, openings), default=0)
        for turn in range(longest):
            rows = np.array([row for row, moves in enumerate(openings) if len(moves) > turn])
            states[rows] = self.step(states[rows], np.array([openings[row][turn] for row in rows], np.int32))
        return states

    def step(self, states: Words, moves: IntArray) -> Words:
        """[L, 2] positions after legal moves [L]."""
        return _stepped(states, moves)

    def view(self, states: Words) -> Views:
        """What is to be seen of positions [L, 2]."""
        return Views(*_seen(states))


@compiled
def _stepped(states: Words, moves: IntArray) -> Words:
    after = np.empty_like(states)
    for i in range(len(states)):
        mine, stones = states[i, 0], states[i, 1]
        after[i, 0] = stones ^ mine
        after[i, 1] = stones | (stones + (np.uint64(1) << np.uint64(BITS * moves[i])))
    return after


@compiled
def _seen(states: Words) -> tuple[FloatArray, NDArray[np.bool_], IntArray, NDArray[np.bool_], FloatArray]:
    count, one = len(states), np.uint64(1)
    boards, legal = np.zeros((count, 2, ROWS, COLUMNS), np.float32), np.zeros((count, COLUMNS), np.bool_)
    players, over, results = np.zeros(count, np.int32), np.zeros(count, np.bool_), np.zeros(count, np.float32)
    for i in range(count):
        mine, stones = states[i, 0], states[i, 1]
        number = 0
        for column in range(COLUMNS):
            for row in range(ROWS):
                bit = np.uint64(BITS * column + row)
                if stones >> bit & one:
                    number += 1
                    whose = 0 if mine >> bit & one else 1
                    boards[i, whose, ROWS - 1 - row, column] = 1
        players[i] = number % 2
        lost = aligned(stones ^ mine)
        over[i] = lost or stones == np.uint64(FULL)
        if lost:
            results[i] = -1
        if not over[i]:
            for column in range(COLUMNS):
                legal[i, column] = not stones >> np.uint64(BITS * column + ROWS - 1) & one
    return boards, legal, players, over, results


@inlined
def aligned(stones: Word) -> bool:
    """`four_in_a_row` of a word of 64 bits."""
    for step in STEPS:
        pairs = stones & stones >> np.uint64(step)
        if pairs & pairs >> np.uint64(2 * step):
            return True
    return False
