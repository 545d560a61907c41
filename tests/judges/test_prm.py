"""Values of steps as a judge."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from written import BYTES, NAN, Length, attempt

from pawl.errors import ConfigError, UnknownNameError
from pawl.judges.prm import ProcessReward
from pawl.records import Verdict
from pawl.testing import END, check_judge

TWO = attempt("7*3=21\n21-7=14")
"""Its prefixes have 14 and 22 tokens, so that they are worth 0.14 and 0.22 to `Length`."""


@pytest.mark.parametrize(("aggregate", "score"), [("last", 0.22), ("min", 0.14), ("product", 0.14 * 0.22)])
def test_a_verdict_is_made_of_the_values_of_all_steps(aggregate: Any, score: float) -> None:
    (verdict,), (steps,), _ = ProcessReward(Length(), aggregate).judged([TWO])
    assert verdict == Verdict(pytest.approx(score), "prm")
    assert steps.dtype == np.float32
    np.testing.assert_allclose(steps, [0.14, 0.22])


def test_all_steps_of_all_attempts_are_asked_about_together_and_equal_ones_once() -> None:
    model = Length()
    found = ProcessReward(model).steps([TWO, attempt("7*3=21\n3"), TWO])
    first = [*b"7 3=21\n7*3=21\n"]
    assert model.asked == [first, [*first, *b"21-7=14", END], [*first, *b"3", END]]
    assert [len(steps) for steps in found] == [2, 2, 2]


def test_it_keeps_the_contract_of_judges() -> None:
    assert check_judge(ProcessReward(BYTES)) == []


def test_what_failed_or_has_no_step_gets_no_score_and_is_the_last_to_be_chosen() -> None:
    judge, attempts = ProcessReward(Length()), [attempt("x", error="sample: no"), attempt("\n"), TWO]
    failed, blank, judged = judge(attempts)
    assert failed == Verdict(None, "prm", "sample: no")
    assert blank == Verdict(None, "prm", "an attempt must have a step to be judged by, got none")
    assert judged.score == pytest.approx(0.14)
    scores, costs = judge.scores(attempts)
    np.testing.assert_allclose(scores, [0, 0, 0.14])
    assert [cost.estimated for cost in costs] == [0, 0, 2] and costs[0].forwarded == 0 < costs[2].forwarded


@pytest.mark.parametrize("aggregate", ["last", "min", "product"])
def test_a_value_that_is_no_number_is_no_score(aggregate: Any) -> None:
    judge = ProcessReward(Length(), aggregate)
    (verdict,), (steps,), _ = judge.judged([NAN])
    assert verdict == Verdict(None, "prm", "a value must be a number in [0, 1], got nan") and math.isnan(steps[0])
    with pytest.raises(ConfigError, match="finite"):
        judge.scores([NAN])


def test_one_step_without_a_number_spoils_the_worst_and_the_product_but_not_the_last() -> None:
    """The first step of this one ends after 13 tokens, which are no number to the model."""
    spoilt = attempt("7*3=2\n14")
    scores = {name: ProcessReward(Length(), name)([spoilt])[0].score  # type: ignore[arg-type]
              for name in ("last", "min", "product")}
    assert scores == {"last": pytest.approx(0.16), "min": None, "product": None}


def test_what_it_does_not_know_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown aggregate: 'mean'"):
        ProcessReward(BYTES, "mean")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="delimiter must be a text"):
        ProcessReward(BYTES, delimiter="")
