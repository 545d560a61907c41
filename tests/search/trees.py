"""Worlds with known answers for searches: trees and graphs of random values, what backward induction says of them, and
a searched tree as text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pawl.search.tree import Leaves, Tree

Path = tuple[int, ...]


@dataclass
class RandomTree:
    """Every node but those at the bottom has all its actions; the bottom's values are random, from the view of player
    0. With two players they alternate, and player 1 wants the least."""

    depth: int
    actions: int
    two_players: bool
    seed: int

    @cached_property
    def bottom(self) -> Any:
        return np.random.default_rng(self.seed).uniform(-1, 1, (self.actions,) * self.depth).astype(np.float32)

    def player(self, path: Path) -> int:
        return len(path) % 2 if self.two_players else 0

    def value(self, path: Path) -> float:
        """Backward induction, from the view of whoever moves."""
        if len(path) == self.depth:
            return float(self.bottom[path]) * (-1 if self.player(path) else 1)
        turn = -1 if self.two_players else 1
        return max(turn * self.value((*path, a)) for a in range(self.actions))


class Explorer:
    """Plays `evaluate` for several of them side by side."""

    def __init__(self, trees: list[RandomTree], *, perfect: bool, exact: bool = False, even: float = 10.0,
                 seed: int = 0) -> None:
        """Values are backward induction's or, until the bottom, random. Priors are random, and the more even the
        larger `even` is."""
        self.trees, self.perfect, self.exact, self.even = trees, perfect, exact, even
        self.random = np.random.default_rng(seed)
        self.paths: list[list[Path]] = [[()] for _ in trees]

    def roots(self) -> Leaves:
        return self._leaves(range(len(self.trees)), [()] * len(self.trees))

    def __call__(self, rows: Any, nodes: Any, actions: Any) -> Leaves:
        found = [(*self.paths[b][node], int(a)) for b, node, a in zip(rows, nodes, actions, strict=True)]
        for b, path in zip(rows, found, strict=True):
            self.paths[b].append(path)
        return self._leaves(rows, found)

    def find(self, rows: Any, nodes: Any, actions: Any) -> Any:
        """No two paths lead to one place: every node is new."""
        return np.array([len(self.paths[b]) + int((rows[:i] == b).sum()) for i, b in enumerate(rows)], np.int32)

    def _leaves(self, rows: Any, paths: list[Path]) -> Leaves:
        trees = [self.trees[b] for b in rows]
        ends = np.array([len(path) == tree.depth for tree, path in zip(trees, paths, strict=True)])
        count = trees[0].actions
        priors = (np.full((len(paths), count), 1 / count) if np.isinf(self.even)
                  else self.random.dirichlet(np.full(count, self.even), len(paths))).astype(np.float32)
        values = [tree.value(path) if self.perfect or end else self.random.uniform(-1, 1)
                  for tree, path, end in zip(trees, paths, ends, strict=True)]
        players = np.array([tree.player(path) for tree, path in zip(trees, paths, strict=True)], np.int32)
        priors[ends] = 0
        return Leaves(priors, np.array(values, np.float32), players, ends, ends & self.exact)


@dataclass
class RandomGraph:
    """Layers of states; an action leads to any state of the next, so that many ways lead to one. The last layer's
    values are random, from the view of player 0. With two players they alternate. With `loops`, some actions lead back
    instead, and a path that does not end is worth nothing."""

    layers: int
    width: int
    actions: int
    two_players: bool
    seed: int
    loops: bool = False

    @cached_property
    def ways(self) -> Any:
        """[layers, width, actions] the next state, as layer * width + place."""
        random = np.random.default_rng(self.seed)
        shape = (self.layers, self.width, self.actions)
        layer = np.arange(1, self.layers + 1)[:, None, None] * self.width
        back = random.integers(layer, size=shape)
        onward = layer + random.integers(self.width, size=shape)
        return np.where(self.loops & (random.uniform(size=shape) < 0.4), back, onward)

    @cached_property
    def bottom(self) -> Any:
        return np.random.default_rng(self.seed + 1).uniform(0.1, 1, self.width).astype(np.float32)

    def ended(self, state: int) -> bool:
        return state >= self.layers * self.width

    def player(self, state: int) -> int:
        return state // self.width % 2 if self.two_players else 0

    @cached_property
    def values(self) -> Any:
        """[states] from the view of whoever moves, by sweeps until nothing changes."""
        players = np.array([self.player(state) for state in range((self.layers + 1) * self.width)])
        ends = self.bottom * np.where(players[-self.width :], -1, 1)
        values = np.concatenate((np.zeros(self.layers * self.width), ends))
        for _ in range(2 * self.layers * self.width):
            turns = np.where(players[self.ways] == players[:-self.width].reshape(self.layers, self.width, 1), 1, -1)
            values[: -self.width] = (turns * values[self.ways]).max(axis=2).ravel()
        return values


class Mapper:
    """Plays `evaluate` and `find` for several graphs side by side; without `find` they are searched as trees."""

    def __init__(self, graphs: list[RandomGraph], *, exact: bool) -> None:
        """Values are random until the end, which is worth what it is worth, known for sure if `exact`."""
        self.graphs, self.exact = graphs, exact
        self.states = [[0] for _ in graphs]
        self.numbers: list[dict[int, int]] = [{0: 0} for _ in graphs]

    def roots(self) -> Leaves:
        return self._leaves([(b, 0) for b in range(len(self.graphs))])

    def _after(self, b: int, node: int, action: int) -> int:
        state = self.states[b][node]
        return int(self.graphs[b].ways[state // self.graphs[b].width, state % self.graphs[b].width, action])

    def find(self, rows: Any, nodes: Any, actions: Any) -> Any:
        found = [(b, self._after(b, node, a)) for b, node, a in zip(rows, nodes, actions, strict=True)]
        return np.array([self.numbers[b].setdefault(state, len(self.numbers[b])) for b, state in found], np.int32)

    def __call__(self, rows: Any, nodes: Any, actions: Any) -> Leaves:
        found = [(b, self._after(b, node, a)) for b, node, a in zip(rows, nodes, actions, strict=True)]
        for b, state in found:
            self.states[b].append(state)
        return self._leaves(found)

    def _leaves(self, places: list[tuple[int, int]]) -> Leaves:
        count = self.graphs[0].actions
        ends = np.array([self.graphs[b].ended(state) for b, state in places])
        guesses = [np.random.default_rng([b, state]).uniform(-1, 1) for b, state in places]
        values = np.where(ends, [self.graphs[b].values[state] for b, state in places], guesses).astype(np.float32)
        players = np.array([self.graphs[b].player(state) for b, state in places], np.int32)
        return Leaves(np.where(ends[:, None], 0, np.full(count, 1 / count)).astype(np.float32), values, players, ends,
                      ends & self.exact)


def dump(tree: Tree, b: int, node: int = 0, indent: str = "") -> str:
    """A tree, a line for each action that was taken, what is below it indented."""
    here, lines = tree.nodes[b, node], []
    if not indent:
        lines.append(f"root: visits {here['visits']}, value {here['value']:+.5f}, estimate {here['estimate']:+.5f}")
    for action, edge in enumerate(tree.edges[b, node]):
        if edge["visits"]:
            child = tree.nodes[b, edge["child"]]
            lines.append(f"{indent}{action}: prior {edge['prior']:.5f}, visits {edge['visits']}, value "
                         f"{child['value']:+.5f}, estimate {child['estimate']:+.5f}{', end' * int(child['terminal'])}")
            lines += [dump(tree, b, int(edge["child"]), f"{indent}  ")]
    return "\n".join(filter(None, lines))
