"""One problem's tree of thoughts: states and how they were reached, and what to choose when the search is over."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pawl.interfaces import StepTask
from pawl.records import Choice, Cost
from pawl.search.steps import Proposal

KEPT, ASIDE, SPENT = 2, 1, 0
"""Standing of a state: an end or one to go on from; one that was not worth it; one whose steps are known, so that
what is below it speaks for it, or nothing can be done there."""


@dataclass(slots=True, eq=False)
class Node:
    """A state and the steps to it."""

    number: int
    """0 is the root."""
    state: Any
    steps: tuple[Any, ...]
    """From the root."""
    first: int
    """Which of the root's actions the first step is."""
    ended: bool
    score: float = 0.0
    """Its value, or its share of a vote."""
    standing: int = KEPT

    @property
    def rank(self) -> tuple[int, bool, float]:
        """What is better to have found is larger."""
        return self.standing, self.ended, self.score


class ThoughtTree:
    """What was found below one state."""

    def __init__(self, task: StepTask, state: Any) -> None:
        self.root = Node(0, state, (), 0, ended=False)
        self.nodes: list[Node] = []
        """All but the root."""
        self.cost, self.votes = Cost(), 0
        self.answer: Node | None = None
        """An end that is taken whatever the others' scores."""
        self._actions: tuple[Any, ...] = ()
        self._twins: list[int] = []
        """For each of the root's actions, the first one that leads to an equal state."""
        self._steps_to: dict[Hashable, int] = {task.key(state): 0}

    def grow(self, task: StepTask, node: Node, proposal: Proposal) -> list[Node]:
        """What lies below a node and was not reached in as few steps before."""
        node.standing = SPENT
        self.cost += proposal.cost
        states = [task.step(node.state, action) for action in proposal.actions]
        names = [task.key(state) for state in states]
        if node is self.root:
            self._actions, self._twins = proposal.actions, [names.index(name) for name in names]
        found: list[Node] = []
        for place, (action, state, name) in enumerate(zip(proposal.actions, states, names, strict=True)):
            steps = (*node.steps, action)
            if self._steps_to.get(name, len(steps) + 1) > len(steps):
                self._steps_to[name] = len(steps)
                first = place if node is self.root else node.first
                found.append(Node(len(self.nodes) + len(found) + 1, state, steps, first, task.terminal(state)))
        self.nodes += found
        return found

    def ends(self) -> list[Node]:
        """Ends that are not set aside."""
        return [node for node in self.nodes if node.ended and node.standing == KEPT]

    def choice(self) -> Choice:
        """The path to the best that was found."""
        if not self.nodes:
            nothing = np.zeros(0, np.float32)
            return Choice(None, (), nothing, np.zeros(0, np.int32), nothing, self.root.score, self.cost)
        best = self.answer or max(self.nodes, key=lambda node: node.rank)
        count = len(self._actions)
        found = [max((node for node in self.nodes if node.first == self._twins[place]), key=lambda node: node.rank,
                     default=best) for place in range(count)]
        values = np.array([node.score for node in found], np.float32)
        values[[twin == best.first for twin in self._twins]] = best.score
        visits = np.bincount([node.first for node in self.nodes], minlength=count).astype(np.int32)
        policy = (np.arange(count) == best.first).astype(np.float32)
        return Choice(best.steps[0], self._actions, policy, visits, values, best.score, self.cost, path=best.steps)
