"""A value of whole attempts as a judge."""

from __future__ import annotations

import numpy as np
import pytest
from written import BYTES, NAN, Length, attempt

from pawl.errors import ConfigError
from pawl.judges.orm import OutcomeReward
from pawl.records import Cost, Verdict
from pawl.testing import END, check_judge


def test_a_verdict_is_the_value_of_prompt_answer_and_end() -> None:
    model = Length()
    (verdict,) = OutcomeReward(model)([attempt("7*3=21")])
    assert model.asked == [[*b"7 3=21\n7*3=21", END]]
    assert verdict == Verdict(pytest.approx(0.14), "orm")


def test_it_keeps_the_contract_of_judges_under_any_name() -> None:
    assert check_judge(OutcomeReward(BYTES)) == []
    (verdict,) = OutcomeReward(BYTES, name="critic")([attempt("7*3=21")])
    assert verdict == Verdict(0.5, "critic")


def test_a_failed_attempt_keeps_its_error_and_the_others_their_places() -> None:
    failed, right = OutcomeReward(Length())([attempt("x", error="sample: no"), attempt("7*3=21")])
    assert failed == Verdict(None, "orm", "sample: no")
    assert right.score == pytest.approx(0.14)


def test_a_value_that_is_no_number_is_no_score() -> None:
    (verdict,) = OutcomeReward(Length())([NAN])
    assert verdict == Verdict(None, "orm", "a value must be a number in [0, 1], got nan")


def test_an_attempt_that_does_not_fit_the_model_is_not_judged() -> None:
    model = Length(context=13)
    (verdict,) = OutcomeReward(model)([attempt("7*3=21")])
    assert verdict.score is None and "1 to 13 tokens for this model, got 14" in (verdict.error or "")
    assert model.asked == []


def test_scores_to_choose_by_are_0_where_there_is_no_answer() -> None:
    scores, costs = OutcomeReward(Length()).scores([attempt("x", error="sample: no"), attempt("7*3=21")])
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [0.0, 0.14])
    assert costs == [Cost(), Cost(14, 0, 1)]


def test_nobody_chooses_by_a_value_that_is_no_number() -> None:
    with pytest.raises(ConfigError, match="a value must be a finite number"):
        OutcomeReward(Length()).scores([NAN, attempt("7*3=21")])
