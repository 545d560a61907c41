"""The loop of tree search against closed forms and backward induction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from trees import Explorer, RandomTree

from pawl.search.forest import search
from pawl.search.rules import GUMBEL, PUCT, UCT, Rule
from pawl.search.tree import Leaves

RULES = [Rule(UCT, 1.0), Rule(PUCT, 1.25), Rule(GUMBEL, 0.0)]


def bandits(priors: Any, values: Any) -> tuple[Leaves, Any]:
    """Trees of one step: the root's value is 0, action a ends with the value [B, A]."""
    def leaves(estimates: Any, priors: Any, end: bool) -> Leaves:
        flags = np.full(len(estimates), end)
        return Leaves(priors.astype(np.float32), estimates.astype(np.float32), np.zeros(len(estimates), np.int32),
                      flags, np.zeros_like(flags))

    def evaluate(rows: Any, nodes: Any, actions: Any) -> Leaves:
        assert (nodes == 0).all()
        return leaves(values[rows, actions], np.zeros((len(rows), priors.shape[1])), True)

    return leaves(np.zeros(len(priors)), priors, False), evaluate


def test_gumbel_on_a_bandit_without_noise_compares_the_likeliest_and_takes_the_best_of_them() -> None:
    priors, values = np.array([[0.4, 0.3, 0.2, 0.1]]), np.array([[0.1, 0.5, 0.2, 1.0]])
    roots, evaluate = bandits(priors, values)
    found = search(roots, evaluate, rule=Rule(GUMBEL, 0.0), simulations=8, considered=2)
    assert found.tree.edges["visits"][0, 0].tolist() == [4, 4, 0, 0]
    assert found.actions.tolist() == [1]
    mixed = 8 * (0.4 * 0.1 + 0.3 * 0.5) / 0.7 / 9
    completed = (np.array([0.1, 0.5, mixed, mixed]) - 0.1) / 0.4 * 54 * 0.1
    expected = priors[0] * np.exp(completed)
    np.testing.assert_allclose(found.policy[0], expected / expected.sum(), rtol=1e-5)
    assert found.values[0] == pytest.approx((4 * 0.1 + 4 * 0.5) / 9)


@pytest.mark.parametrize("rule", RULES)
def test_more_search_of_a_bandit_finds_its_best_arm(rule: Rule) -> None:
    random = np.random.default_rng(0)
    priors, values = np.full((200, 6), 1 / 6), random.uniform(-1, 1, (200, 6))
    found = search(*bandits(priors, values), rule=rule, simulations=200)
    assert (found.actions == values.argmax(axis=1)).mean() >= 0.97


def test_gumbel_with_few_visits_and_noise_is_better_than_its_prior() -> None:
    """Both the action and the target, on 2,000 random bandits whose values are known exactly."""
    random = np.random.default_rng(1)
    priors, values = random.dirichlet(np.ones(8), 2000), random.uniform(-1, 1, (2000, 8))
    worth = (priors * values).sum(axis=1)
    roots, evaluate = bandits(priors, values)
    found = search(roots._replace(estimates=worth.astype(np.float32)), evaluate, rule=Rule(GUMBEL, 0.0), simulations=4,
                   considered=4, noise=random.gumbel(size=priors.shape))
    gains = (found.policy * values).sum(axis=1) - worth, values[np.arange(2000), found.actions] - worth
    for gain in gains:
        assert gain.mean() > 0.3
    assert (gains[0] > -1e-6).mean() > 0.95


@pytest.mark.parametrize("two_players", [False, True])
@pytest.mark.parametrize("rule", [RULES[0], RULES[2]])
def test_with_a_perfect_value_a_look_at_every_action_finds_backward_inductions(rule: Rule, two_players: bool) -> None:
    trees = [RandomTree(3, 5, two_players, seed) for seed in range(40)]
    explorer = Explorer(trees, perfect=True, even=np.inf)
    found = search(explorer.roots(), explorer, rule=rule, simulations=5)
    turn = -1 if two_players else 1
    assert [tree.value(()) for tree in trees] == [turn * tree.value((int(a),))
                                                  for tree, a in zip(trees, found.actions, strict=True)]


@pytest.mark.parametrize("two_players", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_values_known_at_the_bottom_bound_those_above(rule: Rule, two_players: bool) -> None:
    trees = [RandomTree(3, 3, two_players, seed) for seed in range(30)]
    explorer = Explorer(trees, perfect=False, exact=True)
    tree = search(explorer.roots(), explorer, rule=rule, simulations=60).tree
    for b, world in enumerate(trees):
        for node, path in enumerate(explorer.paths[b]):
            assert tree.nodes["lower"][b, node] <= np.float32(world.value(path)) <= tree.nodes["upper"][b, node]
    assert np.isfinite(tree.nodes["lower"][:, 0]).any()


@pytest.mark.parametrize("two_players", [False, True])
@pytest.mark.parametrize("rule", RULES[:2])
def test_enough_search_solves_the_tree(rule: Rule, two_players: bool) -> None:
    trees = [RandomTree(3, 3, two_players, seed) for seed in range(30)]
    explorer = Explorer(trees, perfect=False, exact=True)
    found = search(explorer.roots(), explorer, rule=rule, simulations=400)
    exact = np.array([tree.value(()) for tree in trees], np.float32)
    np.testing.assert_array_equal(found.tree.nodes["lower"][:, 0], exact)
    np.testing.assert_array_equal(found.tree.nodes["upper"][:, 0], exact)
    turn = -1 if two_players else 1
    np.testing.assert_array_equal(exact, np.array([turn * tree.value((int(a),)) for tree, a
                                                   in zip(trees, found.actions, strict=True)], np.float32))


@pytest.mark.parametrize(("rule", "left"), list(zip(RULES, (0.2, 0.6, 0.95), strict=True)))
def test_more_search_with_random_values_means_less_regret(rule: Rule, left: float) -> None:
    """UCT's goes to nothing; PUCT's more slowly, with its prior; Gumbel's values stay those of a soft policy."""
    def regret(simulations: int) -> float:
        trees = [RandomTree(3, 4, True, seed) for seed in range(100)]
        explorer = Explorer(trees, perfect=False)
        found = search(explorer.roots(), explorer, rule=rule, simulations=simulations)
        return float(np.mean([tree.value(()) + tree.value((int(a),))
                              for tree, a in zip(trees, found.actions, strict=True)]))

    assert regret(1500) < left * regret(4)


@pytest.mark.parametrize("waiting_value", [float("nan"), -1.0])
@pytest.mark.parametrize("rule", RULES)
def test_walks_that_are_evaluated_together_leave_no_trace(rule: Rule, waiting_value: float) -> None:
    """Every node has the visits of its actions and of its own evaluation, and their mean value."""
    trees = [RandomTree(4, 3, True, seed) for seed in range(20)]
    explorer = Explorer(trees, perfect=False)
    tree = search(explorer.roots(), explorer, rule=rule._replace(waiting_value=waiting_value), simulations=50,
                  together=8).tree
    assert not tree.edges["waiting"].any()
    np.testing.assert_array_equal(tree.nodes["visits"][:, 0], 51)
    for b in range(len(trees)):
        for node in range(tree.sizes[b]):
            here, edges = tree.nodes[b, node], tree.edges[b, node]
            if not here["terminal"]:
                taken = edges[edges["visits"] > 0]
                children = tree.nodes[b, taken["child"]]
                own = here["visits"] - taken["visits"].sum()  # more than one where two walks found the node together
                assert 1 <= own <= 8
                np.testing.assert_array_equal(taken["visits"], children["visits"])
                mean = (own * here["estimate"] - (taken["visits"] * children["value"]).sum()) / here["visits"]
                assert here["value"] == pytest.approx(mean)


@pytest.mark.parametrize("rule", RULES)
def test_walks_that_are_evaluated_together_find_what_walks_by_themselves_do(rule: Rule) -> None:
    random = np.random.default_rng(0)
    values = random.uniform(-1, 1, (100, 6))
    found = search(*bandits(np.full((100, 6), 1 / 6), values), rule=rule, simulations=200, together=4)
    assert (found.actions == values.argmax(axis=1)).mean() >= 0.97


@pytest.mark.parametrize("rule", RULES)
def test_a_tree_does_not_know_its_neighbours(rule: Rule) -> None:
    def alone(seed: int) -> Any:
        explorer = Explorer([RandomTree(3, 4, True, seed)], perfect=True, even=np.inf)
        return search(explorer.roots(), explorer, rule=rule, simulations=40).tree.edges["visits"][0]

    explorer = Explorer([RandomTree(3, 4, True, seed) for seed in range(5)], perfect=True, even=np.inf)
    beside = search(explorer.roots(), explorer, rule=rule, simulations=40).tree.edges["visits"]
    for seed in range(5):
        np.testing.assert_array_equal(alone(seed), beside[seed])


@pytest.mark.parametrize("rule", RULES)
def test_swapping_the_players_names_swaps_nothing_else(rule: Rule) -> None:
    def searched(swap: int) -> Any:
        explorer = Explorer([RandomTree(3, 4, True, seed) for seed in range(10)], perfect=False)

        def leaves(found: Leaves) -> Leaves:
            return found._replace(players=found.players ^ swap)

        return search(leaves(explorer.roots()), lambda *places: leaves(explorer(*places)), rule=rule, simulations=60)

    (one, other) = searched(0), searched(1)
    np.testing.assert_array_equal(one.tree.edges["visits"], other.tree.edges["visits"])
    np.testing.assert_array_equal(one.tree.nodes["value"], other.tree.nodes["value"])
    np.testing.assert_array_equal(one.actions, other.actions)


@pytest.mark.parametrize("rule", RULES)
def test_actions_that_are_not_there_are_never_taken(rule: Rule) -> None:
    """Four of ninety actions, here and there."""
    random = np.random.default_rng(0)
    priors, values = np.zeros((30, 90)), random.uniform(-1, 1, (30, 90))
    for row in priors:
        row[random.choice(90, 4, replace=False)] = 0.25
    found = search(*bandits(priors, values), rule=rule, simulations=60, noise=random.gumbel(size=priors.shape))
    assert (found.tree.edges["visits"][:, 0][priors == 0] == 0).all()
    assert (found.policy[priors == 0] == 0).all() and (priors[np.arange(30), found.actions] > 0).all()
