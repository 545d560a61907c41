"""Search and its baselines at equal tokens, with a policy whose answers are known and values made up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pawl.evaluate_search import Compared, Values, compare
from pawl.judges.truth import truth
from pawl.records import Attempt, Choice, Cost, Problem
from pawl.tasks.countdown import Countdown
from pawl.testing import ScriptedPolicy

TASK = Countdown(numbers=2, max_number=9)
PROBLEMS = TASK.problems("gate", 30, 0)


def wrong(problem: Problem) -> str:
    """A legal answer that misses."""
    start = TASK.start(problem)
    answers = [TASK.answer(TASK.step(start, action)) for action in TASK.actions(start)]
    return next(answer for answer in answers if TASK.score(problem, answer) == 0)


def right(problem: Problem) -> str:
    return next(iter(TASK.solutions(problem)))


POLICY = ScriptedPolicy({str(problem.prompt): [wrong(problem)] * 3 + [right(problem)] for problem in PROBLEMS})
"""Right one time in four."""


def searching(solves: bool, tokens: int) -> Any:
    """A search of one step that finds the solution or misses, and says that it forwarded so many tokens."""
    def search(policy: Any, task: Any, states: Sequence[Any], keys: Any) -> list[Choice]:
        lines = [(right if solves else wrong)(state.problem) for state in states]
        one = np.ones(1, np.float32)
        return [Choice(TASK.parse(line), (TASK.parse(line),), one, one.astype(np.int32), one, 1.0, Cost(tokens, 0, 0))
                for line in lines]

    return search


def knowing(attempts: Sequence[Attempt]) -> list[float]:
    return [TASK.score(attempt.problem, attempt.completion.text) for attempt in attempts]


def compared(solves: bool, tokens: int, values: Values = knowing) -> Compared:
    return compare(POLICY, TASK, searching(solves, tokens), values, PROBLEMS, truth(TASK), max_tokens=16, stop=(),
                   key=1, watch=lambda done, total: None)


def test_every_baseline_has_what_the_search_spent_and_no_more() -> None:
    for tokens in (100, 500, 2000):
        found = compared(True, tokens)
        assert found.search["tokens"] == tokens
        for name, rate in found.baselines.items():
            if name != "greedy":
                assert rate["tokens"] <= tokens
                assert rate["attempts"] >= 1
        assert found.baselines["majority"]["attempts"] > 2 * found.baselines["best_of_n"]["attempts"] - 3
        assert found.baselines["greedy"]["tokens"] < 30


def test_a_true_value_makes_best_of_n_pass_at_n_and_the_majority_stays_with_the_commonest() -> None:
    found = compared(True, 1500)
    assert found.search["pass@1"] == 1
    assert found.baselines["greedy"]["pass@1"] == 0
    assert found.baselines["best_of_n"]["pass@1"] == found.baselines["weighted"]["pass@1"] > 0.95
    assert found.baselines["majority"]["pass@1"] < 0.2


def test_it_says_whether_search_helps() -> None:
    even: Values = lambda attempts: [0.5] * len(attempts)  # noqa: E731
    assert compared(True, 60, even).sentence.startswith("search helps; against ")
    assert compared(True, 1500).sentence.startswith("search does not help beyond chance; against best of n")
    assert compared(False, 1500).sentence.startswith("search does not help, it harms; against best of n at the same "
                                                     "tokens: -")


@pytest.mark.parametrize("tokens", [0, 1])
def test_a_search_that_spends_nothing_is_compared_with_one_attempt(tokens: int) -> None:
    assert {rate["attempts"] for rate in compared(True, tokens).baselines.values()} == {1}
