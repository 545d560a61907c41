"""Examples made of attempts and of real text."""

from __future__ import annotations

import numpy as np

from pawl.records import Attempt, Completion, Problem, Verdict
from pawl.selection.examples import chosen_examples, demonstration_examples, value_examples


def attempt(index: int, tokens: list[int], *, problem: str = "p", error: str | None = None) -> Attempt:
    completion = Completion("text", np.int32(tokens), np.zeros(len(tokens), np.float32), "stop")
    return Attempt(Problem(problem, problem, "train"), index, np.int32([7, 8]), completion, error=error)


def verdicts(*scores: float | None) -> list[Verdict]:
    return [Verdict(score, "truth") for score in scores]


def test_a_chosen_attempt_weighs_its_completion_and_teaches_its_score() -> None:
    (example,) = chosen_examples([attempt(0, [1]), attempt(1, [2, 3])], verdicts(0.0, 1.0), [1])
    assert example.tokens.tolist() == [7, 8, 2, 3] and example.tokens.dtype == np.int32
    assert example.weights.tolist() == [0, 0, 1, 1] and example.weights.dtype == np.float32
    assert (example.prompt_length, example.value_target) == (2, 1.0)
    assert (example.source, example.problem_id) == ("self", "p")


def test_failures_teach_the_value_and_never_the_policy() -> None:
    (example,) = value_examples([attempt(0, [1]), attempt(1, [2, 3])], verdicts(1.0, 0.0), [0])
    assert example.tokens.tolist() == [7, 8, 2, 3] and not example.weights.any()
    assert example.value_target == 0.0


def test_a_right_attempt_that_was_not_chosen_teaches_the_value() -> None:
    (example,) = value_examples([attempt(0, [1]), attempt(1, [2])], verdicts(1.0, 1.0), [0])
    assert example.value_target == 1.0 and not example.weights.any()


def test_attempts_without_a_verdict_and_failed_ones_teach_nothing() -> None:
    assert value_examples([attempt(0, [1]), attempt(1, [2], error="sample: x")], verdicts(None, 0.0), []) == []


def test_equal_attempts_are_one_example_with_their_mean_score() -> None:
    attempts = [attempt(0, [1]), attempt(1, [1]), attempt(2, [1], problem="q")]
    first, second = value_examples(attempts, verdicts(1.0, 0.0, 0.0), [])
    assert (first.value_target, second.value_target) == (0.5, 0.0)
    assert (first.problem_id, second.problem_id) == ("p", "q")


def test_a_repetition_of_a_chosen_attempt_is_not_a_second_example() -> None:
    assert value_examples([attempt(0, [1]), attempt(1, [1])], verdicts(1.0, 1.0), [0]) == []


def test_unmerged_every_judged_attempt_counts_once() -> None:
    attempts = [attempt(i, [1 if i < 3 else 2]) for i in range(4)]
    scores = verdicts(1.0, 1.0, 1.0, 0.0)
    examples = chosen_examples(attempts, scores, [0]) + value_examples(attempts, scores, [0], merge=False)
    assert np.mean([example.value_target for example in examples]) == 0.75


def test_real_text_weighs_its_completion_and_has_no_score() -> None:
    (example,) = demonstration_examples([(np.int32([5]), np.int32([6, 0]))])
    assert example.tokens.tolist() == [5, 6, 0] and example.weights.tolist() == [0, 1, 1]
    assert (example.prompt_length, example.value_target) == (1, None)
    assert (example.source, example.problem_id) == ("real", "")
