"""Any judge as a filter."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from written import attempt

from pawl.errors import ConfigError
from pawl.judges.threshold import kept_from
from pawl.records import Attempt, Verdict


def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
    return [Verdict(None, "some", "why") if one.error else Verdict(len(one.completion.text) / 10, "some")
            for one in attempts]


def test_any_judge_becomes_a_filter() -> None:
    kept = kept_from(judge, 0.3)([attempt("12"), attempt("123"), attempt("1234", error="no")])
    assert kept == [Verdict(0.0, "some"), Verdict(1.0, "some"), Verdict(None, "some", "why")]


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_is_a_score(threshold: float) -> None:
    with pytest.raises(ConfigError, match=r"threshold must lie in \[0, 1\], got"):
        kept_from(judge, threshold)
