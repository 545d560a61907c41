"""A made-up world to search: an action leads from one state to another by a hash, and priors and values are drawn by
chance once for each state. It is never over."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import softmax

from pawl.bench.pairs import Work
from pawl.compiled import compiled, inlined
from pawl.records import FloatArray, IntArray
from pawl.search.forest import search
from pawl.search.mcts import RULES
from pawl.search.tree import Leaves

STATES = 4096


@dataclass(frozen=True)
class Load:
    """What either side is asked to do."""

    trees: int = 64
    actions: int = 7
    simulations: int = 256

    @property
    def work(self) -> int:
        """Simulations, in all."""
        return self.trees * self.simulations

    @cached_property
    def logits(self) -> FloatArray:
        """[STATES, actions] of the prior."""
        return np.random.default_rng(0).normal(size=(STATES, self.actions)).astype(np.float32)

    @cached_property
    def priors(self) -> FloatArray:
        """[STATES, actions]"""
        priors: FloatArray = softmax(self.logits, axis=1)
        return priors

    @cached_property
    def values(self) -> FloatArray:
        """[STATES]"""
        return np.random.default_rng(1).uniform(-1, 1, STATES).astype(np.float32)

    @cached_property
    def roots(self) -> IntArray:
        """[trees] states."""
        return np.random.default_rng(2).integers(STATES, size=self.trees).astype(np.int32)


def after(states: Any, actions: Any) -> Any:
    """The states that actions lead to; of numbers or of arrays."""
    return (states * 31 + actions * 17 + 7) % STATES


def searched(load: Load, rule: str) -> Work:
    """Search by Pawl, which returns how many simulations it made."""
    nobody, never = np.zeros(load.trees, np.int32), np.zeros(load.trees, np.bool_)
    noise = np.random.default_rng(3).gumbel(size=(load.trees, load.actions))
    roots = Leaves(load.priors[load.roots], load.values[load.roots], nobody, never, never)

    def work() -> int:
        states, sizes = np.zeros((load.trees, load.simulations + 1), np.int32), np.ones(load.trees, np.int32)
        states[:, 0] = load.roots

        def evaluate(rows: IntArray, nodes: IntArray, actions: IntArray) -> Leaves:
            priors, values = found_at(load.priors, load.values, states, sizes, rows, nodes, actions)
            return Leaves(priors, values, nobody, never, never)

        found = search(roots, evaluate, rule=RULES[rule], simulations=load.simulations, noise=noise)
        return int(found.tree.nodes["visits"][:, 0].sum()) - load.trees

    return work


@compiled
def found_at(priors: FloatArray, values: FloatArray, states: IntArray, sizes: IntArray, rows: IntArray,
             nodes: IntArray, actions: IntArray) -> tuple[FloatArray, FloatArray]:
    """Priors [L, A] and values [L] of where actions lead, which is the next of the states [B, N]."""
    leaves, estimates = np.empty((len(rows), priors.shape[1]), np.float32), np.empty(len(rows), np.float32)
    for i in range(len(rows)):
        b = rows[i]
        state = _after(states[b, nodes[i]], actions[i])
        states[b, sizes[b]] = state
        sizes[b] += 1
        leaves[i], estimates[i] = priors[state], values[state]
    return leaves, estimates


_after = inlined(after)
