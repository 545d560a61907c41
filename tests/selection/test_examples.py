"""Examples made of attempts and of real text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import UnknownNameError
from pawl.records import Attempt, Completion, Problem, StepLabel, TokenExample, Verdict
from pawl.selection.examples import (
    chosen_examples,
    demonstration_examples,
    path_examples,
    prompt_labels,
    step_examples,
    value_examples,
)


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


def label(tokens: list[int], value: float | None, *, weight: float = 1.0, ended: bool = False,
          problem: str = "p") -> StepLabel:
    return StepLabel(problem, np.int32(tokens), 1, value, "self", weight, ended)


def taught(examples: list[TokenExample]) -> dict[tuple[str, tuple[int, ...]], tuple[float, float]]:
    """Target and weight of every prefix that is learnt."""
    found = {}
    for example in examples:
        assert example.value_target is None and not example.weights.any() and example.step_values is not None
        steps = example.step_values
        for place, target, weight in zip(steps.places, steps.targets, steps.weights, strict=True):
            prefix = example.problem_id, tuple(example.tokens[: place + 1].tolist())
            assert prefix not in found
            found[prefix] = float(target), float(weight)
    return found


@pytest.mark.parametrize(("kind", "target"), [("soft", 0.25), ("hard", 1.0)])
def test_a_label_is_the_share_of_right_ones_or_whether_there_was_any(kind: Any, target: float) -> None:
    examples = step_examples([label([7, 1], 0.25), label([7, 2], 0.0)], kind=kind)
    assert taught(examples) == {("p", (7, 1)): (target, 1), ("p", (7, 2)): (0, 1)}


def test_steps_of_one_answer_are_one_example_that_is_read_once() -> None:
    (example,) = step_examples([label([7, 1], 0.5), label([7, 1, 2, 3], 1.0), label([7, 1, 2], 0.75)], kind="soft")
    assert example.tokens.tolist() == [7, 1, 2, 3] and example.step_values is not None
    assert example.step_values.places.tolist() == [1, 2, 3] and example.step_values.places.dtype == np.int32
    assert example.step_values.targets.tolist() == [0.5, 0.75, 1.0]
    assert (example.prompt_length, example.source, example.problem_id) == (1, "self", "p")


def test_labels_of_the_same_prefix_are_one_by_weight() -> None:
    twice = [label([7, 1], 1.0), label([7, 1], 0.0, weight=3)]
    assert taught(step_examples(twice, kind="soft")) == {("p", (7, 1)): (0.25, 4)}
    assert taught(step_examples(twice, kind="hard")) == {("p", (7, 1)): (1, 4)}


def test_what_holds_of_the_end_holds_of_the_token_before_it() -> None:
    examples = step_examples([label([7, 1, 0], 1.0, ended=True), label([7, 1, 5], 0.0)], kind="hard")
    assert taught(examples) == {("p", (7, 1)): (1, 1), ("p", (7, 1, 0)): (1, 1), ("p", (7, 1, 5)): (0, 1)}


def test_labels_without_a_value_teach_nothing_and_an_unknown_kind_is_refused() -> None:
    assert step_examples([label([7, 1], None)], kind="hard") == []
    with pytest.raises(UnknownNameError, match="unknown kind of label: 'firm'"):
        step_examples([], kind="firm")  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.lists(st.integers(0, 2), min_size=1, max_size=4), st.integers(0, 4), st.integers(1, 3),
                          st.sampled_from("pq"))))
def test_every_prefix_is_learnt_once_with_its_mean(drawn: list[tuple[list[int], int, int, str]]) -> None:
    labels = [label(tokens, quarters / 4, weight=weight, problem=problem)
              for tokens, quarters, weight, problem in drawn]
    examples = step_examples(labels, kind="soft")
    expected = {}
    for problem, tokens in {(problem, tuple(tokens)) for tokens, _, _, problem in drawn}:
        mine = [(one.value or 0, one.weight) for one in labels
                if (one.problem_id, tuple(one.tokens.tolist())) == (problem, tokens)]
        total = sum(weight for _, weight in mine)
        expected[problem, tokens] = (pytest.approx(sum(value * weight for value, weight in mine) / total), total)
    assert taught(examples) == expected
    wholes = [(example.problem_id, tuple(example.tokens.tolist())) for example in examples]
    assert not [(one, other) for one in wholes for other in wholes
                if one != other and one[0] == other[0] and other[1][: len(one[1])] == one[1]]


def test_a_prompt_is_worth_the_share_of_right_attempts_at_it() -> None:
    attempts = [attempt(0, [1]), attempt(1, [2]), attempt(2, [3]), attempt(0, [1], problem="q"),
                attempt(1, [2], problem="q", error="sample: x")]
    first, second = prompt_labels(attempts, verdicts(1.0, 0.5, None, 0.0, 1.0))
    assert (first.problem_id, first.tokens.tolist(), first.value, first.weight) == ("p", [7, 8], 0.5, 2)
    assert (second.problem_id, second.value, second.weight) == ("q", 0.0, 1)


def test_every_place_of_a_path_weighs_alike_and_what_two_paths_begin_with_comes_in_both() -> None:
    beginning = label([7, 1], 0.25, weight=60.0)
    paths = [[beginning, label([7, 1, 2], 1.0)], [beginning, label([7, 1, 3], 0.0)]]
    examples = path_examples(paths, kind="hard")
    assert [example.tokens.tolist() for example in examples] == [[7, 1, 2], [7, 1, 3]]
    for example, last in zip(examples, (1, 0), strict=True):
        assert example.step_values is not None
        assert example.step_values.places.tolist() == [1, 2]
        assert example.step_values.targets.tolist() == [1, last]
        assert example.step_values.weights.tolist() == [1, 1]
