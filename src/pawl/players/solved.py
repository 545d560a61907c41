"""An exact player of any small game: all that can follow a position is looked at once, and remembered.

Positions are counted from the ends backwards, so that one is done when all that follow it are. Not covered: games that
come back to a position they left, and games with more positions than fit; connect four has a solver of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

from pawl.compiled import compiled
from pawl.errors import PlayerError
from pawl.interfaces import Game, ManyBoards
from pawl.players.simple import BestPlayer
from pawl.records import FloatArray, IntArray
from pawl.search.boards import Positions

MOST = 500_000
"""Positions that are looked at, in all."""
AT_ONCE = 4096
"""Positions, at most, of which the moves are made side by side."""


class SolvedPlayer(BestPlayer):
    """Keeps what the position is worth when nobody errs afterwards.

    Positions are the same where the game's `key` is, or their arrays in a game with rules of its own for many. Raises
    PlayerError where a game has too many of them, or goes round in a circle.
    """

    name = "exact"

    def __init__(self, game: Game, rules: ManyBoards, *, most: int = MOST) -> None:
        self.game, self.rules, self.most = game, rules, most
        self._numbers: dict[Hashable, int] = {}
        self._first = np.zeros(0, np.float32)
        """[P] what player 0 gets from each numbered position."""

    def worth(self, states: Positions) -> FloatArray:
        views = self.rules.view(states)
        worth = np.full(views.legal.shape, -np.inf, np.float32)
        rows, moves = np.nonzero(views.legal)
        sign = np.where(views.players[rows] == 0, 1, -1)
        worth[rows, moves] = sign * self._first_gets(self.rules.step(states[rows], moves.astype(np.int32)))
        return worth

    def _first_gets(self, states: Positions) -> FloatArray:
        """[L] what player 0 gets."""
        new: dict[Hashable, int] = {}
        numbers, fresh = self._numbered(states, new)
        if len(fresh):
            self._first = np.concatenate((self._first, self._solved(states[fresh], new)))
            self._numbers |= new
        first: FloatArray = self._first[numbers]
        return first

    def _numbered(self, states: Positions, new: dict[Hashable, int]) -> tuple[IntArray, IntArray]:
        """[L] the numbers of positions, and where those that had none before come first, in the order of theirs."""
        known, before = len(self._numbers), len(self._numbers) + len(new)
        numbers = np.empty(len(states), np.int32)
        for i, state in enumerate(states):
            key = self.game.key(state) if states.dtype == object else state.tobytes()
            found = self._numbers.get(key)
            numbers[i] = new.setdefault(key, known + len(new)) if found is None else found
        if known + len(new) > self.most:
            raise PlayerError(f"a game must have {self.most} positions or fewer for its worth to be exact, got more "
                              f"from here on in {self.game.name}", hint="minimax:DEPTH looks some moves ahead")
        unlike, places = np.unique(numbers, return_index=True)
        return numbers, places[unlike >= before].astype(np.int32)

    def _solved(self, states: Positions, new: dict[Hashable, int]) -> FloatArray:
        """What player 0 gets from these, which are the latest of the new ones, and from all that are new below them."""
        known = seen = len(self._numbers)
        signs, worth = [np.ones(known, np.float32)], [self._first]
        parents, children, waiting = list[IntArray](), list[IntArray](), deque([states])
        while waiting:
            states, rest = np.split(waiting.popleft(), [AT_ONCE])
            if len(rest):
                waiting.appendleft(rest)
            views = self.rules.view(states)
            signs.append(np.where(views.players == 0, 1, -1).astype(np.float32))
            worth.append(np.where(views.over, views.results, -np.inf).astype(np.float32) * signs[-1])
            rows, moves = np.nonzero(views.legal)
            parents.append(rows.astype(np.int32) + np.int32(seen))  # their numbers are the order in which they waited
            seen += len(states)
            after = self.rules.step(states[rows], moves.astype(np.int32))
            numbers, fresh = self._numbered(after, new)
            children.append(numbers)
            if len(fresh):
                waiting.append(after[fresh])
        first = np.concatenate(worth)
        if not _settled(first, np.concatenate(signs), np.concatenate(parents), np.concatenate(children)):
            raise PlayerError("a game must not come back to a position that it left for its worth to be exact, got "
                              f"{self.game.name}", hint="let a position say how many moves were made")
        return first[known:]


def _settled(first: FloatArray, signs: FloatArray, parents: IntArray, children: IntArray) -> bool:
    """Whether all positions [P] could be settled, by moves [E] from one to another; `first` [P] holds what player 0
    gets then."""
    pending = np.bincount(parents, minlength=len(first)).astype(np.int32)
    starts = np.concatenate((np.zeros(1, np.int64), np.bincount(children, minlength=len(first)).cumsum()))
    return _settle(first, signs, pending, starts, parents[np.argsort(children, kind="stable")]) == len(first)


@compiled
def _settle(first: FloatArray, signs: FloatArray, pending: IntArray, starts: NDArray[np.int64], parents: IntArray
            ) -> int:
    """How many were settled: each when all `pending` [P] that follow it are. `parents` [E] of position p are those from
    starts[p] on."""
    order, count, done = np.empty(len(first), np.int32), 0, 0
    for position in range(len(first)):
        if pending[position] == 0:
            order[count] = position
            count += 1
    while done < count:
        position = order[done]
        done += 1
        for edge in range(starts[position], starts[position + 1]):
            parent = parents[edge]
            if signs[parent] * first[position] > signs[parent] * first[parent]:
                first[parent] = first[position]
            pending[parent] -= 1
            if pending[parent] == 0:
                order[count] = parent
                count += 1
    return count
