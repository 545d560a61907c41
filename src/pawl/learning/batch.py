"""Examples to tensors: right-padded rows and the positions that a loss looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pawl.records import TokenExample

KL_ROWS = 16
"""The distance to the reference is measured on every sixteenth row, at a sixteenth of the cost. Rows stand by length,
and the first is always among them, so that short ones count a little more."""


@dataclass(frozen=True, slots=True)
class Batch:
    """B rows, T tokens. The logits at position t speak of the token at t + 1."""

    tokens: Tensor
    """[B, T]"""
    targets: Tensor
    """[B, T] the token that follows; 0 where none does."""
    weights: Tensor
    """[B, T] weight of the log-likelihood of the token that follows."""
    values: Tensor
    """[B, T] truth of the whole attempt, or of what goes on from here."""
    value_weights: Tensor
    """[B, T] attempts that stand behind the value of the prefix that ends here; 0 where there is none to learn."""
    held: Tensor
    """[B] whether the distance to the reference is measured on the row."""
    num_tokens: int
    """Without padding."""


def collate(examples: Sequence[TokenExample], device: torch.device, *, first: int = 0) -> Batch:
    """A batch of the examples, in their order; or a piece of one, which begins with its `first` row."""
    length = max(len(example.tokens) for example in examples)
    shape = (len(examples), length)
    tokens, targets = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    weights, values = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    value_weights = np.zeros(shape, dtype=np.float32)
    for row, example in enumerate(examples):
        size = len(example.tokens)
        tokens[row, :size] = example.tokens
        targets[row, : size - 1] = example.tokens[1:]
        weights[row, : size - 1] = example.weights[1:]
        if example.step_values is not None:
            values[row, example.step_values.places] = example.step_values.targets
            value_weights[row, example.step_values.places] = example.step_values.weights
        elif example.value_target is not None:
            values[row, :size] = example.value_target
            value_weights[row, max(example.prompt_length - 1, 0) : size] = example.value_weight

    def tensor(array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(device)

    held = np.arange(first, first + len(examples)) % KL_ROWS == 0
    num_tokens = sum(len(example.tokens) for example in examples)
    return Batch(tensor(tokens), tensor(targets), tensor(weights), tensor(values), tensor(value_weights), tensor(held),
                 num_tokens)
