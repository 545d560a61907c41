"""Beam search over words whose value is known, against beams written out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import pytest

from pawl.errors import ConfigError
from pawl.interfaces import IllegalAction, StepTask
from pawl.keys import row_keys
from pawl.play import think
from pawl.records import Choice, Cost, FloatArray, Problem
from pawl.search.beam import Beam
from pawl.search.steps import Sampled, uniform
from pawl.tasks.countdown import Countdown, reachable
from pawl.testing import ScriptedPolicy, check_task

NOBODY: Any = None


class Words:
    """Letters are added until there are `length`; a word is its own answer. `loops`: x adds nothing."""

    name = "words"

    def __init__(self, length: float = 4, letters: str = "abc") -> None:
        self.length, self.letters = length, letters

    def problems(self, split: Any, count: int, seed: int) -> list[Problem]:
        return [Problem(f"{split} {i}", f"{split} {i}:", split) for i in range(min(count, 200))]

    def score(self, problem: Problem, answer: str) -> float:
        return float(answer == "aaaa")

    def start(self, problem: Problem) -> str:
        return f"{problem.id}:"

    def actions(self, state: str) -> Sequence[str]:
        return self.letters

    def step(self, state: str, action: str) -> str:
        if len(action) != 1 or action not in self.letters:
            raise IllegalAction(action)
        return state if action == "x" else state + action

    def terminal(self, state: str) -> bool:
        return len(self.answer(state)) >= self.length

    def prompt(self, state: str) -> str:
        return state

    def parse(self, text: str) -> str:
        return self.step("", text) and text

    def answer(self, state: str) -> str:
        return state.partition(":")[2]

    def key(self, state: str) -> str:
        return state


TASK = Words()
PROBLEMS = TASK.problems("train", 30, 0)


def worth(state: str) -> float:
    """As good as random, and the same each time."""
    return blake2b(state.encode(), digest_size=1).digest()[0] / 255


def estimate(policy: Any, task: Any, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
    assert len(set(states)) == len(states) or task.name != "words", "a state was asked about twice"
    return np.array([worth(str(state)) for state in states], np.float32), [Cost(7, 0, 1)] * len(states)


def keys(count: int) -> Any:
    return row_keys(0, [str(i) for i in range(count)], 1)[:, 0]


def searched(search: Beam, task: Any = TASK, problems: Sequence[Problem] = PROBLEMS,
             policy: Any = NOBODY) -> list[Choice]:
    return search(policy, task, [task.start(problem) for problem in problems], keys(len(problems)))


def beam_by_hand(kept: list[str], width: int) -> str:
    """The best word that a beam comes to from states that are kept."""
    while len(kept[0].partition(":")[2]) < 4:
        kept = sorted((state + letter for state in kept for letter in "abc"), key=lambda state: -worth(state))[:width]
    return kept[0]


@pytest.mark.parametrize("width", [1, 2, 5, 81])
def test_it_keeps_the_best_of_each_depth(width: int) -> None:
    for problem, choice in zip(PROBLEMS, searched(Beam(uniform, estimate, width)), strict=True):
        assert TASK.start(problem) + "".join(choice.path) == beam_by_hand([TASK.start(problem)], width)
        assert choice.action == choice.path[0] and choice.value == np.float32(worth(
            TASK.start(problem) + "".join(choice.path)))


@pytest.mark.parametrize(("width", "subtrees"), [(1, 2), (1, 3), (2, 2), (1, 7)])
def test_subtrees_are_searched_by_themselves_and_the_best_end_of_all_is_taken(width: int, subtrees: int) -> None:
    for problem, choice in zip(PROBLEMS, searched(Beam(uniform, estimate, width, subtrees)), strict=True):
        first = sorted((TASK.start(problem) + letter for letter in "abc"), key=lambda state: -worth(state))
        shares = [share for tree in range(subtrees) if (share := first[tree::subtrees][:width])]
        assert TASK.start(problem) + "".join(choice.path) == max(
            (beam_by_hand(share, width) for share in shares), key=worth)


def test_an_early_favourite_does_not_fill_every_subtree() -> None:
    """What begins with a is liked until it ends: three states of one beam are all of it, and one in three subtrees."""
    def fooled(policy: Any, task: Any, states: Sequence[str]) -> tuple[FloatArray, list[Cost]]:
        words = [task.answer(state) for state in states]
        liked = [0.9 if word[0] == "a" else 0.6 if set(word) == {"c"} else 0.5 for word in words]
        values = [float(word == "cccc") if len(word) == 4 else like for word, like in zip(words, liked, strict=True)]
        return np.array(values, np.float32), [Cost()] * len(states)

    assert {choice.value for choice in searched(Beam(uniform, fooled, width=3))} == {0}
    assert {choice.path for choice in searched(Beam(uniform, fooled, width=1, subtrees=3))} == {tuple("cccc")}


class Sentences(Words):
    """A full stop ends them early."""

    def terminal(self, state: str) -> bool:
        return super().terminal(state) or state.endswith(".")


def test_an_end_keeps_its_place_while_it_is_among_the_best() -> None:
    """Of a beam of two one goes on: three first steps, and three for each letter after that."""
    def early(policy: Any, task: Any, states: Sequence[str]) -> tuple[FloatArray, list[Cost]]:
        values = {".": 0.9}
        return np.array([values.get(task.answer(state), 0.5) for state in states], np.float32), [Cost()] * len(states)

    (choice,) = searched(Beam(uniform, early, width=2), Sentences(letters="ab."), PROBLEMS[:1])
    assert choice.path == (".",) and choice.visits.sum() == 3 + 3 * 3


def test_a_choice_says_what_was_seen_below_each_first_step_and_what_it_cost() -> None:
    (choice,) = searched(Beam(uniform, estimate, 2), problems=PROBLEMS[:1])
    assert choice.actions == ("a", "b", "c") and choice.visits.sum() == 3 + 3 * 6 == choice.cost.estimated
    assert choice.cost.forwarded == 7 * 21
    assert choice.policy.tolist() == [float(action == choice.action) for action in choice.actions]
    assert choice.values[choice.actions.index(choice.action)] >= choice.value


def test_states_do_not_know_their_neighbours() -> None:
    policy, sampled = ScriptedPolicy({}, default=("a\n", "b\n", "c\n")), Sampled(2)
    search = Beam(sampled, estimate, 2, 2)
    together = searched(search, policy=policy)
    (alone,) = search(policy, TASK, [TASK.start(PROBLEMS[9])], keys(30)[9:10])
    assert (alone.path, alone.cost) == (together[9].path, together[9].cost)


def test_with_the_true_value_countdown_is_solved_greedily() -> None:
    def solvable(policy: Any, task: Any, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
        values = [float(state.problem.data["target"] in reachable(state.numbers)) for state in states]
        return np.array(values, np.float32), [Cost()] * len(states)

    task = Countdown(numbers=3, max_number=9)
    problems = task.problems("train", 40, 0)
    scribe = ScriptedPolicy({}, default=("",))
    for search in (Beam(uniform, solvable, 1), Beam(uniform, solvable, 1, subtrees=3)):
        for thought in think(scribe, task, search, problems, key=0):
            assert task.score(thought.attempt.problem, thought.attempt.completion.text) == 1
            assert len(thought.choices) == 1 and len(thought.choices[0].path) == 2


def test_equal_states_are_kept_once() -> None:
    task = Countdown(numbers=3, max_number=9)
    asked: list[Any] = []

    def noting(policy: Any, task: Any, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
        asked.extend(task.key(state) for state in states)
        return np.zeros(len(states), np.float32), [Cost()] * len(states)

    searched(Beam(uniform, noting, 1000), task, [task.problem((2, 2, 4), 8)])
    assert len(asked) == len(set(asked)) > 10


SCRIBE = ScriptedPolicy({}, default=("nothing that is a step\n",))


@pytest.mark.parametrize("subtrees", [1, 3])
def test_a_policy_that_proposes_no_step_is_a_failed_attempt(subtrees: int) -> None:
    (thought,) = think(SCRIBE, TASK, Beam(Sampled(4), estimate, 2, subtrees), PROBLEMS[:1], key=0)
    assert thought.attempt.error == "search: no legal step was proposed"
    assert thought.cost.generated > 0 and thought.choices[0].path == ()


def test_a_policy_that_says_one_thing_again_and_again_gets_it() -> None:
    policy = ScriptedPolicy({}, default=("a\n",))
    (thought,) = think(policy, TASK, Beam(Sampled(4), estimate, 2, 2), PROBLEMS[:1], key=0)
    assert thought.choices[0].actions == ("a",)


def test_steps_that_lead_nowhere_new_are_not_walked() -> None:
    (thought,) = think(SCRIBE, Words(letters="x"), Beam(uniform, estimate, 2), PROBLEMS[:1], key=0)
    assert thought.attempt.error == "search: no legal step was proposed"


@pytest.mark.parametrize("most_steps", [1, 5])
def test_a_path_that_never_ends_is_a_failed_attempt(most_steps: int) -> None:
    search = Beam(uniform, estimate, 1, most_steps=most_steps)
    (thought,) = think(SCRIBE, Words(length=np.inf), search, PROBLEMS[:1], key=0, most_steps=most_steps)
    assert thought.attempt.error == "search: the steps do not end"
    assert len(thought.choices) == 1 and len(thought.choices[0].path) == most_steps


def test_a_value_that_is_no_number_is_refused() -> None:
    def broken(policy: Any, task: Any, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
        return np.full(len(states), np.nan, np.float32), [Cost()] * len(states)

    with pytest.raises(ConfigError, match="value must be a finite number"):
        searched(Beam(uniform, broken))


@pytest.mark.parametrize("name", ["width", "subtrees", "most_steps"])
def test_a_budget_of_zero_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} of a beam search must be 1 or more, got 0"):
        Beam(uniform, estimate, **{name: 0})


def test_the_task_of_these_tests_keeps_its_contract() -> None:
    assert isinstance(TASK, StepTask) and check_task(TASK) == []
