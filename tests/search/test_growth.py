"""Trees that go on from step to step: nothing is asked twice, nothing is counted twice, nobody gets another's tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pawl.errors import ConfigError
from pawl.judges.truth import truth
from pawl.keys import row_keys
from pawl.play import Thought, think
from pawl.records import Attempt, Cost, Problem, Verdict
from pawl.search.mcts import TreeSearch
from pawl.search.steps import Proposal, uniform
from pawl.search.told import PathsOf, ToldEnds
from pawl.tasks.countdown import Countdown, reachable
from pawl.testing import ScriptedPolicy

TASK = Countdown(numbers=4, max_number=6)
PROBLEMS = TASK.problems("train", 8, 0)
SCRIBE = ScriptedPolicy({}, default=("",))
NOBODY: Any = None


def keys(count: int) -> Any:
    return row_keys(0, [str(i) for i in range(count)], 1)[:, 0]


def no_idea(policy: Any, task: Any, states: Sequence[Any]) -> Any:
    return np.full(len(states), 0.5, np.float32), [Cost(10, 0, 1)] * len(states)


class Asked:
    """Estimates and proposals for ten tokens a state, and which states they were asked about."""

    def __init__(self) -> None:
        self.estimated: list[Any] = []
        self.proposed: list[Any] = []

    def estimate(self, policy: Any, task: Any, states: Sequence[Any]) -> Any:
        self.estimated += states
        values = [float(state.problem.data["target"] in reachable(state.numbers)) if len(state.numbers) < 3 else 0.5
                  for state in states]
        return np.array(values, np.float32), [Cost(10, 0, 1)] * len(states)

    def propose(self, policy: Any, task: Any, states: Sequence[Any], keys: Any) -> list[Proposal]:
        self.proposed += states
        return [Proposal(proposal.actions, proposal.priors, Cost(10, 5, 0))
                for proposal in uniform(policy, task, states, keys)]

    def thought(self, problems: Sequence[Problem], **options: Any) -> list[Thought]:
        search = TreeSearch(self.propose, self.estimate, 40, **options)
        return think(SCRIBE, TASK, search, problems, key=3)


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("rule", ["uct", "puct", "gumbel"])
def test_reuse_forwards_fewer_tokens_for_as_many_walks_and_counts_each_once(rule: Any, graph: bool) -> None:
    anew, on = Asked(), Asked()
    without = anew.thought(PROBLEMS, rule=rule, graph=graph)
    kept = on.thought(PROBLEMS, rule=rule, graph=graph, reuse=True)
    spent = [sum(thought.cost.forwarded for thought in thoughts) for thoughts in (without, kept)]
    assert spent[1] < 0.95 * spent[0]
    assert spent[1] == 10 * (len(on.estimated) + len(on.proposed))
    for asked in (on.estimated, on.proposed):
        names = [(state.problem.id, state.steps) for state in asked]
        assert len(names) == len(set(names))
    assert all(choice.visits.sum() == 40 for thought in kept for choice in thought.choices)


@pytest.mark.parametrize("options", [{}, {"noise": True}, {"graph": True}, {"rule": "uct", "together": 4},
                                     {"rule": "puct", "noise": True, "tokens": 300}])
def test_a_path_does_not_know_its_neighbours(options: Any) -> None:
    """Nor that some of them end sooner."""
    problems = [*PROBLEMS[:3], *Countdown(numbers=3).problems("train", 2, 0), PROBLEMS[3]]
    for problem, thought in zip(problems, Asked().thought(problems, reuse=True, **options), strict=True):
        (alone,) = Asked().thought([problem], reuse=True, **options)
        assert alone.attempt.completion.text == thought.attempt.completion.text and alone.cost == thought.cost
        for one, other in zip(alone.choices, thought.choices, strict=True):
            np.testing.assert_array_equal(one.visits, other.visits)


@pytest.mark.parametrize("rule", ["uct", "puct", "gumbel"])
def test_with_the_true_value_a_search_that_goes_on_never_loses_it(rule: Any) -> None:
    def true(policy: Any, task: Any, states: Sequence[Any]) -> Any:
        values = [float(state.problem.data["target"] in reachable(state.numbers)) for state in states]
        return np.array(values, np.float32), [Cost()] * len(states)

    search = TreeSearch(uniform, true, 16, rule=rule, reuse=True, considered=64)
    thoughts = think(SCRIBE, TASK, search, PROBLEMS, key=0)
    assert [TASK.score(thought.attempt.problem, thought.attempt.completion.text) for thought in thoughts] == [1.0] * 8


def test_two_paths_that_come_to_equal_states_have_trees_of_their_own() -> None:
    """1+2 leaves 3 and 7, as 4-1 does; for the task, not for the path, they are the same state."""
    problems = [TASK.problem(numbers, 21) for numbers in ((1, 2, 7), (1, 4, 7))]
    asked = Asked()

    def narrow(policy: Any, task: Any, states: Sequence[Any], keys: Any) -> list[Proposal]:
        """One first step, and every step after it."""
        found = uniform(policy, task, states, keys)
        for i, state in enumerate(states):
            if not state.steps:
                only = tuple(action for action in found[i].actions if str(action) in ("2+1=3", "4-1=3"))
                found[i] = Proposal(only, np.ones(1, np.float32), Cost())
        return found

    search = TreeSearch(narrow, asked.estimate, 6, reuse=True, graph=True)
    thoughts = think(SCRIBE, TASK, search, problems, key=0)
    assert [thought.attempt.completion.text for thought in thoughts] == ["2+1=3\n7*3=21", "4-1=3\n7*3=21"]
    counts = [sum(state.problem.id == problem.id for state in asked.estimated) for problem in problems]
    assert counts[0] == counts[1] == thoughts[0].cost.estimated == thoughts[1].cost.estimated


def test_a_search_that_goes_on_elsewhere_is_refused_and_one_begun_anew_remembers_nothing() -> None:
    search = TreeSearch(uniform, Asked().estimate, 20, reuse=True)
    states, steps = [TASK.start(problem) for problem in PROBLEMS[:2]], search.begin()
    first = steps(NOBODY, TASK, states, keys(2))
    with pytest.raises(ConfigError, match="where its choices led, got other states"):
        steps(NOBODY, TASK, states, keys(2))
    for again in (search.begin()(NOBODY, TASK, states, keys(2)), search(NOBODY, TASK, states, keys(2))):
        for one, other in zip(first, again, strict=True):
            np.testing.assert_array_equal(one.visits, other.visits)
            assert one.cost == other.cost


def test_a_graph_of_paths_asks_about_each_end_once() -> None:
    """And every answer that was right is one."""
    judged: list[tuple[str, str]] = []

    def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
        judged.extend((attempt.problem.id, attempt.completion.text.rpartition("=")[2]) for attempt in attempts)
        return truth(TASK)(attempts)

    ends, paths = ToldEnds(no_idea, judge), PathsOf(TASK)
    search = TreeSearch(uniform, ends, 400, rule="uct", graph=True)
    search(NOBODY, paths, [paths.start(problem) for problem in PROBLEMS], keys(8))  # type: ignore[arg-type]
    assert len(judged) == len(set(judged)) == ends.asked
    assert len({name for name, _ in ends.right}) >= 6
    assert all(TASK.score(path.problem, answer) == 1 for (_, answer), path in ends.right.items())
