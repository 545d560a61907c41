"""Which attempts are chosen to learn from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import ConfigError
from pawl.records import Attempt, Completion, Problem, Verdict
from pawl.selection.select import select

Row = tuple[str, int, str, float | None]
"""Problem, attempt number, text, score."""

ROWS = st.lists(
    st.tuples(st.sampled_from("pqr"), st.sampled_from("abcd"), st.sampled_from([None, 0.0, 0.5, 1.0])), max_size=30
).map(lambda rows: [(problem, index, text, score) for index, (problem, text, score) in enumerate(rows)])


def records(rows: list[Row], finish: str = "stop") -> tuple[list[Attempt], list[Verdict]]:
    attempts = [
        Attempt(Problem(problem, problem, "train"), index, np.int32([1]),
                Completion(text, np.int32([ord(c) for c in text]), np.zeros(len(text), np.float32), finish))
        for problem, index, text, _ in rows
    ]
    return attempts, [Verdict(score, "truth") for *_, score in rows]


def chosen(rows: list[Row], *, keep: int = 4, limit: int = 99, threshold: float = 1.0) -> list[Row]:
    return [rows[place] for place in select(*records(rows), keep=keep, limit=limit, threshold=threshold)]


def test_wrong_and_unjudged_attempts_are_never_chosen() -> None:
    rows: list[Row] = [("p", 0, "a", 0.0), ("p", 1, "b", None), ("p", 2, "c", 1.0), ("p", 3, "d", 0.9)]
    assert chosen(rows) == [rows[2]]
    assert chosen(rows, threshold=0.5) == [rows[2], rows[3]]


def test_an_attempt_that_failed_is_not_chosen_whatever_its_verdict() -> None:
    (attempt,), verdicts = records([("p", 0, "a", 1.0)])
    failed = Attempt(attempt.problem, 0, attempt.prompt_tokens, attempt.completion, error="sample: out of memory")
    assert select([failed], verdicts, keep=1, limit=99) == []


def test_one_attempt_stands_for_all_with_its_text_and_at_most_keep_are_taken() -> None:
    rows: list[Row] = [("p", i, text, 1.0) for i, text in enumerate("aabbcd")]
    assert chosen(rows, keep=3) == [rows[0], rows[2], rows[4]]


def test_the_same_text_at_another_problem_is_another_answer() -> None:
    rows: list[Row] = [("p", 0, "a", 1.0), ("q", 0, "a", 1.0)]
    assert chosen(rows) == rows


def test_a_finished_completion_is_preferred_to_one_cut_off() -> None:
    first, verdicts = records([("p", 0, "a", 1.0)], finish="length")
    second, _ = records([("p", 1, "a", 1.0)])
    assert select(first + second, verdicts * 2, keep=1, limit=99) == [1]


def test_harder_problems_go_first_when_the_limit_caps_the_total() -> None:
    easy: list[Row] = [("easy", i, text, 1.0) for i, text in enumerate("ab")]
    hard: list[Row] = [("hard", 0, "a", 1.0), ("hard", 1, "b", 0.0), ("hard", 2, "c", 1.0)]
    assert chosen(easy + hard, limit=2) == [hard[0], hard[2]]
    assert chosen(easy + hard, limit=3) == [easy[0], hard[0], hard[2]]
    assert chosen(easy + hard, limit=0) == []


def test_abstentions_do_not_make_a_problem_look_hard() -> None:
    unjudged: list[Row] = [("p", 0, "a", 1.0), ("p", 1, "b", None), ("p", 2, "c", None)]
    half: list[Row] = [("q", 0, "a", 1.0), ("q", 1, "b", 0.0)]
    assert chosen(unjudged + half, limit=1) == [half[0]]


@given(ROWS, st.integers(1, 3), st.integers(0, 10))
def test_the_chosen_are_right_distinct_few_a_problem_and_within_the_limit(
    rows: list[Row], keep: int, limit: int
) -> None:
    taken = chosen(rows, keep=keep, limit=limit)
    assert all(score == 1.0 for *_, score in taken)
    assert len({(problem, text) for problem, _, text, _ in taken}) == len(taken)
    for problem in "pqr":
        distinct = {text for name, _, text, score in rows if name == problem and score == 1.0}
        count = sum(name == problem for name, *_ in taken)
        assert count <= len([row for row in chosen(rows, keep=keep) if row[0] == problem]) == min(keep, len(distinct))
    assert len(taken) == min(limit, len(chosen(rows, keep=keep)))


@given(ROWS, st.data())
def test_only_the_order_of_problems_matters_not_that_of_attempts(rows: list[Row], data: st.DataObject) -> None:
    by_problem = sorted(rows, key=lambda row: row[0])
    shuffled = sorted(data.draw(st.permutations(by_problem)), key=lambda row: row[0])
    assert chosen(by_problem, keep=2, limit=4) == chosen(shuffled, keep=2, limit=4)


@pytest.mark.parametrize(("keep", "limit"), [(0, 1), (1, -1)])
def test_keeping_none_is_an_error(keep: int, limit: int) -> None:
    with pytest.raises(ConfigError, match="must be at least"):
        select([], [], keep=keep, limit=limit)
