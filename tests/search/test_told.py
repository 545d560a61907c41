"""A search in training that is told the truth of the ends it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pawl.interfaces import StepTask
from pawl.judges.truth import truth
from pawl.keys import row_keys
from pawl.records import Cost
from pawl.search.mcts import TreeSearch
from pawl.search.steps import uniform
from pawl.search.told import PathsOf, ToldEnds
from pawl.tasks.countdown import Countdown
from pawl.testing import check_task

COUNTDOWN = Countdown(numbers=3, max_number=9)
PROBLEMS = COUNTDOWN.problems("train", 40, 0)


def no_idea(policy: Any, task: Any, states: Sequence[Any]) -> Any:
    """The value of states that are not ends; it is not asked about others."""
    assert not any(task.terminal(state) for state in states)
    return np.full(len(states), 0.5, np.float32), [Cost(estimated=1)] * len(states)


def test_a_task_of_paths_keeps_the_contract_of_its_task() -> None:
    paths = PathsOf(COUNTDOWN)
    assert isinstance(paths, StepTask)
    assert check_task(paths) == []
    path = paths.start(PROBLEMS[0])
    action = paths.parse(str(paths.actions(path)[0]))
    assert paths.step(path, action).problem is PROBLEMS[0]
    assert paths.prompt(path) == PROBLEMS[0].prompt


def test_enough_search_comes_to_every_solution_and_says_how_often_it_asked() -> None:
    ends, paths = ToldEnds(no_idea, truth(COUNTDOWN)), PathsOf(COUNTDOWN)
    search = TreeSearch(uniform, ends, simulations=400, rule="uct")
    keys = row_keys(0, [problem.id for problem in PROBLEMS], 1)[:, 0]
    choices = search(None, paths, [paths.start(problem) for problem in PROBLEMS], keys)  # type: ignore[arg-type]
    assert {name for name, _ in ends.right} == {problem.id for problem in PROBLEMS}
    for (name, answer), path in ends.right.items():
        assert path.problem.id == name and COUNTDOWN.score(path.problem, answer) == 1
    solutions = sum(len(list(COUNTDOWN.solutions(problem))) for problem in PROBLEMS)
    assert 0.9 * solutions < len(ends.right) <= solutions
    assert len(ends.right) <= ends.told_right < ends.asked
    for problem, choice in zip(PROBLEMS, choices, strict=True):
        left = COUNTDOWN.step(COUNTDOWN.start(problem), choice.action)
        assert problem.data["target"] in _reachable(left)


def _reachable(state: Any) -> set[int]:
    """What the last step can leave."""
    return {COUNTDOWN.step(state, action).numbers[0] for action in COUNTDOWN.actions(state)}
