"""Replay of the last generations' examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import ConfigError
from pawl.records import TokenExample
from pawl.selection.replay import replay


def example(problem: str, token: int, generation: int = 0) -> TokenExample:
    """The value target tells which generation it is from."""
    return TokenExample(np.int32([9, token]), np.float32([0, 1]), 1, float(generation), "self", problem)


def names(examples: list[TokenExample]) -> list[tuple[str, int]]:
    return [(found.problem_id, int(found.tokens[1])) for found in examples]


def test_only_the_last_generations_are_replayed_oldest_first() -> None:
    generations = [[example("p", 1)], [example("p", 2)], [example("q", 3)]]
    assert names(replay(generations, window=2)) == [("p", 2), ("q", 3)]
    assert names(replay(generations, window=9)) == [("p", 1), ("p", 2), ("q", 3)]


def test_the_newest_of_equal_examples_is_kept_and_stands_last() -> None:
    generations = [[example("p", 1, 1), example("p", 2, 1)], [example("p", 1, 2)]]
    found = replay(generations, window=2)
    assert names(found) == [("p", 2), ("p", 1)] and found[-1].value_target == 2.0


def test_equal_tokens_of_other_problems_or_after_other_prompts_are_other_examples() -> None:
    longer = TokenExample(np.int32([9, 1]), np.float32([0, 0]), 2, None, "self", "p")
    assert len(replay([[example("p", 1), example("q", 1), longer]], window=1)) == 3


def test_a_window_of_none_is_an_error() -> None:
    with pytest.raises(ConfigError, match="window must be at least 1"):
        replay([], window=0)


@given(
    st.lists(st.lists(st.tuples(st.sampled_from("pq"), st.integers(0, 3)), max_size=5), max_size=6), st.integers(1, 7)
)
def test_every_example_of_the_window_is_there_once(rows: list[list[tuple[str, int]]], window: int) -> None:
    found = names(replay([[example(*row) for row in generation] for generation in rows], window=window))
    assert len(set(found)) == len(found)
    assert set(found) == {row for generation in rows[-window:] for row in generation}
