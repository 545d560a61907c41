"""Tree search over the steps of a task: UCT, PUCT, or Gumbel with sequential halving.

Many states are searched together; their leaves are proposed for and estimated in one batch. A state is estimated when
it is first come to, and its steps are proposed when it is come to again: proposing is what costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pawl.errors import ConfigError
from pawl.interfaces import Policy, StepTask
from pawl.keys import fold, uniforms
from pawl.records import Choice, Cost, FloatArray, IntArray, KeyArray
from pawl.search.forest import Outcome, search
from pawl.search.rules import GUMBEL, PUCT, UCT, Rule
from pawl.search.steps import Estimate, Proposal, Propose, finite
from pawl.search.tree import Leaves

RULES = {"uct": Rule(UCT, exploration=1.0), "puct": Rule(PUCT, exploration=1.25), "gumbel": Rule(GUMBEL, 0.0)}


@dataclass(frozen=True)
class TreeSearch:
    """A search made with what proposes and what estimates."""

    propose: Propose
    estimate: Estimate
    simulations: int
    rule: Literal["uct", "puct", "gumbel"] = "gumbel"
    considered: int = 16
    """Actions at the root that sequential halving compares."""
    noise: bool = False
    """Gumbel noise at the root: for targets that explore. Without, the search is a player."""

    def __post_init__(self) -> None:
        if self.simulations < 1:
            raise ConfigError(f"a tree search must have a simulation or more, got {self.simulations}")

    def __call__(self, policy: Policy, task: StepTask, states: Sequence[Any], keys: KeyArray) -> list[Choice]:
        """A choice in each of the states [B], none of which is terminal; keys [B]."""
        growth = _Growth(self, policy, task, states, keys)
        roots = growth.roots()
        noise = _gumbel(keys, roots.priors.shape[1]) if self.noise and self.rule == "gumbel" else None
        found = search(roots, growth.evaluate, rule=RULES[self.rule], simulations=self.simulations,
                       considered=self.considered, noise=noise, propose=growth.propose)
        return [growth.choice(found, b) for b in range(len(states))]


def _gumbel(keys: KeyArray, count: int) -> Any:
    """[B, count] standard Gumbel noise."""
    draws = uniforms(fold(keys, 1)[:, None], np.arange(count, dtype=np.uint64))
    return -np.log(-np.log(np.maximum(draws, np.finfo(float).tiny)))


class _Growth:
    """What the numbers of B trees stand for: states, steps and costs."""

    def __init__(self, made: TreeSearch, policy: Policy, task: StepTask, states: Sequence[Any],
                 keys: KeyArray) -> None:
        self.made, self.policy, self.task, self.keys = made, policy, task, keys
        self.states = [[state] for state in states]
        self.actions: list[dict[int, tuple[Any, ...]]] = [{} for _ in states]
        self.costs = [Cost() for _ in states]
        self.width = 1

    def roots(self) -> Leaves:
        rows = np.arange(len(self.states), dtype=np.int32)
        priors = self.propose(rows, np.zeros_like(rows))
        leaves = self._estimated(rows, [states[0] for states in self.states])
        return leaves._replace(priors=priors, terminal=np.asarray((priors == 0).all(axis=1)))

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

    def evaluate(self, rows: IntArray, nodes: IntArray, actions: IntArray) -> Leaves:
        """What lies where actions lead."""
        found = [self.task.step(self.states[b][node], self.actions[b][int(node)][a])
                 for b, node, a in zip(rows, nodes, actions, strict=True)]
        for b, state in zip(rows, found, strict=True):
            self.states[b].append(state)
        return self._estimated(rows, found)

    def _estimated(self, rows: IntArray, states: Sequence[Any]) -> Leaves:
        values, costs = self.made.estimate(self.policy, self.task, states)
        for b, cost in zip(rows, costs, strict=True):
            self.costs[b] += cost
        terminal = np.array([self.task.terminal(state) for state in states], np.bool_)
        return Leaves(priors=np.zeros((len(states), self.width), np.float32), estimates=finite(values),
                      players=np.zeros(len(states), np.int32), terminal=terminal, exact=np.zeros(len(states), np.bool_))

    def choice(self, found: Outcome, b: int) -> Choice:
        actions = self.actions[b][0]
        count, chosen = len(actions), int(found.actions[b])
        children = found.tree.edges["child"][b, 0, :count]
        value = float(found.values[b])
        values = np.where(children >= 0, found.tree.nodes["value"][b, children], value).astype(np.float32)
        return Choice(actions[chosen] if count else None, actions, found.policy[b, :count],
                      found.tree.edges["visits"][b, 0, :count], values, value, self.costs[b])


def _padded(proposals: Sequence[Proposal], width: int) -> FloatArray:
    """[L, width] priors."""
    priors = np.zeros((len(proposals), width), np.float32)
    for row, proposal in enumerate(proposals):
        priors[row, : len(proposal.priors)] = proposal.priors
    return priors
