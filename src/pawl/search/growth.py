"""What the numbers of searched trees stand for: states, their steps, and what it cost to look at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pawl.errors import ConfigError
from pawl.interfaces import Policy, StepTask
from pawl.keys import fold
from pawl.records import Choice, Cost, FloatArray, IntArray, KeyArray
from pawl.search.dump import record_tree
from pawl.search.forest import Outcome
from pawl.search.graph import regrown
from pawl.search.steps import Proposal, estimated
from pawl.search.tree import NONE, Leaves, Tree, plant

if TYPE_CHECKING:
    from pawl.search.mcts import TreeSearch


class Growth:
    """What the numbers of B trees stand for: states, steps and costs."""

    def __init__(self, made: TreeSearch, policy: Policy, task: StepTask, states: Sequence[Any],
                 keys: KeyArray) -> None:
        self.made, self.policy, self.task, self.keys = made, policy, task, keys
        self.states = [[state] for state in states]
        self.actions: list[dict[int, tuple[Any, ...]]] = [{} for _ in states]
        self.numbers = [{task.key(state): 0} if made.graph else {} for state in states]
        """By `task.key`, the first state that has it."""
        self.found: dict[tuple[int, int, int], Any] = {}
        """States just found, by where they were found from."""
        self.costs = [Cost() for _ in states]
        self.width = 1

    def kept(self, before: Growth, found: Outcome) -> Tree:
        """What an earlier search of B trees or more found below the actions that it chose."""
        rows, starts, ends = before.ahead(found)
        if [self.task.key(state) for state in ends] != [self.task.key(those[0]) for those in self.states]:
            raise ConfigError("a search that goes on must be asked where its choices led, got other states",
                              hint="`begin` another search for other paths")
        tree, orders = regrown(found.tree, np.array(rows, np.int32), np.array(starts, np.int32))
        for r, (b, order) in enumerate(zip(rows, orders, strict=True)):
            for number, node in enumerate(map(int, order)):
                if number > 0:
                    self.states[r].append(before.states[b][node])
                if node in before.actions[b]:
                    self.actions[r][number] = before.actions[b][node]
            if self.made.graph:
                self.numbers[r] = {self.task.key(state): number for number, state in enumerate(self.states[r])}
        self.width = before.width
        return tree

    def ahead(self, found: Outcome) -> tuple[list[int], list[int], list[Any]]:
        """The trees whose paths go on after their choice, the nodes that they go on from (NONE where there is none but
        the old root), and their states."""
        rows, starts, states = list[int](), list[int](), list[Any]()
        for b, action in enumerate(map(int, found.actions)):
            if action == NONE:
                continue
            node = int(found.tree.edges["child"][b, 0, action])
            state = self.states[b][node] if node != NONE else self._after(b, 0, action)
            if not self.task.terminal(state):
                rows.append(b)
                starts.append(node if node > 0 else NONE)
                states.append(state)
        return rows, starts, states

    def roots(self, kept: Tree | None) -> Leaves:
        """What is not kept is proposed and estimated."""
        rows = np.arange(len(self.states), dtype=np.int32)
        tree = plant(len(rows), 1, 1) if kept is None else kept
        bare, new = rows[~tree.nodes["expanded"][:, 0]], rows[tree.sizes == 0]
        proposed = self.propose(bare, np.zeros_like(bare)) if bare.size else None
        priors, estimates = np.zeros((len(rows), self.width), np.float32), tree.nodes["estimate"][:, 0].copy()
        priors[:, : tree.edges.shape[2]] = tree.edges["prior"][:, 0]
        if proposed is not None:
            priors[bare] = proposed
        if new.size:
            estimates[new] = self._estimated(new, [self.states[b][0] for b in new]).estimates
        return Leaves(priors, estimates, np.zeros(len(rows), np.int32), np.asarray((priors == 0).all(axis=1)),
                      np.zeros(len(rows), np.bool_))

    def forwarded(self) -> IntArray:
        """[B] tokens."""
        return np.array([cost.forwarded for cost in self.costs], np.int32)

    def propose(self, rows: IntArray, nodes: IntArray) -> FloatArray:
        """Priors [L, A] over the steps of nodes."""
        states = [self.states[b][node] for b, node in zip(rows, nodes, strict=True)]
        keys = fold(fold(self.keys[rows], 2), nodes.astype(np.uint64))
        proposals = self.made.propose(self.policy, self.task, states, keys)
        for b, node, proposal in zip(rows, nodes, proposals, strict=True):
            self.actions[b][int(node)] = proposal.actions
            self.costs[b] += proposal.cost
        self.width = max(self.width, *(len(proposal.actions) for proposal in proposals))
        return _padded(proposals, self.width)

    def find(self, rows: IntArray, nodes: IntArray, actions: IntArray) -> IntArray:
        """The nodes [L] that actions lead to."""
        numbers = list[int]()
        self.found.clear()
        for b, node, a in zip(rows, nodes, actions, strict=True):
            self.found[b, node, a] = state = self._after(b, node, a)
            numbers.append(self.numbers[b].setdefault(self.task.key(state), len(self.numbers[b])))
        return np.array(numbers, np.int32)

    def evaluate(self, rows: IntArray, nodes: IntArray, actions: IntArray) -> Leaves:
        """What lies where actions lead."""
        found = [self.found[place] if self.made.graph else self._after(*place)
                 for place in zip(rows, nodes, actions, strict=True)]
        for b, state in zip(rows, found, strict=True):
            self.states[b].append(state)
        return self._estimated(rows, found)

    def _after(self, b: int, node: int, action: int) -> Any:
        """The state that an action leads to."""
        return self.task.step(self.states[b][node], self.actions[b][int(node)][action])

    def _estimated(self, rows: IntArray, states: Sequence[Any]) -> Leaves:
        values, costs = estimated(self.made.estimate, self.policy, self.task, states)
        for b, cost in zip(rows, costs, strict=True):
            self.costs[b] += cost
        terminal = np.array([self.task.terminal(state) for state in states], np.bool_)
        return Leaves(priors=np.zeros((len(states), self.width), np.float32), estimates=values,
                      players=np.zeros(len(states), np.int32), terminal=terminal, exact=np.zeros(len(states), np.bool_))

    def choice(self, found: Outcome, b: int) -> Choice:
        actions = self.actions[b][0]
        count, chosen = len(actions), int(found.actions[b])
        children = found.tree.edges["child"][b, 0, :count]
        value = float(found.values[b])
        values = np.where(children >= 0, found.tree.nodes["value"][b, children], value).astype(np.float32)
        tree = record_tree(found.tree, b, self.actions[b], chosen) if self.made.keep_tree else None
        return Choice(actions[chosen] if count else None, actions, found.policy[b, :count],
                      found.tree.edges["visits"][b, 0, :count], values, value, self.costs[b], tree)


def _padded(proposals: Sequence[Proposal], width: int) -> FloatArray:
    """[L, width] priors."""
    priors = np.zeros((len(proposals), width), np.float32)
    for row, proposal in enumerate(proposals):
        priors[row, : len(proposal.priors)] = proposal.priors
    return priors
