"""Players that know the rules alone: at random, minimax to a depth, and tree search with random playouts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from pawl.interfaces import ManyBoards
from pawl.keys import fold, stream, uniforms
from pawl.records import Flags, FloatArray, IntArray, KeyArray, Views
from pawl.search.boards import BoardSearch, Evaluate, Positions, part_of, uniform

Heuristic = Callable[[Positions], FloatArray]
"""Positions [L] that are not over -> what they are worth [L] to whoever moves, in (-1, 1)."""

MOST_AT_ONCE = 1 << 23
"""Cells of boards, about, that minimax holds for each move that it looks ahead."""


@dataclass(frozen=True)
class RandomPlayer:
    """Any legal move."""

    rules: ManyBoards
    name: str = "random"

    def choose(self, lines: Sequence[Sequence[int]], states: Positions, keys: KeyArray) -> IntArray:
        return any_of(self.rules.view(states).legal, keys)


class BestPlayer(ABC):
    """Knows what each move is worth, and makes the best; any of several."""

    name: str

    @abstractmethod
    def worth(self, states: Positions) -> FloatArray:
        """[L, A] of each move to whoever makes it, in positions that are not over; -inf where it is illegal."""

    def choose(self, lines: Sequence[Sequence[int]], states: Positions, keys: KeyArray) -> IntArray:
        worth = self.worth(states)
        return any_of(worth == worth.max(axis=1, keepdims=True), keys)


@dataclass(frozen=True)
class MinimaxPlayer(BestPlayer):
    """The best move, if both sides look `depth` moves ahead and judge by a heuristic where the game goes on; without
    one they see wins and losses alone. All lines are looked at."""

    rules: ManyBoards
    depth: int
    heuristic: Heuristic
    name: str = "minimax"

    def worth(self, states: Positions) -> FloatArray:
        views = self.rules.view(states)
        worth = np.full(views.legal.shape, -np.inf, np.float32)
        rows, moves = np.nonzero(views.legal)
        at_once = max(1, MOST_AT_ONCE // (views.boards[0].size * views.legal.shape[1]))
        worth[rows, moves] = self._values(self.rules.step(states[rows], moves.astype(np.int32)), self.depth - 1,
                                          views.players[rows], at_once)
        return worth

    def _values(self, states: Positions, depth: int, players: IntArray, at_once: int) -> FloatArray:
        """[L] to these players [L]. The same win is worth more the sooner it comes."""
        values = np.zeros(len(states), np.float32)
        for start in range(0, len(states), at_once):
            part = slice(start, start + at_once)
            views = self.rules.view(states[part])
            of_mover = views.results * np.float32(1 + depth)
            going = ~views.over
            if going.any():
                of_mover[going] = self._going_on(states[part][going], part_of(views, going), depth, at_once)
            values[part] = np.where(views.players == players[part], of_mover, -of_mover)
        return values

    def _going_on(self, states: Positions, views: Views, depth: int, at_once: int) -> FloatArray:
        """[L] to whoever moves."""
        if depth == 0:
            return self.heuristic(states)
        rows, moves = np.nonzero(views.legal)
        below = self._values(self.rules.step(states[rows], moves.astype(np.int32)), depth - 1, views.players[rows],
                             at_once)
        best: FloatArray = np.maximum.reduceat(below, np.searchsorted(rows, np.arange(len(states))))
        return best


def no_heuristic(states: Positions) -> FloatArray:
    """Every position is worth nothing."""
    return np.zeros(len(states), np.float32)


@dataclass(frozen=True)
class SearchPlayer:
    """The move that a search finds best."""

    search: BoardSearch
    name: str

    def choose(self, lines: Sequence[Sequence[int]], states: Positions, keys: KeyArray) -> IntArray:
        return self.search(states, keys).moves


@dataclass(frozen=True)
class PolicyPlayer:
    """A policy by itself: its likeliest move, or with a temperature a drawn one."""

    rules: ManyBoards
    policy: Callable[[Positions, Views], tuple[FloatArray, FloatArray]]
    name: str
    temperature: float = 0.0

    def choose(self, lines: Sequence[Sequence[int]], states: Positions, keys: KeyArray) -> IntArray:
        priors = self.policy(states, self.rules.view(states))[0]
        if self.temperature == 0:
            likeliest: IntArray = priors.argmax(axis=1).astype(np.int32)
            return likeliest
        most = priors.max(axis=1, keepdims=True)
        cumulative = ((priors.astype(np.float64) / most) ** (1 / self.temperature)).cumsum(axis=1)
        drawn: IntArray = (cumulative <= (uniforms(keys, 3) * cumulative[:, -1])[:, None]).sum(axis=1).astype(np.int32)
        return drawn


def rollout_player(rules: ManyBoards, simulations: int, *, seed: int = 0) -> SearchPlayer:
    """UCT with a random playout at each leaf (Kocsis and Szepesvari 2006), as OpenSpiel's MCTS by default."""
    search = BoardSearch(rules, Playouts(rules, seed), simulations, rule="uct")
    return SearchPlayer(search, f"mcts with {simulations} playouts")


class Playouts:
    """An evaluator: all moves alike, and what a game brings that goes on with moves drawn from a policy, at random
    unless told otherwise. The luck of a playout hangs on the seed, on the board that it begins with, and on the search
    that asks."""

    def __init__(self, rules: ManyBoards, seed: int, policy: Evaluate = uniform) -> None:
        self.rules, self.seed, self.policy = rules, seed, policy

    def __call__(self, states: Positions, views: Views) -> tuple[FloatArray, FloatArray]:
        """Priors [L, A] and values [L], alike for all who ask."""
        return self.drawn(states, views, np.zeros(len(states), np.uint64))

    def drawn(self, states: Positions, views: Views, keys: KeyArray) -> tuple[FloatArray, FloatArray]:
        """Priors [L, A] and values [L] by the luck of keys [L]."""
        priors, _ = uniform(states, views)
        values, places, movers = np.zeros(len(states), np.float32), np.arange(len(states)), views.players
        keys, choices = fold(self._keys(views.boards), keys), np.arange(views.legal.shape[1], dtype=np.uint64)
        for ply in count():
            if not len(places):
                break
            drawn = uniforms(fold(keys[places], ply)[:, None], choices)
            with np.errstate(divide="ignore"):  # the fastest of exponential clocks, whose rates are the chances
                luck = self.policy(states, views)[0] / -np.log(drawn)
            states = self.rules.step(states, luck.argmax(axis=1).astype(np.int32))
            views = self.rules.view(states)
            ended = np.flatnonzero(views.over)
            sign = np.where(views.players == movers[places], 1, -1)
            values[places[ended]] = (sign * views.results)[ended]
            going = ~views.over
            states, places, views = states[going], places[going], part_of(views, going)
        return priors, values

    def _keys(self, boards: FloatArray) -> KeyArray:
        """[L] of boards [L, C, H, W]: a sum of numbers drawn for each cell and what stands in it."""
        cells = np.ascontiguousarray(boards).reshape(len(boards), -1).view(np.uint32).astype(np.uint64)
        drawn = fold(stream(self.seed, "playouts"), np.arange(cells.shape[1], dtype=np.uint64))
        return fold((cells * (drawn | np.uint64(1))).sum(axis=1, dtype=np.uint64), 1)


def any_of(good: Flags | NDArray[np.bool_], keys: KeyArray) -> IntArray:
    """[L] one of the moves that are good [L, A], alike for all of them."""
    luck = uniforms(fold(keys, 11)[:, None], np.arange(good.shape[1], dtype=np.uint64))
    moves: IntArray = np.where(good, luck, -1).argmax(axis=1).astype(np.int32)
    return moves
