"""One pass over a run's attempts: what is counted as what."""

from __future__ import annotations

import numpy as np

from pawl.records import Attempt, Completion, Problem, Verdict
from pawl.report_attempts import read_attempts

PROMPT = np.ones(1, np.int32)


def attempt(problem: str, score: float, source: str) -> tuple[Attempt, Verdict]:
    completion = Completion("7", PROMPT, np.zeros(1, np.float32), "stop")
    return Attempt(Problem(problem, "1+6", "train"), 0, PROMPT, completion, source=source), Verdict(score, "truth")


def test_what_search_found_is_no_sample_of_the_policy() -> None:
    pairs = [attempt("a", 0.0, "self"), attempt("b", 1.0, "self"), attempt("a", 1.0, "search")]
    reading = read_attempts([(1, pairs)], {1})
    assert reading.sampled[1].mean == 0.5
    assert reading.totals.total() == 3 and len(reading.rows) == 3
