"""A judge by rules."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from asked import attempt
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import ConfigError
from pawl.judges.checks import Check, Checked, Checks
from pawl.records import Attempt, Verdict
from pawl.testing import check_judge


def is_long(asked: Attempt) -> bool:
    return len(asked.completion.text) > 3


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 9)), min_size=1, max_size=6))
def test_the_score_is_the_weighted_share_that_hold(rules: list[tuple[bool, int]]) -> None:
    checks = [Check(str(i), lambda asked, held=held: held, weight=weight) for i, (held, weight) in enumerate(rules)]
    share = Fraction(sum(weight for held, weight in rules if held), sum(weight for _, weight in rules))
    assert Checks(checks)([attempt("2")]) == [Verdict(pytest.approx(float(share)), "checks")]


def test_a_rule_is_an_expression_to_be_found_or_a_function_of_the_attempt() -> None:
    checks = Checks([Check("digit", r"\d"), Check("loud", re.compile("hey", re.IGNORECASE)), Check("long", is_long)])
    assert checks.breakdown([attempt("HEY 2"), attempt("2"), attempt("")]) == [
        Checked(held=("digit", "loud", "long")), Checked(held=("digit",), failed=("loud", "long")),
        Checked(failed=("digit", "loud", "long"))]


def raises(asked: Attempt) -> bool:
    raise ValueError("\x1b[2J no")


def sleeps(asked: Attempt) -> bool:
    time.sleep(60)
    return True


@pytest.mark.parametrize(("rule", "why"), [
    (raises, "raised ValueError:  [2J no"), (sleeps, "took longer than 0.05 s"),
    (lambda asked: 1, "must say True or False, got 1"), (lambda asked: None, "must say True or False, got None"),
    ("(x+)+$", "took longer than 0.05 s"),
])
def test_a_rule_that_cannot_be_checked_leaves_its_attempt_without_a_score(rule: Any, why: str) -> None:
    checks = Checks([Check("odd", rule), Check("long", is_long)], time_limit=0.05)
    hard = attempt("x" * 60 + "!")
    assert checks([hard]) == [Verdict(None, "checks", f"check 'odd' {why}")]
    assert checks.breakdown([hard]) == [Checked(held=("long",), unknown={"odd": why})]


def test_one_attempt_that_cannot_be_checked_costs_no_other() -> None:
    def picky(asked: Attempt) -> bool:
        return bool(1 / len(asked.completion.text))

    verdicts = Checks([Check("picky", picky)])([attempt("a"), attempt(""), attempt("b")])
    assert [verdict.score for verdict in verdicts] == [1.0, None, 1.0]


def test_numpys_truth_is_truth() -> None:
    [verdict] = Checks([Check("numpy", lambda asked: np.bool_(True))])([attempt("2")])  # type: ignore[arg-type,return-value]
    assert verdict.score == 1


def test_a_failed_attempt_keeps_its_error_and_is_not_checked() -> None:
    failed = replace(attempt("2"), error="sample: no")
    checks = Checks([Check("odd", raises)], name="format")
    assert checks([failed]) == [Verdict(None, "format", "sample: no")]
    assert checks.breakdown([failed]) == [Checked()]


def test_it_keeps_the_contract_of_judges() -> None:
    assert check_judge(Checks([Check("digit", r"\d"), Check("long", is_long)])) == []


@pytest.mark.parametrize(("checks", "words"), [
    ([], "one at least, got"), ([("a", "x", 1.0), ("a", "y", 1.0)], "different names"),
    ([("a", "x", 0.0)], "above 0, got 0"), ([("a", "x", float("nan"))], "above 0, got nan"),
    ([("a", "x", float("inf"))], "above 0, got inf"), ([("a", "(", 1.0)], "a regular expression, got"),
])
def test_checks_are_checked(checks: Sequence[tuple[str, str, float]], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Checks([Check(*check) for check in checks])


@pytest.mark.parametrize("time_limit", [0, -1, float("nan"), float("inf")])
def test_a_time_limit_must_be_one(time_limit: float) -> None:
    with pytest.raises(ConfigError, match="time_limit must be a positive number"):
        Checks([Check("a", "x")], time_limit=time_limit)
