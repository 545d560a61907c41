"""Random trees as a task with steps, whose values backward induction knows."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from trees import Path, RandomTree

from pawl.interfaces import IllegalAction
from pawl.records import Cost, FloatArray, Problem


class Place(NamedTuple):
    """A node of a tree."""

    tree: RandomTree
    path: Path = ()


class TreeTask:
    """Walks down a tree; a step is the number of an action. Nothing here asks for truth."""

    name = "trees"

    def problems(self, split: Any, count: int, seed: int) -> list[Problem]:
        raise AssertionError("a search asked for problems")

    def score(self, problem: Problem, answer: str) -> float:
        raise AssertionError("a search asked for the truth")

    def start(self, problem: Problem) -> Place:
        return Place(RandomTree(3, 3, False, problem.data["seed"]))

    def actions(self, place: Place) -> list[int]:
        return [] if self.terminal(place) else list(range(place.tree.actions))

    def step(self, place: Place, action: int) -> Place:
        if action not in self.actions(place):
            raise IllegalAction(f"no action {action}")
        return Place(place.tree, (*place.path, action))

    def terminal(self, place: Place) -> bool:
        return len(place.path) == place.tree.depth

    def prompt(self, place: Place) -> str:
        return f"tree {place.tree.seed}: " + "".join(f"{action}\n" for action in place.path)

    def parse(self, text: str) -> int:
        if not text.isdecimal():
            raise IllegalAction("an action is a number")
        return int(text)

    def answer(self, place: Place) -> str:
        return "\n".join(map(str, place.path))

    def key(self, place: Place) -> Hashable:
        return place.tree.seed, place.path


def perfect(policy: Any, task: Any, places: Sequence[Place]) -> tuple[FloatArray, list[Cost]]:
    """What backward induction says."""
    return np.array([place.tree.value(place.path) for place in places], np.float32), [Cost(estimated=1)] * len(places)
