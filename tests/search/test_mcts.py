"""Tree search over the steps of a task, without truth: on Countdown, whose rules alone it may ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pawl.errors import ConfigError
from pawl.interfaces import Policy, StepTask
from pawl.keys import row_keys
from pawl.records import Cost, FloatArray, Problem
from pawl.search.mcts import TreeSearch
from pawl.search.rules import PUCT, Rule
from pawl.search.steps import Sampled, uniform
from pawl.tasks.countdown import Countdown, reachable
from pawl.testing import ScriptedPolicy


class Silent(Countdown):
    """Countdown whose truth must not be asked."""

    def score(self, problem: Problem, answer: str) -> float:
        raise AssertionError("a search asked for the truth")


TASK = Silent(numbers=3, max_number=9)
PROBLEMS = Countdown(numbers=3, max_number=9).problems("train", 40, 0)
NOBODY: Any = None
"""A policy that is not asked."""


def solvable(policy: Policy, task: StepTask, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
    """The true value of every state."""
    values = [float(state.problem.data["target"] in reachable(state.numbers)) for state in states]
    return np.array(values, np.float32), [Cost(estimated=1)] * len(states)


def at_the_end(policy: Policy, task: StepTask, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
    """The true value of the last state; of the others nothing is known."""
    values = [float(state.numbers == (state.problem.data["target"],)) if task.terminal(state) else 0.5
              for state in states]
    return np.array(values, np.float32), [Cost(estimated=1)] * len(states)


def keys(count: int) -> Any:
    return row_keys(0, [str(i) for i in range(count)], 1)[:, 0]


def solve(search: TreeSearch, problems: Sequence[Problem], policy: Any = NOBODY) -> list[float]:
    """Truth of what the search plays, step by step."""
    states = [TASK.start(problem) for problem in problems]
    while not all(map(TASK.terminal, states)):
        choices = search(policy, TASK, states, keys(len(states)))
        states = [TASK.step(state, choice.action) for state, choice in zip(states, choices, strict=True)]
    return [Countdown().score(problem, TASK.answer(state)) for problem, state in zip(problems, states, strict=True)]


@pytest.mark.parametrize("rule", ["uct", "puct", "gumbel"])
def test_with_the_true_value_it_never_loses_value(rule: Any) -> None:
    assert solve(TreeSearch(uniform, solvable, simulations=16, rule=rule), PROBLEMS) == [1.0] * len(PROBLEMS)


@pytest.mark.parametrize("rule", ["uct", "puct", "gumbel"])
def test_with_values_at_the_end_alone_more_search_solves_more(rule: Any) -> None:
    few, many = (np.mean(solve(TreeSearch(uniform, at_the_end, simulations=count, rule=rule), PROBLEMS))
                 for count in (2, 200))
    assert many > few + 0.3 and many > 0.8


def test_a_choice_carries_its_actions_target_visits_values_and_cost() -> None:
    (choice,) = TreeSearch(uniform, solvable, simulations=40)(NOBODY, TASK, [TASK.start(PROBLEMS[0])], keys(1))
    count = len(choice.actions)
    assert choice.actions == tuple(TASK.actions(TASK.start(PROBLEMS[0])))
    assert choice.policy.shape == choice.visits.shape == choice.values.shape == (count,)
    assert choice.policy.sum() == pytest.approx(1) and choice.visits.sum() == 40
    assert choice.action in choice.actions
    assert 0 <= choice.value <= 1
    assert choice.cost.forwarded == choice.cost.generated == 0
    assert 1 < choice.cost.estimated <= 41


def test_states_do_not_know_their_neighbours() -> None:
    search = TreeSearch(uniform, at_the_end, simulations=30, noise=True)
    states, names = [TASK.start(problem) for problem in PROBLEMS[:6]], keys(6)
    together = search(NOBODY, TASK, states, names)
    for i in (0, 5):
        (alone,) = search(NOBODY, TASK, [states[i]], names[i : i + 1])
        np.testing.assert_array_equal(alone.visits, together[i].visits)
        assert alone.action == together[i].action


PROBLEM = TASK.problem((2, 3, 7), 13)
LINES = ("7+3=10", "3+7=10", "7*2=14", "7/2=3", "no step", "7*3=21")
"""Of these, the first two are one step, and two are none."""


def test_sampled_steps_are_legal_and_distinct_and_their_priors_are_likelihoods() -> None:
    policy = ScriptedPolicy({}, default=[f"{line}\n" for line in LINES])
    state = TASK.start(PROBLEM)
    (proposal,) = Sampled(count=64)(policy, TASK, [state], keys(1))
    found = dict(zip(map(str, proposal.actions), proposal.priors, strict=True))
    assert found == {"7+3=10": pytest.approx(0.5), "7*2=14": pytest.approx(0.25), "7*3=21": pytest.approx(0.25)}
    prefix = len(policy.encode(TASK.prompt(state)))
    assert proposal.cost.forwarded == prefix + proposal.cost.generated
    assert proposal.cost.generated >= 64 * len("7/2=3\n")


@pytest.mark.parametrize("lines", [["nothing that is a step\n"], ["7+3=10" + " " * 70]])
def test_a_policy_that_proposes_no_step_leaves_none_to_choose(lines: list[str]) -> None:
    """Neither lines that are no steps nor one that does not end."""
    policy = ScriptedPolicy({}, default=lines)
    (choice,) = TreeSearch(Sampled(), solvable, simulations=4)(policy, TASK, [TASK.start(PROBLEM)], keys(1))
    assert choice.action is None and choice.actions == () and choice.policy.shape == (0,)


def test_a_policy_that_proposes_one_step_again_and_again_gets_it() -> None:
    policy = ScriptedPolicy({}, default=["7+3=10\n"])
    (choice,) = TreeSearch(Sampled(), solvable, simulations=4)(policy, TASK, [TASK.start(PROBLEM)], keys(1))
    assert str(choice.action) == "7+3=10" and choice.policy.tolist() == [1.0]


def test_a_line_that_never_ends_is_no_step_and_is_paid_for() -> None:
    policy = ScriptedPolicy({}, default=["7+3=10" + " " * 70])
    (choice,) = TreeSearch(Sampled(count=8, max_tokens=32), solvable, simulations=4)(
        policy, TASK, [TASK.start(PROBLEM)], keys(1))
    assert choice.action is None and choice.cost.generated == 8 * 32


def test_a_value_that_is_no_number_is_refused() -> None:
    def broken(policy: Policy, task: StepTask, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
        return np.full(len(states), np.nan, np.float32), [Cost()] * len(states)

    with pytest.raises(ConfigError, match="value must be a finite number"):
        TreeSearch(uniform, broken, simulations=4)(NOBODY, TASK, [TASK.start(PROBLEM)], keys(1))


@pytest.mark.parametrize(("wrong", "said"), [
    ({"simulations": 0}, "a simulation or more, got 0"), ({"tokens": 0}, "a token or more to spend, got 0"),
    ({"together": 0}, "considered 16 and together 0"), ({"considered": 0}, "considered 0 and together 1"),
    ({"noise_share": 1.5}, "a share in .* and a total above 0, got 1.5"), ({"noise_total": 0.0}, "got 0.25 and 0.0")])
def test_settings_without_sense_are_refused(wrong: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TreeSearch(uniform, solvable, **({"simulations": 4} | wrong))


def priced(policy: Policy, task: StepTask, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
    """`at_the_end`, for ten tokens a state; for thirty if the target is odd."""
    costs = [Cost(30 if state.problem.data["target"] % 2 else 10, 0, 1) for state in states]
    return at_the_end(policy, task, states)[0], costs


@pytest.mark.parametrize("rule", ["uct", "puct", "gumbel"])
def test_a_tree_that_has_spent_its_tokens_stops_and_the_others_go_on(rule: Any) -> None:
    """Each alone as beside the others."""
    search = TreeSearch(uniform, priced, simulations=500, rule=rule, tokens=400)
    states = [TASK.start(problem) for problem in Countdown(numbers=4, max_number=6).problems("train", 6, 0)]
    choices = search(NOBODY, TASK, states, keys(6))
    assert {state.problem.data["target"] % 2 for state in states} == {0, 1}
    for i, (state, choice) in enumerate(zip(states, choices, strict=True)):
        price = 30 if state.problem.data["target"] % 2 else 10
        reached = choice.cost.forwarded >= 400
        assert choice.cost.forwarded < 400 + price and choice.action in choice.actions
        assert reached and choice.visits.sum() >= 400 // price - 1
        (alone,) = search(NOBODY, TASK, [state], keys(6)[i : i + 1])
        np.testing.assert_array_equal(alone.visits, choice.visits)


def test_tokens_that_pay_for_the_root_alone_buy_the_likeliest_step() -> None:
    policy = ScriptedPolicy({}, default=["7+3=10\n", "7*2=14\n", "7*2=14\n", "7*2=14\n"])
    for rule in ("uct", "puct", "gumbel"):
        search = TreeSearch(Sampled(count=16), solvable, 50, rule=rule, tokens=1)  # type: ignore[arg-type]
        (choice,) = search(policy, TASK, [TASK.start(PROBLEM)], keys(1))
        assert str(choice.action) in ("7+3=10", "7*2=14") and choice.visits.sum() == 0
        assert choice.policy.sum() == pytest.approx(1)


def test_leaves_of_one_tree_may_be_estimated_together() -> None:
    sizes: list[int] = []

    def counted(policy: Policy, task: StepTask, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
        sizes.append(len(states))
        return solvable(policy, task, states)

    problem = next(problem for problem in PROBLEMS if len(TASK.actions(TASK.start(problem))) >= 8)
    (choice,) = TreeSearch(uniform, counted, 40, together=8)(NOBODY, TASK, [TASK.start(problem)], keys(1))
    assert max(sizes) == 8 and choice.visits.sum() == 40 and len(sizes) <= 6


@pytest.mark.parametrize("rule", ["uct", "puct", "gumbel"])
def test_luck_at_the_root_moves_its_visits_and_is_the_keys(rule: Any) -> None:
    states = [TASK.start(problem) for problem in PROBLEMS]
    plain, noisy, again = (TreeSearch(uniform, at_the_end, 6, rule=rule, noise=noise)(NOBODY, TASK, states, keys(40))
                           for noise in (False, True, True))
    assert sum(not np.array_equal(one.visits, other.visits) for one, other in zip(plain, noisy, strict=True)) > 5
    for one, other in zip(noisy, again, strict=True):
        np.testing.assert_array_equal(one.visits, other.visits)


def test_a_rule_of_ones_own_is_a_rule() -> None:
    states = [TASK.start(problem) for problem in PROBLEMS[:5]]
    mine = TreeSearch(uniform, at_the_end, 20, rule=Rule(PUCT, 1.25))(NOBODY, TASK, states, keys(5))
    for one, other in zip(mine, TreeSearch(uniform, at_the_end, 20, rule="puct")(NOBODY, TASK, states, keys(5)),
                          strict=True):
        np.testing.assert_array_equal(one.visits, other.visits)


@pytest.mark.parametrize("rule", ["uct", "puct", "gumbel"])
def test_equal_states_are_one_node_of_a_graph_and_are_estimated_once(rule: Any) -> None:
    """As many right moves for a part of the price; four numbers, as three have next to no transpositions."""
    problems = Countdown(numbers=4, max_number=6).problems("train", 12, 0)
    states = [TASK.start(problem) for problem in problems]
    tree, graph = (TreeSearch(uniform, at_the_end, 300, rule=rule, graph=graph)(NOBODY, TASK, states, keys(12))
                   for graph in (False, True))
    price, less = (sum(choice.cost.estimated for choice in choices) for choices in (tree, graph))
    assert less < 0.75 * price
    right, same = (sum(state.problem.data["target"] in reachable(TASK.step(state, choice.action).numbers)
                       for state, choice in zip(states, choices, strict=True)) for choices in (tree, graph))
    assert same >= right - 1
