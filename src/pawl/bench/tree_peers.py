"""Searches of many trees at once that tree search is measured against: mctx under jit, and gumbel-mcts. Each peer's
work returns how many simulations it made."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numba
import numpy as np
import torch

from pawl.bench.pairs import Work
from pawl.bench.world import Load, after, searched


class Peer(NamedTuple):
    """A search by another."""

    name: str
    rule: str
    """Of Pawl's, that stands beside it."""
    made: Callable[[Load], Work]
    """Raises ModuleNotFoundError where it is not installed."""
    ours: Callable[[Load, str], Work] = searched
    """Pawl's search of the same, by a rule."""
    counted: str = "simulations"
    """What either side makes so many of in a second."""
    single: bool = False
    """It is measured on one tree alone: it searches no more at once, and slowly."""


def _mctx(load: Load, policy: str) -> Work:
    """Search by a policy of mctx (Danihelka et al. 2022)."""
    import jax
    import mctx

    logits, values = jax.numpy.asarray(load.logits), jax.numpy.asarray(load.values)

    def recurrent(params: Any, key: Any, actions: Any, states: Any) -> Any:
        found = after(states, actions)
        nothing = jax.numpy.zeros(load.trees)
        return mctx.RecurrentFnOutput(reward=nothing, discount=nothing + 1, prior_logits=logits[found],
                                      value=values[found]), found

    def searched(key: Any) -> Any:
        root = mctx.RootFnOutput(prior_logits=logits[load.roots], value=values[load.roots],
                                 embedding=jax.numpy.asarray(load.roots))
        return getattr(mctx, policy)(None, key, root, recurrent, load.simulations).search_tree.node_visits[:, 0]

    compiled = jax.jit(searched)

    def work() -> int:
        return int(compiled(jax.random.PRNGKey(0)).sum()) - load.trees

    return work


def _gumbel_mcts(load: Load, search: str) -> Work:
    """Search by a class of gumbel-mcts, whose trees are arrays and whose loops numba compiles. It wants a game of two
    that is never over, and a network."""
    import gumbel_mcts

    actions, priors, values = load.actions, torch.from_numpy(load.priors), torch.from_numpy(load.values)
    following = numba.njit(after)

    def step(board: Any, action: int, player: int) -> Any:
        found = np.empty_like(board)
        found[0] = following(board[0], action)
        return 0.0, 0, False, found

    def legal(board: Any, player: int) -> Any:
        return np.ones(actions, np.float32)

    class Network:
        logic = _Game(actions, numba.njit(step), numba.njit(legal))

        def forward_for_mcts(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            states = batch["boards"][:, 0].long()
            return {"policy": priors[states], "value": values[states]}

    trees, network = list(range(load.trees)), Network()
    made = getattr(gumbel_mcts, search)(load.trees, load.trees * (load.simulations + 2), network.logic, device="cpu")
    roots, players = load.roots[:, None], np.ones(load.trees, np.int8)

    def work() -> int:
        made.reset()
        made.initialize_roots(trees, roots, players)
        made.run_simulation_batch(network, trees, load.simulations)
        return int(made.storage.visit_counts[made.storage.root_indices].sum()) - load.trees

    return work


class _Game:
    """The world as gumbel-mcts takes a game."""

    BOARD_SHAPE, BOARD_DTYPE = (1,), np.int32
    MAX_MOVES = 10**6
    PLAYER_1, PLAYER_2 = 1, 2

    def __init__(self, actions: int, step: Any, legal: Any) -> None:
        self.NUM_ACTIONS = self.MAX_LEGAL_MOVES = actions
        self.fast_step, self.get_valid_mask = step, legal


MANY_TREES = (
    Peer("mctx muzero_policy", "puct", partial(_mctx, policy="muzero_policy")),
    Peer("mctx gumbel_muzero_policy", "gumbel", partial(_mctx, policy="gumbel_muzero_policy")),
    Peer("gumbel-mcts PUCT", "puct", partial(_gumbel_mcts, search="PUCT")),
    Peer("gumbel-mcts GumbelDense", "gumbel", partial(_gumbel_mcts, search="GumbelDense")),
)
