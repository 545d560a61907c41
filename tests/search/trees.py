"""Worlds with known answers for searches: trees of random values, and what backward induction says of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pawl.search.tree import Leaves

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
