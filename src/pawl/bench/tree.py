"""Tree search against mctx's `muzero_policy` and `gumbel_muzero_policy` under jit, and gumbel-mcts' `PUCT` and
`GumbelDense`, on the CPU, turn about.

All search the same made-up world, so that what is measured is the search itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pawl.bench.pairs import Work, compared
from pawl.bench.tree_peers import PEERS
from pawl.bench.world import Load, after
from pawl.errors import MissingExtraError
from pawl.records import IntArray
from pawl.search.forest import search
from pawl.search.mcts import RULES
from pawl.search.tree import Leaves

LOADS = (Load(), Load(trees=1))


def run(repeats: int = 7, loads: Sequence[Load] = LOADS) -> list[dict[str, Any]]:
    """A row for each peer, rule and load: simulations per second over the peer's (median, and the range over the
    pairs). Raises MissingExtraError where a peer is not installed."""
    try:  # all of them before the first is measured
        made = [(peer, load, peer.made(load)) for peer in PEERS for load in loads]
    except ModuleNotFoundError as error:
        raise MissingExtraError("pawl bench tree", "bench") from error
    return [
        {"name": "tree", "size": f"{load.trees}x{load.actions}x{load.simulations}", "peer": peer.name,
         "unit": "simulations per second, Pawl over peer"}
        | compared(theirs, ours(load, peer.rule), work=load.work, repeats=repeats)
        for peer, load, theirs in made
    ]


def ours(load: Load, rule: str) -> Work:
    """Search by Pawl, which returns how many simulations it made."""
    nobody, never = np.zeros(load.trees, np.int32), np.zeros(load.trees, np.bool_)
    noise = np.random.default_rng(3).gumbel(size=(load.trees, load.actions))

    def leaves(found: IntArray) -> Leaves:
        count = len(found)
        return Leaves(load.priors[found], load.values[found], nobody[:count], never[:count], never[:count])

    def work() -> int:
        states = np.zeros((load.trees, load.simulations + 1), np.int32)
        states[:, 0] = load.roots
        made = 0

        def evaluate(rows: IntArray, nodes: IntArray, actions: IntArray) -> Leaves:
            nonlocal made
            made += 1
            states[:, made] = found = after(states[rows, nodes], actions)
            return leaves(found)

        found = search(leaves(load.roots), evaluate, rule=RULES[rule], simulations=load.simulations, noise=noise)
        return int(found.tree.nodes["visits"][:, 0].sum()) - load.trees

    return work
