"""Examples to tensors: what stands at each position, written out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pawl.learning.batch import Batch, collate
from pawl.records import StepValues, TokenExample


def example(tokens: list[int], weights: list[float], prompt: int, value: float | None = None,
            value_weight: float = 1.0) -> TokenExample:
    return TokenExample(np.array(tokens, np.int32), np.array(weights, np.float32), prompt, value, "self", "p",
                        value_weight)


def rows(tensor: torch.Tensor, width: int) -> list[list[float]]:
    """The first `width` columns; what is right of them must be padding."""
    assert not tensor[:, width:].any()
    return tensor[:, :width].tolist()


@pytest.fixture
def batch() -> Batch:
    return collate([
        example([5, 6, 7, 8], [0, 0, 1, 0.5], prompt=2),
        example([9, 4], [0, 0], prompt=1, value=0.25, value_weight=3),
    ], torch.device("cpu"))


def test_rows_are_padded_on_the_right(batch: Batch) -> None:
    assert rows(batch.tokens, 4) == [[5, 6, 7, 8], [9, 4, 0, 0]]


def test_a_position_speaks_of_the_token_that_follows(batch: Batch) -> None:
    assert rows(batch.targets, 4) == [[6, 7, 8, 0], [4, 0, 0, 0]]
    assert rows(batch.weights, 4) == [[0, 1, 0.5, 0], [0, 0, 0, 0]]


def test_the_value_is_learnt_from_the_prompts_last_token_on(batch: Batch) -> None:
    assert rows(batch.value_weights, 4) == [[0, 0, 0, 0], [3, 3, 0, 0]]
    assert rows(batch.values, 4) == [[0, 0, 0, 0], [0.25, 0.25, 0, 0]]


def test_a_value_without_a_prompt_is_learnt_from_the_first_token_on() -> None:
    batch = collate([example([5, 6], [1, 1], prompt=0, value=1.0)], torch.device("cpu"))
    assert rows(batch.value_weights, 2) == [[1, 1]]
    assert rows(batch.weights, 2) == [[1, 0]]  # nothing stands before the first token to foretell it


def test_values_of_steps_are_learnt_at_their_places_and_nowhere_else() -> None:
    steps = StepValues(np.int32([0, 3]), np.float32([0.75, 0.5]), np.float32([2, 1]))
    chosen = replace(example([5, 6, 7, 8], [0, 0, 0, 0], prompt=1), step_values=steps)
    batch = collate([chosen, example([9, 4], [0, 0], prompt=1, value=0.25)], torch.device("cpu"))
    assert rows(batch.values, 4) == [[0.75, 0, 0, 0.5], [0.25, 0.25, 0, 0]]
    assert rows(batch.value_weights, 4) == [[2, 0, 0, 1], [1, 1, 0, 0]]


def test_padding_is_not_counted(batch: Batch) -> None:
    assert batch.num_tokens == 6


def test_all_parts_have_the_same_shape_and_are_numbers_of_their_kind(batch: Batch) -> None:
    assert batch.tokens.dtype == batch.targets.dtype == torch.int64
    for part in (batch.weights, batch.values, batch.value_weights):
        assert part.dtype == torch.float32
        assert part.shape == batch.tokens.shape == batch.targets.shape
