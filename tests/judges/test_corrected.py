"""Judges corrected by a function, and pairs asked about in both orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from written import attempt

from pawl.judges.corrected import recalibrated, without_length
from pawl.meters.bias import LengthBias
from pawl.meters.recalibration import Logistic
from pawl.records import Attempt, Problem, Verdict
from pawl.testing import check_judge

Numbers = NDArray[np.float64]
SLOPE = LengthBias(0.5, 0.1, (0.05, 0.15), 100, 20)


def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
    """A tenth for each character, up to nine."""
    return [Verdict(None, "some", "why") if one.error else Verdict(min(len(one.completion.text), 9) / 10, "some")
            for one in attempts]


def test_a_recalibrated_judge_says_what_the_curve_says() -> None:
    squared = recalibrated(judge, np.square)
    assert squared([attempt("12345"), attempt("x", error="no"), attempt("1")]) == [
        Verdict(0.25, "some"), Verdict(None, "some", "why"), Verdict(pytest.approx(0.01), "some")]
    assert squared([]) == []


def test_corrected_judges_keep_the_contract_of_judges() -> None:
    assert check_judge(recalibrated(judge, Logistic(0.5))) == []
    assert check_judge(without_length(judge, SLOPE.corrected)) == []


def test_a_curve_that_leaves_the_range_makes_no_score() -> None:
    (verdict,) = recalibrated(judge, lambda scores: 3 * scores)([attempt("12345")])
    assert verdict == Verdict(None, "some", "a value must be a number in [0, 1], got 1.5")


def test_length_is_compared_among_the_attempts_at_one_problem() -> None:
    asked: list[tuple[list[float], list[float]]] = []

    def correct(scores: Numbers, lengths: Numbers) -> Numbers:
        asked.append((scores.tolist(), lengths.tolist()))
        return scores / 2

    other = replace(attempt("123"), problem=Problem("q", "?", "train"))
    found = without_length(judge, correct)([attempt("1"), other, attempt("x", error="no"), attempt("12345")])
    assert asked == [([0.1, 0.5], [2.0, 6.0]), ([0.3], [4.0])]  # tokens, the end token among them
    assert [verdict.score for verdict in found] == [0.05, 0.15, None, 0.25]


def test_what_length_brought_is_taken_away() -> None:
    short, long = without_length(lambda attempts: [Verdict(0.5, "j")] * 2, SLOPE.corrected)(
        [attempt("1234"), attempt("12345678")])
    assert short.score is not None and long.score is not None
    assert short.score > 0.5 > long.score and short.score + long.score == pytest.approx(1)
    assert short.score == pytest.approx(1 / (1 + np.exp(-0.1 * 2)))


def test_an_attempt_alone_keeps_its_score() -> None:
    (verdict,) = without_length(judge, SLOPE.corrected)([attempt("1234")])
    assert verdict == Verdict(pytest.approx(0.4), "some")
