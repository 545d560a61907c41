"""Which problems of an evaluation are looked at again, and that they are searched as they were measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pawl.errors import ConfigError
from pawl.evaluate_baselines import Unsearched
from pawl.evaluate_checkpoint import evaluate_model
from pawl.evaluate_search import compare
from pawl.evaluate_trees import Shown, choose_problems, kind_of, search_again
from pawl.interfaces import Policy, StepTask
from pawl.judges.truth import truth
from pawl.models.opening import fresh_policy
from pawl.records import Cost, FloatArray, Sampling
from pawl.search.mcts import TreeSearch
from pawl.search.steps import Sampled
from pawl.tasks.countdown import Countdown
from pawl.testing import ScriptedPolicy

TASK: dict[str, Any] = {"numbers": 2, "max_number": 6}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("checkpoint")
    fresh_policy(["0123456789+-*/=\n"], tokenizer="char", depth=1, context=64, seed=0).save(directory)
    return directory


@pytest.fixture(scope="module")
def evaluated(checkpoint: Path) -> tuple[dict[str, Any], Shown]:
    seen: list[Shown] = []
    result = evaluate_model(checkpoint, "countdown", TASK, split="gate", problems=12, attempts=2, max_tokens=6,
                            search="mcts", budget=4, prior="uniform", device="cpu", show=seen.append)
    [shown] = seen
    return result, shown


def test_who_was_right_has_a_name() -> None:
    assert [kind_of(*scores) for scores in ((0, 1), (1, 0), (0, 0.5), (1, 1))] == [
        "search alone", "policy alone", "neither", "both"]
    assert kind_of(None, 1) == "search alone"


def test_problems_of_every_kind_are_chosen_in_turn_and_shown_together() -> None:
    kinds = ["both"] * 20 + ["neither", "search alone", "neither"]
    assert choose_problems(kinds, 6) == [21, 20, 22, 0, 1, 2]
    assert choose_problems(["neither"] * 5 + ["both"] * 20, 4) == [0, 1, 5, 6]
    assert choose_problems(["both"] * 20, 3) == [0, 1, 2]
    assert choose_problems([], 3) == []


def test_the_kinds_are_those_of_the_evaluation(evaluated: tuple[dict[str, Any], Shown]) -> None:
    result, shown = evaluated
    assert sum(shown.counts.values()) == result["problems"] == 12
    assert shown.counts["search alone"] + shown.counts["both"] == round(12 * result["search"]["pass@1"])
    found = [kind_of(one.alone_score, one.score) for one in shown.searched]
    assert len(found) == 8 and {kind for kind in shown.counts if shown.counts[kind]} == set(found)


def unsure(policy: Policy, task: StepTask, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
    return np.full(len(states), 0.5, np.float32), [Cost()] * len(states)


def test_problems_that_are_shown_are_searched_as_they_were_measured() -> None:
    """The search takes the one step that it draws, legal half the time, so its scores are those of its key."""
    task, first = Countdown(numbers=2, max_number=9), Sampled(count=1)
    problems = task.problems("gate", 30, 0)
    script = {str(problem.prompt): [next(iter(task.solutions(problem))), "1+1=2"] for problem in problems}
    policy, search, parts = ScriptedPolicy(script), TreeSearch(first, unsure, 2), {"judge": truth(task), "key": 5}
    unsearched = Unsearched(policy, task, lambda attempts: (np.full(len(attempts), 0.5), [Cost()] * len(attempts)),
                            problems, parts["judge"], 16, (), key=5)
    measured = compare(unsearched, task, search, key=5, watch=lambda done, total: None)
    kinds = [kind_of(0, score) for score in measured.scores]
    shown = search_again({}, kinds, policy=policy, task=task, search=search, problems=problems,
                         sampling=Sampling(16), **parts)
    assert [one.score or 0 for one in shown.searched] == [1] * 4 + [0] * 4


def test_every_choice_that_is_shown_has_its_tree(evaluated: tuple[dict[str, Any], Shown]) -> None:
    for one in evaluated[1].searched:
        [choice] = one.thought.choices
        assert choice.tree is not None and choice.tree.nodes[0].visits == 5
        assert str(choice.action) == one.thought.attempt.completion.text


def test_to_show_trees_changes_no_number(checkpoint: Path, evaluated: tuple[dict[str, Any], Shown]) -> None:
    again = evaluate_model(checkpoint, "countdown", TASK, split="gate", problems=12, attempts=2, max_tokens=6,
                           search="mcts", budget=4, prior="uniform", device="cpu")
    assert again == evaluated[0]


def test_trees_without_a_search_are_refused_in_words(checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match="a tree must come from a search that grows one, got no search"):
        evaluate_model(checkpoint, "countdown", TASK, device="cpu", show=lambda shown: None)
