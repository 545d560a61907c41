"""Examples made of attempts and of real text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.records import Attempt, Completion, Problem, Verdict
from pawl.selection.examples import chosen_examples, demonstration_examples, value_examples


def attempt(index: int, tokens: list[int], *, problem: str = "p", error: str | None = None) -> Attempt:
    completion = Completion("text", np.int32(tokens), np.zeros(len(tokens), np.float32), "stop")
    return Attempt(Problem(problem, problem, "train"), index, np.int32([7, 8]), completion, error=error)


def verdicts(*scores: float | None) -> list[Verdict]:
    return [Verdict(score, "truth") for score in scores]


def test_a_chosen_attempt_weighs_its_completion_and_teaches_the_value_nothing() -> None:
    (example,) = chosen_examples([attempt(0, [1]), attempt(1, [2, 3])], [1])
    assert example.tokens.tolist() == [7, 8, 2, 3] and example.tokens.dtype == np.int32
    assert example.weights.tolist() == [0, 0, 1, 1] and example.weights.dtype == np.float32
    assert (example.prompt_length, example.value_target) == (2, None)
    assert (example.source, example.problem_id) == ("self", "p")


def test_chosen_attempts_come_in_the_order_in_which_they_were_chosen() -> None:
    examples = chosen_examples([attempt(i, [i]) for i in range(4)], [3, 0])
    assert [example.tokens[-1] for example in examples] == [3, 0]


def test_right_and_wrong_attempts_teach_the_value_and_never_the_policy() -> None:
    right, wrong = value_examples([attempt(0, [1]), attempt(1, [2, 3])], verdicts(1.0, 0.0))
    assert [right.tokens.tolist(), wrong.tokens.tolist()] == [[7, 8, 1], [7, 8, 2, 3]]
    assert (right.value_target, wrong.value_target) == (1.0, 0.0)
    assert not right.weights.any() and not wrong.weights.any()
    assert (right.prompt_length, right.value_weight, right.source, right.problem_id) == (2, 1.0, "self", "p")


def test_attempts_without_a_verdict_and_failed_ones_teach_nothing() -> None:
    attempts = [attempt(0, [1]), attempt(1, [2], error="sample: x"), attempt(2, [3])]
    (example,) = value_examples(attempts, verdicts(None, 0.0, 1.0))
    assert example.tokens.tolist() == [7, 8, 3]


def test_equal_attempts_are_one_example_that_stands_for_all_of_them() -> None:
    attempts = [attempt(0, [1]), attempt(1, [2]), attempt(2, [1]), attempt(3, [1])]
    first, second = value_examples(attempts, verdicts(1.0, 0.0, 0.0, 0.5))
    assert (first.value_target, first.value_weight) == (0.5, 3.0)
    assert (second.value_target, second.value_weight) == (0.0, 1.0)


def test_an_equal_attempt_that_was_not_judged_is_not_counted() -> None:
    (example,) = value_examples([attempt(0, [1]), attempt(1, [1])], verdicts(1.0, None))
    assert (example.value_target, example.value_weight) == (1.0, 1.0)


def test_equal_answers_to_two_problems_stay_two_examples() -> None:
    first, second = value_examples([attempt(0, [1]), attempt(1, [1], problem="q")], verdicts(1.0, 0.0))
    assert [(example.problem_id, example.value_target) for example in (first, second)] == [("p", 1.0), ("q", 0.0)]


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.25, 1.0]))))
def test_the_value_learns_the_mean_score_of_all_attempts(drawn: list[tuple[int, float]]) -> None:
    attempts = [attempt(i, [token]) for i, (token, _) in enumerate(drawn)]
    examples = value_examples(attempts, verdicts(*(score for _, score in drawn)))
    assert sum(example.value_weight for example in examples) == len(drawn)
    total = sum(example.value_weight * (example.value_target or 0.0) for example in examples)
    assert total == pytest.approx(sum(score for _, score in drawn))


def test_every_attempt_needs_its_verdict() -> None:
    with pytest.raises(ValueError, match="zip"):
        value_examples([attempt(0, [1])], [])


def test_real_text_weighs_its_completion_and_has_no_score() -> None:
    (example,) = demonstration_examples([(np.int32([5]), np.int32([6, 0]))])
    assert example.tokens.tolist() == [5, 6, 0] and example.weights.tolist() == [0, 1, 1]
    assert (example.prompt_length, example.value_target) == (1, None)
    assert (example.source, example.problem_id) == ("real", "")
