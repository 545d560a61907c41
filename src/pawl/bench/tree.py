"""Tree search against mctx's `muzero_policy` and `gumbel_muzero_policy` under jit, on the CPU, turn about.

Both sides search the same made-up world: an action leads from one state to another by a hash, and priors and values
are drawn by chance once for each state, so that the trees are the same and what is measured is the search itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pawl.bench.pairs import Work, compared
from pawl.errors import MissingExtraError
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
    def values(self) -> FloatArray:
        """[STATES]"""
        return np.random.default_rng(1).uniform(-1, 1, STATES).astype(np.float32)

    @cached_property
    def roots(self) -> IntArray:
        """[trees] states."""
        return np.random.default_rng(2).integers(STATES, size=self.trees).astype(np.int32)


LOADS = (Load(), Load(trees=1))


def run(repeats: int = 7, loads: Sequence[Load] = LOADS) -> list[dict[str, Any]]:
    """A row for each rule and load: simulations per second over mctx's (median, and the range over the pairs)."""
    try:
        import mctx
    except ModuleNotFoundError as error:
        raise MissingExtraError("pawl bench tree", "bench") from error
    peers = {"puct": mctx.muzero_policy, "gumbel": mctx.gumbel_muzero_policy}
    return [
        {"name": "tree", "size": f"{load.trees}x{load.actions}x{load.simulations}",
         "peer": f"mctx {peers[rule].__name__}", "unit": "simulations per second, Pawl over peer"}
        | compared(theirs(load, peers[rule]), ours(load, rule), work=load.work, repeats=repeats)
        for load in loads for rule in peers
    ]


def _after(states: Any, actions: Any) -> Any:
    return (states * 31 + actions * 17 + 7) % STATES


def ours(load: Load, rule: str) -> Work:
    """Search by Pawl, which returns how many simulations it made."""
    priors = np.exp(load.logits)
    priors /= priors.sum(axis=1, keepdims=True)
    nobody, never = np.zeros(load.trees, np.int32), np.zeros(load.trees, np.bool_)
    noise = np.random.default_rng(3).gumbel(size=(load.trees, load.actions))

    def leaves(found: IntArray) -> Leaves:
        count = len(found)
        return Leaves(priors[found], load.values[found], nobody[:count], never[:count], never[:count])

    def work() -> int:
        states = np.zeros((load.trees, load.simulations + 1), np.int32)
        states[:, 0] = load.roots
        made = 0

        def evaluate(rows: IntArray, nodes: IntArray, actions: IntArray) -> Leaves:
            nonlocal made
            made += 1
            states[:, made] = found = _after(states[rows, nodes], actions)
            return leaves(found)

        found = search(leaves(load.roots), evaluate, rule=RULES[rule], simulations=load.simulations, noise=noise)
        return int(found.tree.nodes["visits"][:, 0].sum()) - load.trees

    return work


def theirs(load: Load, policy: Any) -> Work:
    """Search by mctx, which returns how many simulations it made."""
    import jax
    import mctx

    logits, values = jax.numpy.asarray(load.logits), jax.numpy.asarray(load.values)

    def recurrent(params: Any, key: Any, actions: Any, states: Any) -> Any:
        found = _after(states, actions)
        nothing = jax.numpy.zeros(load.trees)
        return mctx.RecurrentFnOutput(reward=nothing, discount=nothing + 1, prior_logits=logits[found],
                                      value=values[found]), found

    def searched(key: Any) -> Any:
        root = mctx.RootFnOutput(prior_logits=logits[load.roots], value=values[load.roots],
                                 embedding=jax.numpy.asarray(load.roots))
        return policy(None, key, root, recurrent, load.simulations).search_tree.node_visits[:, 0]

    compiled = jax.jit(searched)

    def work() -> int:
        return int(compiled(jax.random.PRNGKey(0)).sum()) - load.trees

    return work
