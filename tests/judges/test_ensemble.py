"""Several judges as one, against the arithmetic of each rule."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from written import BYTES, NAN, Length, attempt

from pawl.errors import ConfigError
from pawl.interfaces import Judge
from pawl.judges.ensemble import Ensemble
from pawl.judges.orm import OutcomeReward
from pawl.records import Attempt, Cost, Verdict
from pawl.testing import check_judge

SAID = st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=2, max_size=6)


def saying(score: float | None, error: str = "") -> Judge:
    def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
        return [Verdict(None if one.error else score, "member", one.error or error or None) for one in attempts]

    return judge


def ensemble(*said: float | None, **settings: Any) -> Ensemble:
    return Ensemble(tuple(saying(score) for score in said), **settings)


def score(*said: float | None, **settings: Any) -> float | None:
    (verdict,) = ensemble(*said, **settings)([attempt("x")])
    return verdict.score


def test_the_rules_by_hand() -> None:
    assert score(0.2, 0.4, 0.9) == pytest.approx(0.5)
    assert score(0.2, 0.4, 0.9, how="worst") == 0.2
    assert score(0.2, 0.4, 0.9, how="cautious", caution=2) == pytest.approx(0.5 - 2 * (0.09 + 0.01 + 0.16) / 3)
    assert score(0.2, 0.8, scale="logit") == pytest.approx(0.5)
    assert score(0.5, 0.9, scale="logit") == pytest.approx(0.75)  # odds of 1 and 9: 3


@given(SAID, st.floats(0, 3))
def test_every_rule_is_its_formula_over_those_that_say_something(said: list[float | None], caution: float) -> None:
    known = [one for one in said if one is not None]
    expected: dict[str, float | None] = dict.fromkeys(("mean", "worst", "cautious"))
    if len(known) >= 2:
        mean = statistics.fmean(known)
        expected = {"mean": mean, "worst": min(known),
                    "cautious": max(0.0, mean - caution * statistics.pvariance(known))}
    for how, right in expected.items():
        found = score(*said, how=how, caution=caution)
        assert found == (None if right is None else pytest.approx(right, abs=1e-9))


@given(st.lists(st.floats(0.001, 0.999), min_size=2, max_size=5), st.floats(0, 3))
def test_on_the_logit_scale_the_formula_is_of_logits(said: list[float], caution: float) -> None:
    logits = logit(said)
    for how, right in (("mean", logits.mean()), ("worst", logits.min()), ("cautious", logits.mean()
                                                                          - caution * logits.var())):
        assert score(*said, how=how, caution=caution, scale="logit") == pytest.approx(expit(right), abs=1e-9)


def test_a_score_of_0_or_1_does_not_decide_alone_on_the_logit_scale() -> None:
    assert score(0.0, 1.0, scale="logit") == pytest.approx(0.5)


def test_one_that_says_something_is_too_few() -> None:
    members = saying(None, "it hung"), saying(0.7), saying(None, "it hung")
    (verdict,) = Ensemble(members)([attempt("x")])
    assert verdict == Verdict(None, "ensemble", "2 of 3 judges must say something, got 1: it hung")


def test_a_score_that_is_no_number_is_an_abstention() -> None:
    assert score(0.2, 0.4, float("nan")) == pytest.approx(0.3)
    assert score(0.2, float("nan")) is None


def test_disagreement_is_the_standard_deviation_of_what_is_said() -> None:
    found = ensemble(0.2, 0.4, None).disagreement([attempt("x"), attempt("y", error="no")])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0.1, np.nan], rtol=1e-6)
    on_logits = ensemble(0.5, 0.9, scale="logit").disagreement([attempt("x")])
    np.testing.assert_allclose(on_logits, [np.log(9) / 2], rtol=1e-5)


def test_it_keeps_the_contract_of_judges() -> None:
    assert check_judge(Ensemble((OutcomeReward(BYTES), saying(0.4)))) == []
    assert ensemble(0.1, 0.2)([]) == [] and ensemble(0.1, 0.2).disagreement([]).shape == (0,)


def test_a_failed_attempt_keeps_its_error_and_the_others_their_places() -> None:
    failed, right = ensemble(0.2, 0.4, name="three")([attempt("x", error="sample: no"), attempt("y")])
    assert failed == Verdict(None, "three", "sample: no")
    assert right == Verdict(pytest.approx(0.3), "three")


def test_costs_are_those_of_the_members_that_tell_theirs() -> None:
    model = OutcomeReward(Length())
    inner = Ensemble((model, model))
    verdicts, said, spent = Ensemble((model, inner, saying(0.5))).judged([attempt("7*3=21"), attempt("x", error="no")])
    assert spent == [Cost(14 * 3, 0, 3), Cost()]
    np.testing.assert_allclose(said[0], [0.14, 0.14, 0.5], rtol=1e-6)
    assert len(said[1]) == 0 and verdicts[0].score == pytest.approx(0.26)


def test_scores_to_choose_by_are_0_where_nothing_was_said() -> None:
    members = OutcomeReward(Length()), OutcomeReward(Length(), "other")
    scores, costs = Ensemble(members).scores([attempt("7*3=21"), NAN])
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [0.14, 0.0])
    assert costs[0] == Cost(28, 0, 2)


@pytest.mark.parametrize(("settings", "words"), [
    ({"how": "median"}, "how of an ensemble must be mean or worst or cautious, got 'median'"),
    ({"scale": "odds"}, "scale of an ensemble must be score or logit"),
    ({"caution": -1.0}, "caution must be a number of 0 or more, got -1"),
    ({"caution": float("nan")}, "caution must be a number of 0 or more")])
def test_settings_that_cannot_be_raise(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ensemble(0.1, 0.2, **settings)
    with pytest.raises(ConfigError, match="must have 2 judges or more, got 1"):
        ensemble(0.1)
