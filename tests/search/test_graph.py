"""Nodes with several parents, against backward induction and against trees; and what is kept of a tree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from trees import Explorer, Mapper, RandomGraph, RandomTree

from pawl.search.forest import Outcome, search
from pawl.search.graph import regrown
from pawl.search.rules import GUMBEL, PUCT, UCT, Rule
from pawl.search.tree import NONE, plant

RULES = [Rule(UCT, 1.0), Rule(PUCT, 1.25), Rule(GUMBEL, 0.0)]


def explored(rule: Rule, *, exact: bool = True, **options: Any) -> Outcome:
    """Twenty random trees, 60 walks."""
    explorer = Explorer([RandomTree(4, 3, True, seed) for seed in range(20)], perfect=False, exact=exact)
    if options.pop("graph", False):
        options["find"] = explorer.find
    return search(explorer.roots(), explorer, rule=rule, simulations=60, **options)


@pytest.mark.parametrize("together", [1, 4])
@pytest.mark.parametrize("rule", RULES)
def test_without_transpositions_a_graph_is_the_tree_bit_for_bit(rule: Rule, together: int) -> None:
    tree, graph = explored(rule, together=together), explored(rule, together=together, graph=True)
    for one, other in ((tree.tree.nodes, graph.tree.nodes), (tree.tree.edges, graph.tree.edges)):
        for name in one.dtype.names:  # padding between fields is anything
            assert one[name].tobytes() == other[name].tobytes()
    assert tree.policy.tobytes() == graph.policy.tobytes() and not graph.tree.shared.any()


@pytest.mark.parametrize("together", [1, 4])
@pytest.mark.parametrize("rule", RULES)
def test_values_recomputed_from_the_children_are_the_running_means(rule: Rule, together: int) -> None:
    """In trees that are said to share nodes and do not."""
    empty = plant(20, 1, 3)._replace(shared=np.ones(20, np.bool_))
    running = explored(rule, exact=False, together=together).tree
    recomputed = explored(rule, exact=False, together=together, kept=empty).tree
    np.testing.assert_array_equal(running.edges["visits"], recomputed.edges["visits"][:, :61])
    np.testing.assert_allclose(running.nodes["value"], recomputed.nodes["value"][:, :61], atol=1e-9)


@pytest.mark.parametrize("two_players", [False, True])
@pytest.mark.parametrize("rule", RULES[:2])
def test_a_solved_graph_is_backward_inductions_for_fewer_evaluations_than_its_tree(
    rule: Rule, two_players: bool
) -> None:
    graphs = [RandomGraph(5, 4, 3, two_players, seed) for seed in range(8)]
    tree, graph = Mapper(graphs, exact=True), Mapper(graphs, exact=True)
    found = search(graph.roots(), graph, rule=rule, simulations=800, find=graph.find).tree
    plain = search(tree.roots(), tree, rule=rule, simulations=800).tree
    exact = np.array([those.values[0] for those in graphs], np.float32)
    for solved in (found, plain):
        np.testing.assert_array_equal(solved.nodes["lower"][:, 0], exact)
        np.testing.assert_array_equal(solved.nodes["upper"][:, 0], exact)
    for asked, of_tree in zip(graph.states, tree.states, strict=True):
        assert len(asked) == len(set(asked)) <= 5 * 4 + 1 and 2 * len(asked) < len(of_tree)


@pytest.mark.parametrize("rule", RULES)
def test_without_proofs_a_graphs_values_come_as_close_as_its_trees_for_fewer_evaluations(rule: Rule) -> None:
    graphs = [RandomGraph(4, 5, 4, True, seed) for seed in range(40)]

    def searched(simulations: int, *, graph: bool) -> tuple[float, int]:
        """The mean error of the roots' values, and how many states were asked about."""
        mapper = Mapper(graphs, exact=False)
        values = search(mapper.roots(), mapper, rule=rule, simulations=simulations,
                        find=mapper.find if graph else None).values
        return float(np.mean([abs(value - graph.values[0]) for value, graph in zip(values, graphs, strict=True)])), \
            sum(map(len, mapper.states))

    (few, _), (error, asked), (of_tree, asked_of_tree) = (
        searched(4, graph=True), searched(300, graph=True), searched(300, graph=False))
    assert error < 0.35 * few and error < of_tree + 0.02 and 2 * asked < asked_of_tree


@pytest.mark.parametrize("loops", [False, True])
@pytest.mark.parametrize("together", [1, 8])
@pytest.mark.parametrize("rule", RULES)
def test_walks_end_and_bounds_hold_and_no_edge_has_more_visits_than_its_node(
    rule: Rule, together: int, loops: bool
) -> None:
    """Where actions lead back too. An edge that leads back is counted for walks that end there."""
    graphs = [RandomGraph(5, 4, 3, False, seed, loops) for seed in range(10)]
    mapper = Mapper(graphs, exact=True)
    tree = search(mapper.roots(), mapper, rule=rule, simulations=200, find=mapper.find, together=together).tree
    assert not tree.edges["waiting"].any() and (tree.nodes["visits"][:, 0] == 201).all() and tree.shared.all()
    for b, those in enumerate(mapper.states):
        assert len(those) == len(set(those)) == tree.sizes[b]
        exact = graphs[b].values[those].astype(np.float32)
        here, edges = tree.nodes[b, : len(those)], tree.edges[b, : len(those)]
        assert (here["lower"] <= exact).all() and (exact <= here["upper"]).all()
        assert (here["visits"] > edges["visits"].sum(axis=1)).all()
        if not loops:
            taken = edges[edges["visits"] > 0]
            assert (taken["visits"] <= here["visits"][taken["child"]]).all()


@pytest.mark.parametrize("rule", RULES)
def test_walks_under_way_do_not_send_another_round_in_a_circle(rule: Rule) -> None:
    """One that comes back to a node on its path ends, so that no node is visited twice by a walk."""
    graphs = [RandomGraph(2, 2, 2, False, seed, loops=True) for seed in range(40)]
    mapper = Mapper(graphs, exact=False)
    tree = search(mapper.roots(), mapper, rule=rule, simulations=150, find=mapper.find, together=8).tree
    assert tree.nodes["visits"].max() == 151 and not tree.edges["waiting"].any()


@pytest.mark.parametrize("rule", RULES)
def test_what_was_kept_is_walked_again_for_nothing(rule: Rule) -> None:
    """An action is paid for from the visit on that its node does not have yet."""
    trees = [RandomTree(5, 3, True, seed) for seed in range(20)]
    explorer = Explorer(trees, perfect=False)
    found = search(explorer.roots(), explorer, rule=rule, simulations=80)
    starts = found.tree.edges["child"][np.arange(20), 0, found.actions]
    kept, orders = regrown(found.tree, np.arange(20, dtype=np.int32), starts)
    after = Explorer(trees, perfect=False)
    after.paths = [[those[node] for node in order] for those, order in zip(explorer.paths, orders, strict=True)]
    roots = after._leaves(range(20), [those[0] for those in after.paths])
    had = [{int(a): int(kept.nodes["visits"][b, edge["child"]]) for a, edge in enumerate(kept.edges[b, 0])
            if edge["child"] != NONE} for b in range(20)]
    again = search(roots, after, rule=rule, simulations=30, kept=kept).tree
    for b in range(20):
        visits = again.edges["visits"][b, 0]
        assert visits.sum() == 30
        assert again.sizes[b] - kept.sizes[b] <= sum(max(0, visits[a] - had[b].get(a, 0)) for a in range(3))
    assert (again.sizes - kept.sizes).sum() < 15 * 20


@pytest.mark.parametrize("rule", RULES)
def test_what_is_kept_of_a_tree_is_the_subtree_as_it_was(rule: Rule) -> None:
    found = explored(rule)
    rows = np.array([3, 7, 8, 19], np.int32)
    starts = found.tree.edges["child"][rows, 0, found.actions[rows]]
    starts[2] = NONE
    kept, orders = regrown(found.tree, rows, starts)
    assert kept.sizes.tolist() == [len(order) for order in orders] and kept.sizes[2] == 0
    for i, (b, order) in enumerate(zip(rows, orders, strict=True)):
        for number, node in enumerate(order):
            for a, edge in enumerate(found.tree.edges[b, node]):
                child = kept.edges[i, number, a]["child"]
                assert (child == NONE) == (edge["child"] == NONE) and (child == NONE or order[child] == edge["child"])
            if number > 0:
                assert kept.nodes[i, number] == found.tree.nodes[b, node]
                assert (kept.edges[i, number]["visits"] == found.tree.edges[b, node]["visits"]).all()
        assert kept.nodes[i, 0]["visits"] == 1 and not kept.edges[i, 0]["visits"].any()


@pytest.mark.parametrize("loops", [False, True])
@pytest.mark.parametrize("rule", RULES)
def test_a_search_of_what_was_kept_asks_about_no_state_twice(rule: Rule, loops: bool) -> None:
    """But for the old root, which stays behind."""
    graphs = [RandomGraph(5, 4, 3, False, seed, loops) for seed in range(10)]
    mapper = Mapper(graphs, exact=True)
    found = search(mapper.roots(), mapper, rule=rule, simulations=40, find=mapper.find)
    starts = found.tree.edges["child"][np.arange(10), 0, found.actions]
    starts[starts == 0] = NONE
    kept, orders = regrown(found.tree, np.arange(10, dtype=np.int32), starts)
    assert not any((order == 0).any() for order in orders)
    after = Mapper(graphs, exact=True)
    after.states = [[those[node] for node in order] or [0] for those, order in zip(mapper.states, orders, strict=True)]
    after.numbers = [{state: number for number, state in enumerate(those)} for those in after.states]
    roots = after._leaves([(b, those[0]) for b, those in enumerate(after.states)])
    again = search(roots, after, rule=rule, simulations=150, find=after.find, kept=kept).tree
    for b, those in enumerate(after.states):
        assert len(those) == len(set(those)) and not again.edges["waiting"].any()
        exact = graphs[b].values[those].astype(np.float32)
        assert (again.nodes["lower"][b, : len(those)] <= exact).all()
        assert (exact <= again.nodes["upper"][b, : len(those)]).all()
