"""Examples in other words: the prompt changes, the answer and what is learnt of it do not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pawl.records import IntArray, StepValues, TokenExample
from pawl.selection.variants import varied

OTHERS = {"one": [np.array([7, 8, 9], np.int32), np.array([6], np.int32)], "alone": []}


def example(problem_id: str = "one", step_values: StepValues | None = None) -> TokenExample:
    tokens = np.array([1, 2, 40, 41, 0], np.int32)
    return TokenExample(tokens, np.array([0, 0, 1, 1, 0.5], np.float32), 2, None, "self", problem_id,
                        step_values=step_values)


def others(problem_id: str) -> Sequence[IntArray]:
    return OTHERS[problem_id]


def test_the_answer_and_its_weights_stay_behind_another_prompt() -> None:
    for shown in varied([example()] * 50, others, share=0.999, key=0):
        prompt = shown.tokens[: shown.prompt_length].tolist()
        assert prompt in ([7, 8, 9], [6], [1, 2])
        assert shown.tokens[shown.prompt_length :].tolist() == [40, 41, 0]
        assert shown.weights.tolist() == [0] * len(prompt) + [1, 1, 0.5]


def test_about_a_share_is_shown_otherwise_and_every_other_prompt_comes() -> None:
    shown = varied([example()] * 2000, others, share=0.3, key=1)
    counts = [sum(one.tokens[0] == first for one in shown) / 2000 for first in (1, 7, 6)]
    np.testing.assert_allclose(counts, [0.7, 0.15, 0.15], atol=0.04)


def test_without_a_share_or_another_prompt_nothing_changes() -> None:
    one, alone = example(), example("alone")
    assert varied([one], others, share=0.0, key=2)[0] is one
    assert varied([alone], others, share=0.999, key=2)[0] is alone


def test_another_key_draws_others_and_the_same_key_the_same() -> None:
    draws = [[one.prompt_length for one in varied([example()] * 40, others, share=0.9, key=key)] for key in (3, 3, 4)]
    assert draws[0] == draws[1] != draws[2]


def test_values_of_steps_move_with_the_answer_and_those_within_a_prompt_are_left_out() -> None:
    values = StepValues(np.array([0, 1, 3, 4], np.int32), np.array([0.1, 0.2, 0.3, 0.4], np.float32),
                        np.ones(4, np.float32))
    shown = varied([example(step_values=values)] * 50, others, share=0.999, key=5)
    moved = next(one.step_values for one in shown if one.prompt_length == 3)
    assert moved is not None
    assert moved.places.tolist() == [2, 4, 5]
    np.testing.assert_allclose(moved.targets, [0.2, 0.3, 0.4])
