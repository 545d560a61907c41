"""What every game of two has besides its rules: openings as problems, a game's moves as an answer, truth.

A game of one's own is a class with the rules:

    class Nim(BoardGame):
        name, moves, shape = "nim", 3, (1, 1, 21)

        def first(self): ...                    # the first position
        def player(self, state): ...            # who moves, 0 or 1
        def actions(self, state): ...           # legal moves, numbers below `moves`
        def step(self, state, action): ...      # the position after one
        def terminal(self, state): ...
        def returns(self, state): ...           # what each player got
        def observe(self, state): ...           # [C, H, W] as whoever moves sees it
        def show(self, state): ...              # for people

Positions that can be hashed need no `key`; moves are called by their numbers until `move_name` says otherwise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from pawl.interfaces import IllegalAction
from pawl.keys import stream
from pawl.records import FloatArray, Problem, Split, Symmetry
from pawl.tasks.splits import split_of

OPENING_MOVES = 6
"""Random moves, at most, of an opening."""
PATIENCE = 300
"""Openings in a row that brought no new position, after which there are none left."""
LONGEST_ANSWER = 100_000
"""Characters of an answer that are read."""


class BoardGame(ABC):
    """A game of two by its rules. See `pawl.interfaces.Game` for what each method promises."""

    name: str
    moves: int
    shape: tuple[int, int, int]
    opening_moves: int = OPENING_MOVES

    @abstractmethod
    def first(self) -> Any: ...

    @abstractmethod
    def player(self, state: Any) -> int: ...

    @abstractmethod
    def actions(self, state: Any) -> Sequence[int]: ...

    @abstractmethod
    def step(self, state: Any, action: int) -> Any: ...

    @abstractmethod
    def terminal(self, state: Any) -> bool: ...

    @abstractmethod
    def returns(self, state: Any) -> tuple[float, float]: ...

    @abstractmethod
    def observe(self, state: Any) -> FloatArray: ...

    @abstractmethod
    def show(self, state: Any) -> str: ...

    def key(self, state: Any) -> Hashable:
        key: Hashable = state
        return key

    def move_name(self, state: Any, action: int) -> str:
        return str(action)

    def parse_move(self, state: Any, text: str) -> int:
        wanted = text.strip().lower()
        for action in self.actions(state):
            if self.move_name(state, action).lower() == wanted:
                return action
        raise IllegalAction(f"a move must be one of {', '.join(self.legal_names(state)[:12])}; got {text[:20]!r}")

    def legal_names(self, state: Any) -> list[str]:
        """What the legal moves are called."""
        return [self.move_name(state, action) for action in self.actions(state)]

    def symmetries(self) -> Sequence[Symmetry]:
        return ()

    def start(self, problem: Problem | None = None) -> Any:
        return self.after(problem.data["moves"] if problem is not None else ())

    def after(self, moves: Sequence[int]) -> Any:
        """The position after moves from the first one. Raises IllegalAction."""
        state = self.first()
        for move in moves:
            state = self.step(state, move)
        return state

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        """Openings of up to `opening_moves` random moves, none of which ends the game, each position once."""
        random = np.random.default_rng(stream(seed, self.name, "openings"))
        found: dict[Hashable, Problem] = {}
        seen: set[Hashable] = set()
        fruitless = 0
        while len(found) < count and fruitless < PATIENCE:
            state, moves = self.first(), list[int]()
            for _ in range(int(random.integers(self.opening_moves + 1))):
                legal = self.actions(state)
                moves.append(int(legal[int(random.integers(len(legal)))]))
                state = self.step(state, moves[-1])
                if self.terminal(state):
                    break
            key = self.key(state)
            fruitless = fruitless + 1 if key in seen else 0
            if key not in seen and not self.terminal(state) and split_of(f"{self.name} {key!r}") == split:
                found[key] = self.problem(moves, split)
            seen.add(key)
        return list(found.values())

    def problem(self, moves: Sequence[int], split: Split) -> Problem:
        """To play on after these moves."""
        names, state = list[str](), self.first()
        for move in moves:
            names.append(self.move_name(state, move))
            state = self.step(state, move)
        written = " ".join(names)
        return Problem(f"{self.name}: {written}".strip(), f"{self.name} {written}".strip(), split,
                       data={"moves": [int(move) for move in moves]})

    def score(self, problem: Problem, answer: str) -> float:
        """What player 0 got, in [0, 1], when these moves followed the opening; 0 where they are no whole game."""
        state = self.start(problem)
        try:
            for name in answer[:LONGEST_ANSWER].split():
                state = self.step(state, self.parse_move(state, name))
        except IllegalAction:
            return 0.0
        return (self.returns(state)[0] + 1) / 2 if self.terminal(state) else 0.0
