from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from asked import PROBLEM, Scored

from pawl.judges.score import verdict_on
from pawl.records import Verdict
from pawl.tasks.countdown import Countdown


def verdict(function: Callable[[str], Any], text: str = "2") -> Verdict:
    return verdict_on(Scored(function), PROBLEM, text, time_limit=5.0)


def test_the_score_of_the_task_is_the_verdict() -> None:
    problem = Countdown.problem([7, 3, 3], 24)
    said = [verdict_on(Countdown(), problem, answer, time_limit=5.0) for answer in ("7*3+3", "7+3")]
    assert said == [Verdict(1.0, "truth"), Verdict(0.0, "truth")]


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
