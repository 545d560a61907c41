"""TreeQuest's searches, which ask a function of the user's for each node, for language models. Here its answer is read
from a table, so that what is measured is what a node costs the search itself.

Its states are changed in place, as it copies whole trees at each step otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from pawl.bench.pairs import Work
from pawl.bench.tree_peers import Peer
from pawl.bench.world import STATES, Load, after

Generate = Callable[[int | None], tuple[int, float]]


def _treequest(load: Load, search: str, **options: Any) -> Work:
    """Search by a class of TreeQuest, tree after tree."""
    import treequest

    algorithm = getattr(treequest, search)(**options)
    roots = [steps(load, int(root)) for root in load.roots]

    def work() -> int:
        added = 0
        for steps in roots:
            tree = algorithm.init_tree()
            for _ in range(load.simulations):
                tree = algorithm.step(tree, steps, inplace=True)
            added += len(algorithm.get_state_score_pairs(tree))
        return added

    return work


def steps(load: Load, root: int) -> dict[str, Generate]:
    """By the name of an action, what leads from a state, none being the root, to another and its score in [0, 1]."""
    following = after(np.arange(STATES)[:, None], np.arange(load.actions)).T.tolist()
    scores = ((load.values + 1) / 2).tolist()

    def step(state: int | None, leads: list[int]) -> tuple[int, float]:
        found = leads[root if state is None else state]
        return found, scores[found]

    return {str(action): partial(step, leads=leads) for action, leads in enumerate(following)}


LANGUAGE = (
    Peer("TreeQuest StandardMCTS", "uct", partial(_treequest, search="StandardMCTS", samples_per_action=1),
         counted="nodes", single=True),
    Peer("TreeQuest ABMCTSA", "uct", partial(_treequest, search="ABMCTSA", dist_type="beta"), counted="nodes",
         single=True),
)
