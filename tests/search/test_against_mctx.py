"""Visits, policies and actions equal mctx's on the same priors and values, over several hundred random searches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pawl.search.forest import Outcome, search
from pawl.search.rules import GUMBEL, PUCT, Rule
from pawl.search.tree import Leaves

mctx = pytest.importorskip("mctx", reason="the extra `bench` has mctx")
jax = pytest.importorskip("jax")

TREES, STATES = 64, 4096
"""Searches in a batch; states of the made-up world, where an action leads from one to another by a hash."""


class World:
    """Priors and values of every state, and where actions lead."""

    def __init__(self, actions: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.logits = random.normal(size=(STATES, actions)).astype(np.float32)
        self.values = random.uniform(-1, 1, STATES).astype(np.float32)
        self.roots = random.integers(STATES, size=TREES).astype(np.int32)
        self.noise = random.gumbel(size=(TREES, actions)).astype(np.float32)

    @staticmethod
    def after(states: Any, actions: Any) -> Any:
        return (states * 31 + actions * 17 + 7) % STATES


def ours(world: World, rule: Rule, simulations: int, *, two_players: bool, considered: int = 16,
         noise: bool = False) -> Outcome:
    states = np.zeros((TREES, simulations + 1), np.int32)
    players = np.zeros((TREES, simulations + 1), np.int32)
    sizes = np.ones(TREES, int)
    states[:, 0] = world.roots
    priors = np.exp(world.logits)
    priors /= priors.sum(axis=1, keepdims=True)

    def leaves(found: Any, who: Any) -> Leaves:
        nothing = np.zeros(len(found), np.bool_)
        return Leaves(priors[found], world.values[found], who, nothing, nothing)

    def evaluate(rows: Any, nodes: Any, actions: Any) -> Leaves:
        found = world.after(states[rows, nodes], actions)
        who = players[rows, nodes] ^ two_players
        states[rows, sizes[rows]], players[rows, sizes[rows]] = found, who
        sizes[rows] += 1
        return leaves(found, who)

    return search(leaves(world.roots, players[:, 0]), evaluate, rule=rule, simulations=simulations,
                  considered=considered, noise=world.noise.astype(np.float64) if noise else None)


def theirs(world: World, policy: Any, simulations: int, *, two_players: bool, **options: Any) -> Any:
    logits, values = jax.numpy.asarray(world.logits), jax.numpy.asarray(world.values)

    def recurrent(params: Any, key: Any, actions: Any, states: Any) -> Any:
        found = world.after(states, actions)
        discount = jax.numpy.full(TREES, -1.0 if two_players else 1.0)
        return mctx.RecurrentFnOutput(reward=jax.numpy.zeros(TREES), discount=discount, prior_logits=logits[found],
                                      value=values[found]), found

    root = mctx.RootFnOutput(prior_logits=logits[world.roots], value=values[world.roots],
                             embedding=jax.numpy.asarray(world.roots))
    return policy(None, jax.random.PRNGKey(0), root, recurrent, simulations, **options)


@pytest.mark.parametrize(("actions", "simulations", "two_players"), [(7, 40, False), (7, 40, True), (40, 64, True)])
def test_puct_visits_what_mctxs_muzero_policy_visits(actions: int, simulations: int, two_players: bool) -> None:
    world = World(actions, seed=actions)
    found = ours(world, Rule(PUCT, exploration=1.25), simulations, two_players=two_players)
    expected = theirs(world, mctx.muzero_policy, simulations, two_players=two_players, dirichlet_fraction=0.0)
    np.testing.assert_array_equal(found.tree.edges["visits"][:, 0], expected.search_tree.children_visits[:, 0])
    np.testing.assert_array_equal(found.tree.nodes["visits"], expected.search_tree.node_visits)
    np.testing.assert_allclose(found.tree.nodes["value"], expected.search_tree.node_values, atol=1e-5)
    np.testing.assert_allclose(found.policy, expected.action_weights, atol=1e-6)


@pytest.mark.parametrize(("actions", "simulations", "considered", "two_players"), [
    (7, 64, 16, False), (7, 64, 16, True), (7, 40, 4, True), (40, 64, 16, True)])
def test_gumbel_visits_what_mctxs_gumbel_policy_visits(
    actions: int, simulations: int, considered: int, two_players: bool
) -> None:
    world = World(actions, seed=actions)
    _, drawn = jax.random.split(jax.random.PRNGKey(0))
    world.noise = np.array(jax.random.gumbel(drawn, shape=world.noise.shape))
    found = ours(world, Rule(GUMBEL, 0.0), simulations, two_players=two_players, considered=considered, noise=True)
    expected = theirs(world, mctx.gumbel_muzero_policy, simulations, two_players=two_players,
                      max_num_considered_actions=considered)
    np.testing.assert_array_equal(found.tree.edges["visits"][:, 0], expected.search_tree.children_visits[:, 0])
    np.testing.assert_array_equal(found.tree.nodes["visits"], expected.search_tree.node_visits)
    np.testing.assert_allclose(found.tree.nodes["value"], expected.search_tree.node_values, atol=1e-5)
    np.testing.assert_allclose(found.policy, expected.action_weights, atol=1e-5)
    np.testing.assert_array_equal(found.actions, expected.action)
