from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from pawl.errors import ConfigError
from pawl.interfaces import Judge
from pawl.judges.truth import truth
from pawl.records import Attempt, Completion, Problem, Split, Verdict
from pawl.tasks.countdown import Countdown
from pawl.testing import check_judge

PROBLEM = Problem("1+1", "1+1=", "train", "2")


class Scored:
    """A task whose score is a function of the answer; remembers what it was asked."""

    name = "scored"

    def __init__(self, function: Callable[[str], Any]) -> None:
        self.function, self.asked = function, list[tuple[str, str]]()

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        return [PROBLEM]

    def score(self, problem: Problem, answer: str) -> float:
        self.asked.append((problem.id, answer))
        return self.function(answer)  # type: ignore[no-any-return]


def attempt(text: str, problem: Problem = PROBLEM) -> Attempt:
    completion = Completion(text, np.zeros(1, np.int32), np.zeros(1, np.float32), "stop")
    return Attempt(problem, 0, np.zeros(1, np.int32), completion)


def verdict(function: Callable[[str], Any], text: str = "2") -> Verdict:
    [verdict] = truth(Scored(function), time_limit=5.0)([attempt(text)])
    return verdict


def test_the_score_of_the_task_is_the_verdict() -> None:
    judge = truth(Countdown(), time_limit=5.0)
    problem = Countdown.problem([7, 3, 3], 24)
    assert judge([attempt("7*3+3", problem), attempt("7+3", problem)]) == [Verdict(1.0, "truth"), Verdict(0.0, "truth")]


@pytest.mark.parametrize("score", [0, 1, 0.25, True, np.float32(0.25), np.int64(1), np.True_, Fraction(1, 4), -0.0])
def test_any_number_in_range_is_a_score(score: Any) -> None:
    given = verdict(lambda answer: score)
    assert given == Verdict(float(score), "truth") and type(given.score) is float


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.1, 1.1, 10**400, -(10**400), np.float32("nan")])
def test_a_number_out_of_range_is_no_score(score: Any) -> None:
    given = verdict(lambda answer: score)
    assert given.score is None and given.error is not None
    assert given.error.startswith("score must return a number in [0, 1], got ")
    assert len(given.error) < 300


@pytest.mark.parametrize("score", [None, "1", b"1", [1.0], {}, 1j, Decimal("0.5"), np.ones(1), object()])
def test_what_is_no_number_is_no_score(score: Any) -> None:
    assert verdict(lambda answer: score) == Verdict(
        None, "truth", f"score must return a number in [0, 1], got a {type(score).__name__}"
    )


ERRORS = [
    ValueError("no"),
    ZeroDivisionError(),
    RecursionError("deep"),
    MemoryError(),
    AssertionError(),
    SystemExit(1),
    OSError(28, "full"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_score_that_raises_gives_no_score_and_the_reason(error: BaseException) -> None:
    def score(answer: str) -> float:
        raise error

    given = verdict(score)
    assert given.score is None
    assert (given.error or "").startswith(f"score raised {type(error).__name__}")


def test_real_recursion_is_survived() -> None:
    def score(answer: str) -> float:
        return score(answer + "1")

    assert "RecursionError" in (verdict(score).error or "")


def test_a_reason_is_short_and_printable_whatever_it_said() -> None:
    def score(answer: str) -> float:
        raise ValueError("\x1b[2J" + "x" * 10**6)

    error = verdict(score).error or ""
    assert error.isprintable() and len(error) < 300


def test_an_exception_that_cannot_be_shown_is_survived() -> None:
    class Unshown(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def score(answer: str) -> float:
        raise Unshown

    assert verdict(score).error == "score raised Unshown: (it cannot be shown)"


def test_the_user_can_still_interrupt() -> None:
    def score(answer: str) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verdict(score)


def hanging(answer: str) -> float:
    if answer == "hang":
        time.sleep(60)
    return 1.0


def judged_in_thread(judge: Judge, attempts: list[Attempt]) -> list[Verdict]:
    verdicts: list[Verdict] = []
    thread = threading.Thread(target=lambda: verdicts.extend(judge(attempts)))
    thread.start()
    thread.join()
    return verdicts


@pytest.mark.parametrize("ask", [lambda judge, attempts: judge(attempts), judged_in_thread], ids=["main", "thread"])
def test_a_score_that_hangs_is_left_and_its_siblings_are_judged(ask: Callable[[Judge, list[Attempt]], Any]) -> None:
    judge = truth(Scored(hanging), time_limit=0.1)
    right, late = Verdict(1.0, "truth"), Verdict(None, "truth", "score took longer than 0.1 s")
    assert ask(judge, [attempt("2"), attempt("hang"), attempt("3")]) == [right, late, right]


def test_equal_answers_to_one_problem_are_scored_once() -> None:
    task = Scored(lambda answer: 1.0)
    other = replace(PROBLEM, id="other")
    asked = [attempt("a"), attempt("b"), attempt("a"), attempt("a", other), attempt("a")]
    assert truth(task, time_limit=5.0)(asked) == [Verdict(1.0, "truth")] * 5
    assert task.asked == [("1+1", "a"), ("1+1", "b"), ("other", "a")]


def test_an_attempt_that_failed_keeps_its_error_and_is_not_scored() -> None:
    task = Scored(lambda answer: 1.0)
    failed = replace(attempt("2"), error="sample: the prompt has no tokens")
    assert truth(task, time_limit=5.0)([failed, attempt("2")]) == [
        Verdict(None, "truth", "sample: the prompt has no tokens"),
        Verdict(1.0, "truth"),
    ]


@pytest.mark.parametrize("time_limit", [0, -1, float("nan"), float("inf")])
def test_a_time_limit_must_be_one(time_limit: float) -> None:
    with pytest.raises(ConfigError, match="time_limit must be a positive number of seconds, got"):
        truth(Scored(hanging), time_limit=time_limit)


def test_it_keeps_the_contract_of_judges() -> None:
    assert check_judge(truth(Scored(lambda answer: float(answer == "2")), time_limit=5.0)) == []
