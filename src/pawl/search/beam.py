"""Beam search over the steps of a task, guided by a value; split into subtrees, diverse verifier tree search.

At each depth steps are proposed in the states that are kept, what they lead to is estimated, and the best `width` are
kept, until all of these have ended; the best end of all that were seen is taken. With `subtrees` the first steps are
dealt out and each share is searched by itself, so that one early favourite cannot fill the beam (DVTS: Beeching,
Tunstall and Rush, "Scaling test-time compute with open models", 2024). The whole path is decided at once. Many problems
advance together, and all that they ask at one depth is one batch.

Not covered: looking ahead of a step before it is judged; states that are kept from call to call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pawl.errors import ConfigError
from pawl.interfaces import Policy, StepTask
from pawl.keys import fold
from pawl.records import Choice, Cost, KeyArray
from pawl.search.steps import Estimate, Propose, finite


@dataclass(frozen=True)
class Beam:
    """A search made with what proposes and what estimates."""

    propose: Propose
    estimate: Estimate
    width: int = 4
    """States kept in each subtree."""
    subtrees: int = 1
    """Shares of the first steps that are searched by themselves. Each proposes first steps of its own."""
    most_steps: int = 64
    """Of a path; one that is longer has failed."""

    def __post_init__(self) -> None:
        for name, least in (("width", self.width), ("subtrees", self.subtrees), ("most_steps", self.most_steps)):
            if least < 1:
                raise ConfigError(f"{name} of a beam search must be 1 or more, got {least}")

    def __call__(self, policy: Policy, task: StepTask, states: Sequence[Any], keys: KeyArray) -> list[Choice]:
        """A choice in each of the states [B], none of which is terminal, with the path to where it thinks best; keys
        [B]. A path that did not end in time is one that has no end. Raises ConfigError when a value is no number."""
        search = _Advance(self, policy, task, states, keys)
        for depth in range(self.most_steps):
            if not search.advance(depth):
                break
        return [search.choice(b) for b in range(len(states))]


class _Place(NamedTuple):
    """Where a path leads."""

    state: Any
    path: tuple[Any, ...]
    value: float
    ended: bool


class _Advance:
    """B problems on their way."""

    def __init__(self, made: Beam, policy: Policy, task: StepTask, states: Sequence[Any], keys: KeyArray) -> None:
        self.made, self.policy, self.task, self.keys = made, policy, task, keys
        self.costs = [Cost() for _ in states]
        self.found: list[list[_Place]] = [[] for _ in states]
        """[B] every state that was come to, in order."""
        self.beams = [[[_Place(state, (), 0.0, False)] for _ in range(made.subtrees)] for state in states]
        """[B][subtrees] the states to go on from, and ends that are as good, best first."""
        self.seen: list[list[set[Hashable]]] = [[{task.key(state)}] * made.subtrees for state in states]
        """[B][subtrees] keys; one set for all subtrees until the first steps are dealt out."""

    def advance(self, depth: int) -> bool:
        """One step further in every beam; False when there is nowhere to go."""
        open_ = [(b, tree, rank, place) for b, beams in enumerate(self.beams) for tree, kept in enumerate(beams)
                 for rank, place in enumerate(kept) if not place.ended]
        if not open_:
            return False
        children: dict[tuple[int, int], list[_Place]] = defaultdict(list)
        for b, tree, place in self._estimated(self._fresh(open_, depth)):
            children[b, tree].append(place)
            self.found[b].append(place)
        for b, beams in enumerate(self.beams):
            if depth == 0:
                self._deal(b)
            else:
                self.beams[b] = [_best([place for place in kept if place.ended] + children[b, tree])[: self.made.width]
                                 for tree, kept in enumerate(beams)]
        return True

    def _deal(self, b: int) -> None:
        """The first steps to the subtrees, the best one to each in turn."""
        ranked, trees = _best(self.found[b]), self.made.subtrees
        self.beams[b] = [ranked[tree::trees][: self.made.width] for tree in range(trees)]
        self.seen[b] = [set(seen) for seen in self.seen[b]]

    def _fresh(self, open_: Sequence[tuple[int, int, int, _Place]],
               depth: int) -> list[tuple[int, int, tuple[Any, ...], Any]]:
        """(problem, subtree, path, state) of the steps that are proposed and lead to a state not yet seen there."""
        keys = np.array([fold(fold(fold(self.keys[b], depth), tree), rank) for b, tree, rank, _ in open_], np.uint64)
        proposals = self.made.propose(self.policy, self.task, [place.state for *_, place in open_], keys)
        fresh = []
        for (b, tree, _, place), proposal in zip(open_, proposals, strict=True):
            self.costs[b] += proposal.cost
            for action in proposal.actions:
                state = self.task.step(place.state, action)
                key = self.task.key(state)
                if key not in self.seen[b][tree]:
                    self.seen[b][tree].add(key)
                    fresh.append((b, tree, (*place.path, action), state))
        return fresh

    def _estimated(self, steps: Sequence[tuple[int, int, tuple[Any, ...], Any]]) -> list[tuple[int, int, _Place]]:
        if not steps:
            return []
        states = [state for *_, state in steps]
        values, costs = self.made.estimate(self.policy, self.task, states)
        for (b, *_), cost in zip(steps, costs, strict=True):
            self.costs[b] += cost
        return [(b, tree, _Place(state, path, float(value), self.task.terminal(state)))
                for (b, tree, path, state), value in zip(steps, finite(values), strict=True)]

    def choice(self, b: int) -> Choice:
        """The path to the best end; where there is none, to the best state that is left, if one is."""
        left = _best([place for kept in self.beams[b] for place in kept if place.path])
        taken = next(iter(_best([place for place in self.found[b] if place.ended]) or left), None)
        below: dict[Any, list[float]] = {}
        for place in self.found[b]:
            below.setdefault(place.path[0], []).append(place.value)
        policy = [float(taken is not None and action == taken.path[0]) for action in below]
        return Choice(taken.path[0] if taken else None, tuple(below), np.array(policy, np.float32),
                      np.array([len(values) for values in below.values()], np.int32),
                      np.array([max(values) for values in below.values()], np.float32),
                      taken.value if taken else 0.0, self.costs[b], path=taken.path if taken else ())


def _best(places: Sequence[_Place]) -> list[_Place]:
    """Best first, of equal ones the one that was found first."""
    return sorted(places, key=lambda place: -place.value)
