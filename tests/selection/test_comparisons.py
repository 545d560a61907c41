"""Which pairs are asked about, what was answered, and what a reward model learns of it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pawl.records import Attempt, Comparison, Completion, Problem
from pawl.selection.comparisons import answered, comparison_examples, contradictions, pairs_to_ask


def attempt(name: str, text: str, index: int = 0, error: str | None = None) -> Attempt:
    tokens = np.arange(1, 1 + len(text), dtype=np.int32)
    return Attempt(Problem(name, "?", "train"), index, np.array([7, 8], np.int32), Completion(
        text, tokens, np.zeros(len(text), np.float32), "stop"), error=error)


@given(st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from(["a", "bb", "ccc", "dddd", ""])), max_size=30),
       st.integers(0, 20), st.integers(0, 3))
def test_pairs_are_of_one_problem_and_of_different_texts_and_no_attempt_is_in_two(rows: list[tuple[str, str]],
                                                                                 count: int, key: int) -> None:
    attempts = [attempt(name, text, index) for index, (name, text) in enumerate(rows)]
    pairs = pairs_to_ask(attempts, count=count, key=key)
    assert len(pairs) <= count
    assert all(first.problem.id == second.problem.id for first, second in pairs)
    assert all(first.completion.text != second.completion.text for first, second in pairs)
    used = [one.index for pair in pairs for one in pair]
    assert len(used) == len(set(used)) and all(attempts[place].completion.text for place in used)


def test_every_problem_has_a_pair_before_one_has_two() -> None:
    attempts = [attempt(name, f"{name}{index}", index) for name in "pqr" for index in range(4)]
    pairs = pairs_to_ask(attempts, count=5, key=0)
    assert sorted(first.problem.id for first, _ in pairs[:3]) == ["p", "q", "r"] and len(pairs) == 5
    assert pairs_to_ask(attempts, count=5, key=0) == pairs != pairs_to_ask(attempts, count=5, key=1)


def test_failed_attempts_are_not_asked_about() -> None:
    assert pairs_to_ask([attempt("p", "a", error="sample: too long"), attempt("p", "b")], count=9, key=0) == []


def test_what_is_liked_stands_first_and_what_nobody_can_say_is_counted() -> None:
    first, second = attempt("p", "a"), attempt("p", "b")
    found = answered([(first, second)] * 3, [True, False, None], source="person")
    assert found.comparisons == [Comparison(first, second, "person"), Comparison(second, first, "person")]
    assert found.undecided == 1


def test_a_contradiction_is_the_opposite_about_the_same_two_texts() -> None:
    a, b, other = attempt("p", "a"), attempt("p", "b"), attempt("q", "a")
    assert contradictions([Comparison(a, b), Comparison(a, b), Comparison(b, a), Comparison(other, b)]) == 3
    assert contradictions([Comparison(a, b), Comparison(a, b)]) == 0


def test_an_example_has_a_place_for_the_value_of_the_whole_answer() -> None:
    liked, other = comparison_examples([Comparison(attempt("p", "abc"), attempt("p", "z"))])
    assert liked.tokens.tolist() == [7, 8, 1, 2, 3] and other.tokens.tolist() == [7, 8, 1]
    assert liked.step_values is not None and liked.step_values.places.tolist() == [4]
    assert not liked.weights.any() and liked.prompt_length == 2
