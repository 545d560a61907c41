"""Search and its baselines at equal tokens, with a policy whose answers are known and values made up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pawl.evaluate_baselines import Unsearched
from pawl.evaluate_search import Compared, Curve, budgets_up_to, compare, trace_curve
from pawl.judges.truth import truth
from pawl.records import Attempt, Choice, Cost, FloatArray, Problem
from pawl.search.best_of_n import BestOfN, Scorer
from pawl.search.told import told_answers
from pawl.search.whole import WholeAnswers
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


def knowing(attempts: Sequence[Attempt]) -> tuple[FloatArray, list[Cost]]:
    """The truth, by a value that reads prompt and answer."""
    return valued([TASK.score(attempt.problem, attempt.completion.text) for attempt in attempts], attempts)


def even(attempts: Sequence[Attempt]) -> tuple[FloatArray, list[Cost]]:
    return valued([0.5] * len(attempts), attempts)


def valued(worth: Sequence[float], attempts: Sequence[Attempt]) -> tuple[FloatArray, list[Cost]]:
    return np.array(worth, np.float32), [Cost(len(attempt.prompt_tokens) + len(attempt.completion.tokens), 0, 1)
                                         for attempt in attempts]


def compared(solves: bool, tokens: int, values: Scorer = knowing) -> Compared:
    unsearched = Unsearched(POLICY, TASK, values, PROBLEMS, truth(TASK), 16, (), key=1)
    return compare(unsearched, TASK, searching(solves, tokens), key=1, watch=lambda done, total: None)


def test_every_baseline_has_what_the_search_spent_and_no_more() -> None:
    for tokens in (100, 700):
        found = compared(True, tokens)
        assert found.search["tokens"] == tokens
        for name, rate in found.baselines.items():
            if name != "greedy":
                assert rate["tokens"] <= tokens
                assert rate["attempts"] >= 1
        assert found.baselines["majority"]["attempts"] > 2 * found.baselines["best_of_n"]["attempts"] - 3
        assert found.baselines["greedy"]["tokens"] < 30


def test_a_true_value_makes_best_of_n_pass_at_n_and_the_majority_stays_with_the_commonest() -> None:
    found = compared(True, 800)
    assert found.search["pass@1"] == 1
    assert found.baselines["greedy"]["pass@1"] == 0
    assert found.baselines["best_of_n"]["pass@1"] == found.baselines["weighted"]["pass@1"] > 0.95
    assert found.baselines["majority"]["pass@1"] < 0.2


def test_it_says_whether_search_helps() -> None:
    assert compared(True, 60, even).sentence.startswith("search helps; against ")
    assert compared(True, 800).sentence.startswith("search does not help beyond chance; against best of n")
    assert compared(False, 800).sentence.startswith("search does not help, it harms; against best of n at the same "
                                                     "tokens: -")


@pytest.mark.parametrize("tokens", [0, 1])
def test_a_search_that_spends_nothing_is_compared_with_one_attempt(tokens: int) -> None:
    assert {rate["attempts"] for rate in compared(True, tokens).baselines.values()} == {1}


@pytest.mark.parametrize(("budget", "budgets"), [
    (1, [1]), (2, [1, 2]), (4, [1, 2, 4]), (6, [1, 2, 4, 6]), (16, [1, 2, 4, 8, 16])])
def test_a_curve_doubles_up_to_the_budget(budget: int, budgets: list[int]) -> None:
    assert budgets_up_to(budget) == budgets


def traced(budgets: Sequence[int], told: list[tuple[int, int]] | None = None) -> Curve:
    """Best of n by truth: the more, the better."""
    unsearched = Unsearched(POLICY, TASK, knowing, PROBLEMS, truth(TASK), 16, (), 3)
    best = {"policy": lambda budget: BestOfN(budget, "score", told_answers(truth(TASK)), 16),
            "uniform": lambda budget: BestOfN(budget, max_tokens=16)}
    return trace_curve(unsearched, WholeAnswers(TASK), "best", best, budgets, key=1,  # type: ignore[arg-type]
                       watch=lambda done, total: (told if told is not None else []).append((done, total)))


def test_a_curve_has_a_row_for_every_prior_and_budget_and_the_baselines_at_their_tokens() -> None:
    found = traced([1, 8, 32])
    searches = [row for row in found.rows if "budget" in row]
    assert [(row["prior"], row["budget"]) for row in searches] == [
        (prior, budget) for prior in ("policy", "uniform") for budget in (1, 8, 32)]
    assert [row["pass@1"] for row in searches[:3]] == sorted(row["pass@1"] for row in searches[:3])
    most = max(row["tokens"] for row in searches)
    bought = [row for row in found.rows if "attempts" in row]
    assert {row["method"] for row in bought} == {"greedy", "best_of_n", "majority", "weighted"}
    assert all(row["tokens"] <= most and len(row["ci"]) == 2 for row in bought)
    assert all(row not in found.rows[:place] for place, row in enumerate(found.rows))


def test_a_curve_says_whether_more_search_helps_and_ends_in_the_comparison_at_the_whole_budget() -> None:
    found = traced([1, 32])
    assert found.sentence.startswith("more search helps; a budget of 32 against 1: +")
    assert found.last.search["pass@1"] == found.rows[1]["pass@1"] and found.last.search.keys() == {
        "pass@1", "ci", "tokens", "generated"}
    assert traced([1]).sentence == "a single budget makes no curve"


def test_a_curve_is_told_as_it_goes_on() -> None:
    told: list[tuple[int, int]] = []
    traced([1, 2], told)
    assert told == [(30 * turn, 120) for turn in (1, 2, 3, 4)]
