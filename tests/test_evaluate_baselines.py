"""What tokens buy without search: n is as large as the money, and every token that was forwarded is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pawl.errors import ConfigError
from pawl.evaluate_baselines import MOST_ATTEMPTS, Unsearched
from pawl.judges.truth import truth
from pawl.play import play
from pawl.records import Attempt, Cost, FloatArray, Problem, Sampling
from pawl.search.best_of_n import BestOfN
from pawl.search.whole import WholeAnswers
from pawl.tasks.countdown import Countdown
from pawl.testing import ScriptedPolicy

TASK = Countdown(numbers=2, max_number=9)
PROBLEMS = TASK.problems("gate", 20, 0)
POLICY = ScriptedPolicy({}, default=("1", "1+1=2", "12+13=25", "1-1=0\n", "0"))
"""Answers of different lengths."""
KEY = 5


def knowing(attempts: Sequence[Attempt]) -> tuple[FloatArray, list[Cost]]:
    """The truth, for a reading of prompt and answer and one token more."""
    scores = [TASK.score(attempt.problem, attempt.completion.text) for attempt in attempts]
    return np.array(scores, np.float32), [Cost(len(attempt.prompt_tokens) + len(attempt.completion.tokens) + 1, 0, 1)
                                          for attempt in attempts]


def unsearched(scorer: Any = knowing, problems: Sequence[Problem] = PROBLEMS, policy: Any = POLICY) -> Unsearched:
    return Unsearched(policy, TASK, scorer, problems, truth(TASK), 16, (), KEY)


def spent(count: int, *, valued: bool) -> float:
    """Tokens a problem that `count` attempts forwarded, counted from the attempts themselves."""
    attempts = play(POLICY, PROBLEMS, count, sampling=Sampling(16, 1.0), key=KEY)
    total = sum(len(POLICY.encode(problem.prompt)) for problem in PROBLEMS)
    total += sum(len(attempt.completion.tokens) for attempt in attempts)
    total += sum(cost.forwarded for cost in knowing(attempts)[1]) if valued else 0
    return total / len(PROBLEMS)


@pytest.mark.parametrize("tokens", [40.0, 77.3, 230.0])
def test_n_is_the_largest_whose_attempts_forwarded_no_more(tokens: float) -> None:
    for name, one in unsearched().buy(tokens).items():
        valued = name != "majority"
        assert one.tokens == pytest.approx(spent(one.attempts, valued=valued), rel=1e-12)
        assert one.tokens <= tokens < spent(one.attempts + 1, valued=valued)


def test_exactly_enough_is_enough() -> None:
    exact, less = spent(9, valued=False), np.nextafter(spent(9, valued=False), 0)
    assert unsearched().buy(exact)["majority"].attempts == 9
    assert unsearched().buy(float(less))["majority"].attempts == 8


def test_one_attempt_is_made_whatever_there_is_to_spend() -> None:
    for one in unsearched().buy(0.0).values():
        assert one.attempts == 1 and one.tokens > 0


def test_there_is_an_end_to_attempts() -> None:
    assert unsearched(problems=PROBLEMS[:2]).buy(1e9)["majority"].attempts == MOST_ATTEMPTS


def test_what_is_bought_does_not_depend_on_what_was_bought_before() -> None:
    shared = unsearched()
    for tokens in (200.0, 60.0, 120.0):
        assert shared.buy(tokens) == unsearched().buy(tokens)


def test_the_choice_is_that_of_best_of_n() -> None:
    """By a search over the same attempts."""
    for name, one in unsearched().buy(150.0).items():
        how: Any = "score" if name == "best_of_n" else name
        attempts = play(POLICY, PROBLEMS, one.attempts, sampling=Sampling(16, 1.0), key=KEY)
        groups = [attempts[start : start + one.attempts] for start in range(0, len(attempts), one.attempts)]
        search, task = BestOfN(one.attempts, how, knowing), WholeAnswers(TASK)
        picked = [search._choice(task, group, *search._worths(group)).action for group in groups]
        assert one.scores == [TASK.score(problem, text) for problem, text in zip(PROBLEMS, picked, strict=True)]


def test_greedy_is_one_attempt_at_its_price() -> None:
    attempts = play(POLICY, PROBLEMS, 1, sampling=Sampling(16, 0.0), key=0)
    found = unsearched().greedy()
    assert found.attempts == 1 and found.tokens == pytest.approx(np.mean(
        [len(attempt.prompt_tokens) + len(attempt.completion.tokens) for attempt in attempts]), rel=1e-12)


def test_a_prompt_that_the_policy_cannot_take_costs_nothing_and_is_wrong() -> None:
    long = Problem("long", "9" * 5000, "gate", data=PROBLEMS[0].data)
    with_it, without = (unsearched(problems=problems).buy(200.0) for problems in ([PROBLEMS[0], long], PROBLEMS[:1]))
    assert with_it["best_of_n"].scores[1] == 0
    assert with_it["majority"].tokens <= 200 and with_it["majority"].attempts > without["majority"].attempts


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="value must be a finite number"):
        unsearched(lambda attempts: (np.full(len(attempts), np.nan), [Cost()] * len(attempts))).buy(100.0)
