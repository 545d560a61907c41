"""A searched tree as plain records: nothing is lost, nothing is made up, and JSON holds it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from trees import Explorer, RandomTree

from pawl.interfaces import Policy, StepTask
from pawl.keys import row_keys
from pawl.records import Choice, Cost, SearchTree
from pawl.search.dump import record_tree
from pawl.search.forest import search
from pawl.search.mcts import TreeSearch
from pawl.search.rules import PUCT, Rule
from pawl.search.steps import Sampled, uniform
from pawl.search.tree import plant
from pawl.tasks.countdown import Countdown
from pawl.testing import ScriptedPolicy

TASK = Countdown(numbers=4, max_number=9)
PROBLEMS = TASK.problems("train", 6, 0)
NOBODY: Any = None


def by_size(policy: Policy, task: StepTask, states: Any) -> Any:
    """Values that differ from state to state."""
    return np.array([1 / (1 + max(state.numbers)) for state in states], np.float32), [Cost()] * len(states)


def choices(**options: Any) -> list[Choice]:
    made = TreeSearch(uniform, by_size, **{"simulations": 60, "rule": "puct", "keep_tree": True} | options)
    states = [TASK.start(problem) for problem in PROBLEMS]
    return made(NOBODY, TASK, states, row_keys(0, [problem.id for problem in PROBLEMS], 1)[:, 0])


def trees(**options: Any) -> list[SearchTree]:
    return [choice.tree for choice in choices(**options) if choice.tree]


@pytest.mark.parametrize("rule", ["uct", "puct", "gumbel"])
def test_a_nodes_visits_are_those_of_its_steps_and_its_own_evaluation(rule: str) -> None:
    found = trees(rule=rule)
    assert len(found) == len(PROBLEMS)
    for tree in found:
        assert tree.nodes[0].visits == 61
        for node in tree.nodes:
            if not node.terminal:
                assert node.visits == 1 + sum(step.visits for step in node.steps)
        for step in (step for node in tree.nodes for step in node.steps):
            assert (step.child is None) == (step.visits == 0)
            assert step.child is None or tree.nodes[step.child].visits == step.visits


def test_the_priors_of_a_state_sum_to_1() -> None:
    sums = [sum(step.prior for step in node.steps) for tree in trees() for node in tree.nodes if node.steps]
    assert len(sums) > len(PROBLEMS)
    assert sums == pytest.approx([1.0] * len(sums))


def test_q_is_the_mean_of_the_estimates_at_and_below_a_node() -> None:
    for tree in trees():
        for node in tree.nodes:
            if not node.terminal:
                below = sum(step.visits * tree.nodes[step.child].value for step in node.steps if step.child)
                assert node.value == pytest.approx((node.estimate + below) / node.visits)


def test_the_root_is_what_the_choice_says_of_it() -> None:
    for choice in choices():
        assert choice.tree is not None
        root = choice.tree.nodes[0]
        assert [step.text for step in root.steps] == [str(action) for action in choice.actions]
        assert [step.visits for step in root.steps] == choice.visits.tolist()
        assert root.value == pytest.approx(choice.value)


def test_the_line_is_the_chosen_step_and_then_the_most_visited_ones() -> None:
    for choice in choices():
        assert choice.tree is not None
        nodes, line = choice.tree.nodes, choice.tree.line
        assert choice.actions[line[0]] == choice.action
        node = nodes[nodes[0].steps[line[0]].child or 0]
        for place in line[1:]:
            assert node.steps[place].visits == max(step.visits for step in node.steps)
            node = nodes[node.steps[place].child or 0]
        assert not any(step.visits for step in node.steps)


def test_json_gives_the_same_tree_back() -> None:
    for tree in trees():
        text = json.dumps(asdict(tree), allow_nan=False)
        assert TypeAdapter(SearchTree).validate_json(text) == tree


def test_a_tree_is_kept_when_it_is_asked_for_and_changes_nothing() -> None:
    for kept, plain in zip(choices(), choices(keep_tree=False), strict=True):
        assert kept.tree is not None and plain.tree is None
        np.testing.assert_array_equal(kept.visits, plain.visits)


def test_a_state_in_which_nothing_was_proposed_is_a_tree_of_one_node_without_a_line() -> None:
    made, silent = TreeSearch(Sampled(), by_size, simulations=4, keep_tree=True), ScriptedPolicy({}, default=["no\n"])
    [choice] = made(silent, TASK, [TASK.start(PROBLEMS[0])], row_keys(0, ["a"], 1)[:, 0])
    assert choice.tree is not None and len(choice.tree.nodes) == 1 and choice.tree.line == ()


def test_values_that_are_known_for_sure_are_said_to_be_proven() -> None:
    world = RandomTree(3, 2, False, seed=1)
    explorer = Explorer([world], perfect=False, exact=True)
    found = search(explorer.roots(), explorer, rule=Rule(PUCT, 1.25), simulations=200)
    tree = record_tree(found.tree, 0, dict.fromkeys(range(100), "lr"), int(found.actions[0]))
    assert tree.nodes[0].proven == pytest.approx(world.value(()))
    ends = [node for node in tree.nodes if node.terminal]
    assert [node.proven for node in ends] == [node.estimate for node in ends]


def test_a_state_that_two_steps_lead_to_is_one_node_and_a_circle_ends_the_line() -> None:
    tree = plant(1, 4, 2)
    for node, child, visits in ((0, [3, 3], [2, 1]), (3, [0, -1], [1, 0])):  # node 1 and 2 are left over
        tree.edges["child"][0, node], tree.edges["visits"][0, node], tree.edges["prior"][0, node] = child, visits, 0.5
    found = record_tree(tree, 0, {0: ("left", "right"), 3: ("back", "on")}, 1)
    assert [[step.child for step in node.steps] for node in found.nodes] == [[1, 1], [0, None]]
    assert found.line == (1, 0)
