"""Tree of Thoughts against backward induction, a recursion of its own, and arithmetic by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tree_task import Place, TreeTask, perfect
from trees import RandomTree

from pawl.errors import ConfigError
from pawl.keys import row_keys
from pawl.records import Choice, Cost, FloatArray
from pawl.search.steps import Proposal, Sampled, uniform
from pawl.search.thoughts import TreeOfThoughts
from pawl.search.votes import SampledVote
from pawl.tasks.countdown import Countdown, State, reachable
from pawl.testing import ScriptedPolicy

NOBODY: Any = None
"""A policy that is not asked."""
TREES = TreeTask()
COUNTDOWN = Countdown(numbers=3, max_number=9)
PROBLEMS = COUNTDOWN.problems("train", 40, 0)
ORDERS = ["breadth-first", "depth-first"]


def keys(count: int) -> Any:
    return row_keys(0, [str(i) for i in range(count)], 1)[:, 0]


def think(search: TreeOfThoughts, states: Sequence[Any], task: Any = COUNTDOWN, policy: Any = NOBODY) -> list[Choice]:
    return search(policy, task, states, keys(len(states)))


def played(search: TreeOfThoughts, states: Sequence[Any], task: Any = COUNTDOWN, policy: Any = NOBODY) -> list[Any]:
    """The ends that the search comes to, step by step."""
    while not all(map(task.terminal, states)):
        choices = think(search, states, task, policy)
        states = [task.step(state, choice.action) for state, choice in zip(states, choices, strict=True)]
    return list(states)


def at_the_end(policy: Any, task: Any, states: Sequence[State]) -> tuple[FloatArray, list[Cost]]:
    """The true value of the last state; of the others nothing is known."""
    values = [float(state.numbers == (state.problem.data["target"],)) if task.terminal(state) else 0.5
              for state in states]
    return np.array(values, np.float32), [Cost(estimated=1)] * len(states)


def solvable(policy: Any, task: Any, states: Sequence[State]) -> tuple[FloatArray, list[Cost]]:
    """The true value of every state."""
    values = [float(state.problem.data["target"] in reachable(state.numbers)) for state in states]
    return np.array(values, np.float32), [Cost(estimated=1)] * len(states)


def hopeless(policy: Any, task: Any, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
    return np.zeros(len(states), np.float32), [Cost(estimated=1)] * len(states)


@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from(ORDERS))
def test_with_a_perfect_value_a_single_state_a_level_takes_the_optimal_path(seed: int, depth: int, order: Any) -> None:
    start = Place(RandomTree(depth, 3, False, seed))
    search = TreeOfThoughts(uniform, perfect, order=order, breadth=1, threshold=-1, budget=depth + 1)
    (choice,) = think(search, [start], TREES)
    assert start.tree.value(TREES.step(start, choice.action).path) == start.tree.value(())
    assert choice.value == pytest.approx(start.tree.value(()))
    (end,) = played(search, [start], TREES)
    assert end.tree.value(end.path) == start.tree.value(())


def expanded(search: TreeOfThoughts, state: Any, task: Any) -> list[Any]:
    """The states whose steps the search asked for, in turn."""
    asked: list[Any] = []

    def propose(policy: Any, task: Any, states: Sequence[Any], keys: Any) -> list[Proposal]:
        asked.extend(states)
        return uniform(policy, task, states, keys)

    made = TreeOfThoughts(propose, search.estimate, order=search.order, breadth=search.breadth, budget=search.budget,
                          threshold=search.threshold, enough=search.enough)
    think(made, [state], task)
    return asked


def shuffled(policy: Any, task: Any, places: Sequence[Place]) -> tuple[FloatArray, list[Cost]]:
    """Values with no meaning, many of them equal."""
    values = [np.random.default_rng([place.tree.seed, *place.path]).integers(4) / 4 for place in places]
    return np.array(values, np.float32), [Cost(estimated=1)] * len(places)


def recursion(place: Place, threshold: float) -> Iterator[Place]:
    """Depth-first as the paper writes it: places in the order in which they are visited."""
    yield place
    if not TREES.terminal(place):
        below = [TREES.step(place, action) for action in TREES.actions(place)]
        values = shuffled(NOBODY, TREES, below)[0]
        for i in sorted(range(len(below)), key=lambda i: (-values[i], i)):
            if values[i] >= threshold:
                yield from recursion(below[i], threshold)


@given(st.integers(0, 10_000), st.integers(1, 45), st.sampled_from([0.0, 0.25, 0.5]))
def test_depth_first_visits_the_best_below_first_and_goes_back(seed: int, budget: int, threshold: float) -> None:
    start = Place(RandomTree(3, 3, False, seed))
    search = TreeOfThoughts(uniform, shuffled, order="depth-first", budget=budget, threshold=threshold, enough=2)
    visited = islice(recursion(start, threshold), budget)
    assert expanded(search, start, TREES) == [place for place in visited if not TREES.terminal(place)]


@given(st.integers(0, 10_000), st.integers(1, 45))
def test_depth_first_finds_an_end_that_is_enough_where_the_recursion_does(seed: int, budget: int) -> None:
    start = Place(RandomTree(3, 3, False, seed))
    search = TreeOfThoughts(uniform, shuffled, order="depth-first", budget=budget, enough=0.75)
    (choice,) = think(search, [start], TREES)
    ends = [place for place in islice(recursion(start, 0), budget) if TREES.terminal(place)]
    values = shuffled(NOBODY, TREES, ends)[0].tolist()
    good = [place for place, value in zip(ends, values, strict=True) if value >= 0.75]
    if good:
        assert choice.action == good[0].path[0] and choice.value >= 0.75


def test_depth_first_solves_every_problem_that_has_a_solution() -> None:
    search = TreeOfThoughts(uniform, at_the_end, order="depth-first", budget=2000)
    choices = think(search, [COUNTDOWN.start(problem) for problem in PROBLEMS])
    assert all(choice.value == 1 for choice in choices)
    ends = played(search, [COUNTDOWN.start(problem) for problem in PROBLEMS])
    assert [COUNTDOWN.score(end.problem, COUNTDOWN.answer(end)) for end in ends] == [1.0] * len(PROBLEMS)


def test_depth_first_never_visits_what_lies_below_the_threshold() -> None:
    """With the true value as threshold, only states from which the target can be reached."""
    search = TreeOfThoughts(uniform, solvable, order="depth-first", threshold=0.5, enough=2)
    states = expanded(search, COUNTDOWN.start(PROBLEMS[0]), COUNTDOWN)
    assert len(states) > 1
    assert all(PROBLEMS[0].data["target"] in reachable(state.numbers) for state in states)


def test_breadth_first_keeps_the_best_of_each_level_and_the_first_of_equals() -> None:
    start = Place(RandomTree(3, 3, False, 7))
    asked = expanded(TreeOfThoughts(uniform, shuffled, breadth=2, enough=2), start, TREES)
    level = [start]
    for _ in range(2):
        below = [TREES.step(place, action) for place in level for action in TREES.actions(place)]
        values = shuffled(NOBODY, TREES, below)[0]
        best = sorted(range(len(below)), key=lambda i: (-values[i], i))[:2]
        level = [below[i] for i in best]
        assert asked[1:3] == level
        asked = asked[2:]
    assert len(asked) == 1


def test_a_broad_level_finds_what_a_narrow_one_loses() -> None:
    starts = [COUNTDOWN.start(problem) for problem in PROBLEMS]
    narrow, broad = ([choice.value for choice in think(TreeOfThoughts(uniform, at_the_end, breadth=breadth), starts)]
                     for breadth in (1, 1000))
    assert sum(broad) == len(PROBLEMS) > sum(narrow)


def test_equal_states_are_one_and_equal_steps_have_its_value() -> None:
    """2 and 2: adding and multiplying them lead to the same state."""
    problem = COUNTDOWN.problem((2, 2, 5), 12)
    asked: list[Any] = []

    def value(policy: Any, task: Any, states: Sequence[State]) -> tuple[FloatArray, list[Cost]]:
        asked.extend(states)
        return solvable(policy, task, states)

    (choice,) = think(TreeOfThoughts(uniform, value, breadth=50, enough=2), [COUNTDOWN.start(problem)])
    assert choice.value == 1
    assert len(asked) == len(set(map(COUNTDOWN.key, asked))) == choice.visits.sum() == choice.cost.estimated
    names = {str(action): i for i, action in enumerate(choice.actions)}
    assert choice.values[names["2+2=4"]] == choice.values[names["2*2=4"]] == 0
    assert choice.visits[names["2*2=4"]] == 0


def test_a_way_back_to_where_it_was_is_not_gone() -> None:
    class Circle(Countdown):
        def step(self, state: State, action: Any) -> State:
            return State(state.problem, state.numbers)

    task, start = Circle(numbers=3, max_number=9), COUNTDOWN.start(PROBLEMS[0])
    for order in ORDERS:
        (choice,) = think(TreeOfThoughts(uniform, hopeless, order=order), [start], task)  # type: ignore[arg-type]
        assert choice.action is None and choice.actions == () and choice.policy.shape == (0,)


@pytest.mark.parametrize("order", ORDERS)
def test_values_that_are_all_0_leave_the_first_step(order: Any) -> None:
    start = COUNTDOWN.start(PROBLEMS[0])
    (choice,) = think(TreeOfThoughts(uniform, hopeless, order=order, budget=5), [start])
    assert choice.action == COUNTDOWN.actions(start)[0] and choice.value == 0
    assert choice.values.tolist() == [0] * len(choice.actions) and choice.policy.sum() == 1


@pytest.mark.parametrize("order", ORDERS)
def test_a_path_that_never_ends_is_left_at_its_limit(order: Any) -> None:
    class Endless(TreeTask):
        def terminal(self, place: Place) -> bool:
            return False

    def longer_is_better(policy: Any, task: Any, places: Sequence[Place]) -> tuple[FloatArray, list[Cost]]:
        return np.array([len(place.path) + place.path[0] for place in places], np.float32), [Cost()] * len(places)

    search = TreeOfThoughts(uniform, longer_is_better, order=order, most_steps=4, budget=60)
    (choice,) = think(search, [Place(RandomTree(3, 3, False, 0))], Endless())
    assert choice.action == 2 and choice.value == 4 + 2


def test_depth_first_out_of_budget_goes_towards_what_it_has_not_seen_rather_than_into_a_dead_end() -> None:
    class Bog(TreeTask):
        def actions(self, place: Place) -> list[int]:
            return [] if place.path[:1] == (0,) else [0, 1]

    def inviting(policy: Any, task: Any, places: Sequence[Place]) -> tuple[FloatArray, list[Cost]]:
        return np.array([0.9 if place.path[0] == 0 else 0.2 for place in places], np.float32), [Cost()] * len(places)

    (choice,) = think(TreeOfThoughts(uniform, inviting, order="depth-first", budget=2),
                      [Place(RandomTree(3, 2, False, 0))], Bog())
    assert choice.action == 1


@pytest.mark.parametrize("order", ORDERS)
def test_a_policy_that_proposes_nothing_legal_leaves_nothing_to_choose(order: Any) -> None:
    policy = ScriptedPolicy({}, default=["nothing that is a step\n"])
    (choice,) = think(TreeOfThoughts(Sampled(), hopeless, order=order), [COUNTDOWN.start(PROBLEMS[0])], policy=policy)
    assert choice.action is None and choice.actions == () and choice.cost.generated > 0


@pytest.mark.parametrize("order", ORDERS)
def test_a_policy_that_proposes_one_step_again_and_again_gets_it(order: Any) -> None:
    problem = COUNTDOWN.problem((2, 3, 7), 13)
    policy = ScriptedPolicy({}, default=["7+3=10\n"])
    (choice,) = think(TreeOfThoughts(Sampled(), hopeless, order=order), [COUNTDOWN.start(problem)], policy=policy)
    assert str(choice.action) == "7+3=10" and choice.policy.tolist() == [1.0] and choice.visits.tolist() == [1]


@pytest.mark.parametrize("order", ORDERS)
def test_costs_are_what_was_proposed_and_estimated(order: Any) -> None:
    """One script of two steps; the first prompt has 9 tokens, its line 7; the second 16, its line 8."""
    problem = COUNTDOWN.problem((2, 3, 7), 20)
    policy = ScriptedPolicy({"2 3 7=20\n": ["7+3=10\n"], "2 3 7=20\n7+3=10\n": ["10*2=20\n"]})
    search = TreeOfThoughts(Sampled(count=2), at_the_end, order=order)
    (choice,) = think(search, [COUNTDOWN.start(problem)], policy=policy)
    assert choice.value == 1
    assert choice.cost == Cost(forwarded=9 + 2 * 7 + 16 + 2 * 8, generated=2 * 7 + 2 * 8, estimated=2)


LINES = ["7+3=10\n", "7*2=14\n", "3*2=6\n", "7-3=4\n", "10*2=20\n", "14+3=17\n", "12+3=15\n", "7+6=13\n", "6+7=13\n"]
WAVERING = ScriptedPolicy({"vote\n": ["1\n", "2\n", "2\n", "3\n", "none\n"]}, default=LINES)
"""Proposes any of these lines; asked to vote, it says anything."""
VOTE = SampledVote(votes=3, prompt=lambda texts: "vote\n")


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("by", [{"estimate": at_the_end}, {"vote": VOTE}])
def test_states_do_not_know_their_neighbours(order: Any, by: Any) -> None:
    """Problems that end after different numbers of levels, among them one that can do nothing."""
    search = TreeOfThoughts(Sampled(count=6), **by, order=order, breadth=2, budget=12)
    hands = [(2, 3, 7), (7, 7, 3), (1, 1, 1), (2, 2, 7), (2, 3, 3), (2, 3, 7)]
    states = [COUNTDOWN.start(COUNTDOWN.problem(hand, 13)) for hand in hands]
    names = keys(len(states))
    together = search(WAVERING, COUNTDOWN, states, names)
    assert len({choice.cost for choice in together}) > 3
    for i, choice in enumerate(together):
        (alone,) = search(WAVERING, COUNTDOWN, [states[i]], names[i : i + 1])
        assert (alone.action, alone.actions, alone.value, alone.cost) == (
            choice.action, choice.actions, choice.value, choice.cost)
        np.testing.assert_array_equal(alone.visits, choice.visits)
        np.testing.assert_array_equal(alone.values, choice.values)


def ballots(*favourites: str) -> Any:
    """A vote that gives all to the candidate with one of these last steps, the earlier named the better."""
    def vote(policy: Any, task: Any, groups: Sequence[Sequence[State]], keys: Any) -> Any:
        steps = [[str(state.steps[-1]) for state in group] for group in groups]
        chosen = [min(group, key=lambda step: favourites.index(step) if step in favourites else 99) for group in steps]
        shares = [np.array([step == best for step in group], np.float32)
                  for group, best in zip(steps, chosen, strict=True)]
        return shares, [Cost(generated=1)] * len(groups)

    return vote


@pytest.mark.parametrize("order", ORDERS)
def test_by_vote_it_goes_where_the_votes_go(order: Any) -> None:
    start = COUNTDOWN.start(COUNTDOWN.problem((2, 3, 7), 13))
    search = TreeOfThoughts(uniform, vote=ballots("3*2=6", "7+6=13"), order=order, breadth=1)
    (choice,) = think(search, [start])
    assert str(choice.action) == "3*2=6" and choice.value == 1 and choice.cost == Cost(generated=2)


def test_ends_of_different_votes_are_put_to_a_last_vote() -> None:
    """Two and three steps lead to ends; the last of three votes prefers the end that was found first."""
    class Early(Countdown):
        def terminal(self, state: State) -> bool:
            return len(state.numbers) == 1 or "7*3=21" in map(str, state.steps)

    task = Early(numbers=3, max_number=9)
    start = task.start(task.problem((2, 3, 7), 13))
    search = TreeOfThoughts(uniform, vote=ballots("3*2=6", "7*3=21", "7+6=13"), breadth=20)
    (choice,) = think(search, [start], task)
    assert str(choice.action) == "7*3=21" and choice.value == 1 and choice.cost == Cost(generated=3)


@pytest.mark.parametrize("order", ORDERS)
def test_an_end_that_is_enough_stops_the_search(order: Any) -> None:
    """A tree whose second action ends at once, worth 0.5, and whose others are worth as much and lead nowhere."""
    class Early(TreeTask):
        def terminal(self, place: Place) -> bool:
            return place.path == (1,) or super().terminal(place)

    def flat(policy: Any, task: Any, places: Sequence[Place]) -> tuple[FloatArray, list[Cost]]:
        values = [0.5 if place.path == (1,) else 0.4 for place in places]
        return np.array(values, np.float32), [Cost(estimated=1)] * len(places)

    start = Place(RandomTree(3, 3, False, 0))
    stopped, went_on = (think(TreeOfThoughts(uniform, flat, order=order, enough=enough), [start], Early())[0]
                        for enough in (0.5, 0.6))
    assert stopped.action == went_on.action == 1 and stopped.value == went_on.value == 0.5
    assert stopped.cost.estimated == 3 < went_on.cost.estimated


def test_by_vote_depth_first_takes_the_first_end_it_visits() -> None:
    """An end beside the way has a larger share of an earlier vote; what the chosen action is worth is the end's."""
    class Early(TreeTask):
        def terminal(self, place: Place) -> bool:
            return place.path == (1, 0) or super().terminal(place)

    def vote(policy: Any, task: Any, groups: Sequence[Sequence[Place]], keys: Any) -> Any:
        shares = {1: [0.3, 0.7, 0], 2: [0.45, 0.55, 0], 3: [0.3, 0.4, 0.3]}
        return [np.array(shares[len(group[0].path)], np.float32) for group in groups], [Cost()] * len(groups)

    (choice,) = think(TreeOfThoughts(uniform, vote=vote, order="depth-first"), [Place(RandomTree(3, 3, False, 0))],
                      Early())
    assert choice.action == 1 and choice.value == choice.values[1] == pytest.approx(0.4)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_value_or_share_that_is_no_number_is_refused(broken: float) -> None:
    def value(policy: Any, task: Any, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
        return np.full(len(states), broken, np.float32), [Cost()] * len(states)

    def vote(policy: Any, task: Any, groups: Sequence[Any], keys: Any) -> Any:
        return [np.full(len(group), broken, np.float32) for group in groups], [Cost()] * len(groups)

    start = COUNTDOWN.start(PROBLEMS[0])
    with pytest.raises(ConfigError, match="a value must be a finite number"):
        think(TreeOfThoughts(uniform, value), [start])
    with pytest.raises(ConfigError, match="a share of a vote must be a finite number"):
        think(TreeOfThoughts(uniform, vote=vote), [start])


@pytest.mark.parametrize(("made", "said"), [
    ({"breadth": 0}, "breadth of a tree of thoughts must be 1 or more, got 0"),
    ({"budget": 0}, "budget of a tree of thoughts must be 1 or more, got 0"),
    ({"most_steps": 0}, "most_steps of a tree of thoughts must be 1 or more, got 0"),
    ({"threshold": float("nan")}, "threshold of a tree of thoughts must be a number"),
    ({"order": "sideways"}, "order must be 'breadth-first' or 'depth-first', got 'sideways'"),
    ({"vote": VOTE}, "by an estimate or by a vote, got both"),
    ({"estimate": None}, "by an estimate or by a vote, got neither"),
])
def test_settings_that_mean_nothing_are_refused(made: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TreeOfThoughts(uniform, **{"estimate": hopeless, **made})


def test_no_states_need_no_choice() -> None:
    assert think(TreeOfThoughts(uniform, hopeless), []) == []
