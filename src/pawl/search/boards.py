"""Tree search of games of two: the positions of many games side by side, in arrays.

What the trees of `forest.py` are about when they are about boards: where a position stands, which moves its actions
are, and what an evaluator said of it. Ends of a game are worth what its rules say, for sure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from pawl.errors import ConfigError
from pawl.interfaces import ManyBoards
from pawl.records import Flags, FloatArray, IntArray, KeyArray, Views
from pawl.search.forest import search
from pawl.search.graph import regrown
from pawl.search.mcts import Name, numbers_of
from pawl.search.noise import with_luck
from pawl.search.rules import Rule
from pawl.search.tree import NONE, Leaves, Tree

Positions = NDArray[Any]
"""[L, ...] as `ManyBoards` keeps them."""

REACH = 1.0
"""The most that a player can get."""

Evaluate = Callable[[Positions, Views], tuple[FloatArray, FloatArray]]
"""Positions [L], none of which is an end, and what is to be seen of them -> priors [L, A], 0 where a move is illegal,
and values [L] for whoever moves, in [-1, 1]."""


@runtime_checkable
class DrawsLuck(Protocol):
    """An evaluator in which there is luck."""

    def __call__(self, states: Positions, views: Views) -> tuple[FloatArray, FloatArray]: ...

    def drawn(self, states: Positions, views: Views, keys: KeyArray) -> tuple[FloatArray, FloatArray]:
        """The same by the luck of the searches that ask: their keys [L], one and the same for all positions of one."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """What searches say of B positions, none of which is an end. Values are those of whoever moves."""

    moves: IntArray
    """[B] to make."""
    policy: FloatArray
    """[B, A] the policy target: completed Q's improved policy for Gumbel, else shares of visits."""
    visits: IntArray
    """[B, A]"""
    q: FloatArray
    """[B, A] of each move, as far as it is known; of one that was never looked at, the position's."""
    values: FloatArray
    """[B]"""
    priors: FloatArray
    """[B, A] the evaluator's, without noise."""
    estimates: FloatArray
    """[B] the evaluator's, before the search."""
    players: IntArray
    """[B] who moves."""


@dataclass(frozen=True)
class BoardSearch:
    """A search made with rules and what evaluates."""

    rules: ManyBoards
    evaluate: Evaluate
    simulations: int = 32
    """Walks down each tree."""
    rule: Name | Rule = "gumbel"
    considered: int = 16
    """Moves at the root that sequential halving compares."""
    noise: bool = False
    """Luck at the root, for targets that explore: Gumbel noise on the log priors for gumbel, Dirichlet noise in the
    priors for the others. Without, the search is a player."""
    noise_share: float = 0.25
    """Of the priors that are Dirichlet noise."""
    noise_total: float = 10.0
    """Sum of its parameters, alike for all moves."""

    def __post_init__(self) -> None:
        if self.simulations < 1 or self.considered < 1:
            raise ConfigError("a tree search must have a simulation or more and consider a move or more, got "
                              f"{self.simulations} and {self.considered}")

    def __call__(self, states: Positions, keys: KeyArray) -> Found:
        """What to do in the positions [B]; keys [B]."""
        return self.begin()(states, keys)

    def begin(self) -> Walker:
        """For positions of games that go on: each search may begin with what the last one found."""
        return Walker(self)

    @property
    def numbers(self) -> Rule:
        """The rule as the trees take it."""
        return numbers_of(self.rule)


class Walker:
    """Searches of the same games, one position after the other."""

    def __init__(self, made: BoardSearch) -> None:
        self.made = made
        self.last: tuple[Tree, _Grown] | None = None

    def __call__(self, states: Positions, keys: KeyArray, *, rows: IntArray | None = None,
                 moves: IntArray | None = None) -> Found:
        """What to do in the positions [B]; keys [B]. Where one came from a position of the last search, `rows` [B] says
        which, and `moves` [B] by which move; NONE where it did not. What lies below is kept then, with its visits,
        values and bounds."""
        made, tree = self.made, None
        grown = _Grown(made, states, keys)
        if self.last is not None and rows is not None and moves is not None:
            tree = grown.keep(*self.last, rows, moves)
        roots = grown.roots(tree)
        clean, noise = roots.priors, None
        if made.noise:
            roots, noise = with_luck(roots, keys, made.numbers, share=made.noise_share, total=made.noise_total)
        found = search(roots, grown.evaluate, rule=made.numbers, simulations=made.simulations, noise=noise,
                       considered=made.considered, kept=tree, reach=REACH)
        self.last = found.tree, grown
        return grown.found(found.tree, found.actions, found.policy, clean, roots)


class _Grown:
    """What the numbers of B trees stand for: positions, and the moves that their actions are."""

    def __init__(self, made: BoardSearch, states: Positions, keys: KeyArray) -> None:
        self.made, self.keys = made, keys
        self.states = np.empty((len(states), 2 + made.simulations, *states.shape[1:]), states.dtype)
        """[B, N, ...]"""
        self.states[:, 0] = states
        self.moves = np.zeros((*self.states.shape[:2], 1), np.int32)
        """[B, N, width] of each action."""
        self.sizes = np.ones(len(states), np.int32)
        self.total = 0
        """Moves that the game has; known when a position has been seen."""

    @property
    def width(self) -> int:
        return int(self.moves.shape[2])

    def keep(self, tree: Tree, before: _Grown, rows: IntArray, moves: IntArray) -> Tree:
        """Of the trees `before`, what lies below the moves [B] of their roots `rows` [B]."""
        came = rows != NONE
        which, starts = np.where(came, rows, 0), np.full(len(rows), NONE, np.int32)
        hits = (before.moves[which, 0] == moves[:, None]) & (tree.edges["prior"][which, 0] > 0) & came[:, None]
        there = hits.any(axis=1)
        starts[there] = tree.edges["child"][which[there], 0, hits[there].argmax(axis=1)]
        kept, orders = regrown(tree, which.astype(np.int32), starts)
        most = max(map(len, orders), default=0)
        self._enlarge(most + 1 + self.made.simulations, before.width)
        for b, order in enumerate(orders):
            if len(order):
                self.states[b, 1 : len(order)] = before.states[which[b], order[1:]]
                self.moves[b, : len(order)] = before.moves[which[b], order]
                self.sizes[b] = len(order)
        self.total = before.total
        return kept

    def roots(self, kept: Tree | None) -> Leaves:
        """Those that were not kept are evaluated."""
        count = len(self.states)
        bare = np.arange(count) if kept is None else np.flatnonzero(kept.sizes == 0)
        leaves = self._looked_at(self.states[bare, 0], bare, np.zeros_like(bare))
        if kept is None:
            return leaves
        priors, estimates = np.zeros((count, self.width), np.float32), kept.nodes["estimate"][:, 0].copy()
        players = kept.nodes["player"][:, 0].copy()
        priors[:, : kept.edges.shape[2]] = kept.edges["prior"][:, 0]
        priors[bare], estimates[bare], players[bare] = leaves.priors, leaves.estimates, leaves.players
        never = np.zeros(count, np.bool_)
        return Leaves(priors, estimates, players, never, never)

    def evaluate(self, rows: IntArray, nodes: IntArray, actions: IntArray) -> Leaves:
        """What lies where actions lead, at most one in each tree."""
        found = self.made.rules.step(self.states[rows, nodes], self.moves[rows, nodes, actions])
        places = self.sizes[rows]
        if places.max() >= self.states.shape[1]:
            self._enlarge(2 * self.states.shape[1], self.width)
        self.states[rows, places] = found
        self.sizes[rows] += 1
        return self._looked_at(found, rows, places)

    def _looked_at(self, states: Positions, rows: IntArray | NDArray[np.intp],
                   places: IntArray | NDArray[np.intp]) -> Leaves:
        """What rules and evaluator say of positions, whose moves are noted."""
        if not len(states):
            none = np.zeros(0, np.bool_)
            return Leaves(np.zeros((0, self.width), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32), none,
                          none)
        views = self.made.rules.view(states)
        self.total = views.legal.shape[1]
        priors, values = np.zeros(views.legal.shape, np.float32), views.results.astype(np.float32)
        open_ = ~views.over
        if open_.all():
            priors, values = self._evaluated(states, views, rows)
        elif open_.any():
            priors[open_], values[open_] = self._evaluated(states[open_], part_of(views, open_), rows[open_])
        packed, moves = _packed(priors, views.legal, self.width)
        if moves.shape[1] > self.width:
            self._enlarge(self.states.shape[1], moves.shape[1])
        self.moves[rows, places] = moves
        return Leaves(packed, values, views.players, views.over, views.over)

    def _evaluated(self, states: Positions, views: Views, rows: IntArray | NDArray[np.intp]
                   ) -> tuple[FloatArray, FloatArray]:
        evaluate = self.made.evaluate
        if isinstance(evaluate, DrawsLuck):
            return evaluate.drawn(states, views, self.keys[rows])
        return evaluate(states, views)

    def _enlarge(self, nodes: int, width: int) -> None:
        """Room for so many positions of a tree and moves of a position."""
        count, before, narrow = self.moves.shape
        states = np.empty((count, max(nodes, before), *self.states.shape[2:]), self.states.dtype)
        moves = np.zeros((count, max(nodes, before), max(width, narrow)), np.int32)
        states[:, :before], moves[:, :before, :narrow] = self.states, self.moves
        self.states, self.moves = states, moves

    def found(self, tree: Tree, actions: IntArray, policy: FloatArray, priors: FloatArray, roots: Leaves) -> Found:
        """By moves."""
        edges, rows = tree.edges[:, 0, : priors.shape[1]], np.arange(len(actions))  # a root has no more than these
        there = priors > 0
        moves = np.nonzero(there)[0], self.moves[:, 0, : there.shape[1]][there]
        node = tree.nodes[:, 0]
        value = np.clip(node["value"], node["lower"], node["upper"]).astype(np.float32)  # what is sure is
        below = tree.nodes[rows[:, None], np.maximum(edges["child"], 0)]
        sign = np.where(below["player"] == node["player"][:, None], 1, -1)
        known = np.clip(below["value"], below["lower"], below["upper"]) * sign
        q = np.where((edges["child"] != NONE) & (below["visits"] > 0), known, value[:, None]).astype(np.float32)

        def by_move(numbers: NDArray[Any], otherwise: Any = 0) -> NDArray[Any]:
            spread = np.empty((len(rows), self.total), numbers.dtype)
            spread[:] = otherwise
            spread[moves] = numbers[:, : there.shape[1]][there]
            return spread

        return Found(self.moves[rows, 0, actions], by_move(policy), by_move(edges["visits"]),
                     by_move(q, value[:, None]), value, by_move(priors), roots.estimates, roots.players)


def part_of(views: Views, chosen: Flags) -> Views:
    """Of some positions only."""
    return Views(views.boards[chosen], views.legal[chosen], views.players[chosen], views.over[chosen],
                 views.results[chosen])


def _packed(priors: FloatArray, legal: Flags, width: int) -> tuple[FloatArray, IntArray]:
    """Priors [L, W] of legal moves alone, and which they are; W is the most that a position has, or `width`."""
    counts = legal.sum(axis=1)
    rows, moves = np.nonzero(legal)
    places = np.arange(len(rows)) - np.repeat(counts.cumsum() - counts, counts)
    shape = len(legal), max(width, int(counts.max(initial=1)))
    packed, numbers = np.zeros(shape, np.float32), np.zeros(shape, np.int32)
    packed[rows, places] = np.maximum(priors[rows, moves], np.finfo(np.float32).tiny)
    numbers[rows, places] = moves
    return packed, numbers


def uniform(states: Positions, views: Views) -> tuple[FloatArray, FloatArray]:
    """An evaluator that knows nothing: all moves alike, worth nothing."""
    counts = np.maximum(views.legal.sum(axis=1, keepdims=True), 1)
    return (views.legal / counts).astype(np.float32), np.zeros(len(views.legal), np.float32)


