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


@dataclass(frozen=True, slots=True)
class Batch:
    """B rows, T tokens. The logits at position t speak of the token at t + 1."""

    tokens: Tensor
    """[B, T]"""
    targets: Tensor
    """[B, T] the token that follows; 0 where none does."""
    spans: Tensor
    """[B, T] whether the token that follows is of the answer."""
    weights: Tensor
    """[B, T] weight of the log-likelihood of the token that follows, or its advantage."""
    logprobs: Tensor | None
    """[B, T] log-probability of the token that follows, under the policy that the learner is compared with; NaN where
    the row knows none, None where no row does."""
    values: Tensor
    """[B, T] truth of the whole attempt, or of what goes on from here."""
    value_weights: Tensor
    """[B, T] attempts that stand behind the value of the prefix that ends here; 0 where there is none to learn."""
    numbers: Tensor
    """[B] which rows these are of the batch of which it is a piece."""
    num_tokens: int
    """Without padding."""


    def only(self, rows: Tensor) -> Batch:
        """Of a mask [B], those rows."""
        if bool(rows.all()):
            return self
        logprobs = None if self.logprobs is None else self.logprobs[rows]
        return Batch(self.tokens[rows], self.targets[rows], self.spans[rows], self.weights[rows], logprobs,
                     self.values[rows], self.value_weights[rows], self.numbers[rows], self.num_tokens)


def collate(examples: Sequence[TokenExample], device: torch.device, *, first: int = 0) -> Batch:
    """A batch of the examples, in their order; or a piece of one, which begins with its `first` row."""
    length = max(len(example.tokens) for example in examples)
    shape = (len(examples), length)
    tokens, targets = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    weights, values = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    value_weights, logprobs = np.zeros(shape, dtype=np.float32), np.full(shape, np.nan, dtype=np.float32)
    spans = np.zeros(shape, dtype=np.bool_)
    for row, example in enumerate(examples):
        size, begin = len(example.tokens), max(example.prompt_length - 1, 0)
        tokens[row, :size] = example.tokens
        targets[row, : size - 1] = example.tokens[1:]
        weights[row, : size - 1] = example.weights[1:]
        spans[row, begin : size - 1] = True
        if example.logprobs is not None:
            logprobs[row, : size - 1] = example.logprobs[1:]
        if example.step_values is not None:
            values[row, example.step_values.places] = example.step_values.targets
            value_weights[row, example.step_values.places] = example.step_values.weights
        elif example.value_target is not None:
            values[row, :size] = example.value_target
            value_weights[row, begin:size] = example.value_weight

    def tensor(array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(device)

    compared = any(example.logprobs is not None for example in examples)
    return Batch(tensor(tokens), tensor(targets), tensor(spans), tensor(weights),
                 tensor(logprobs) if compared else None, tensor(values), tensor(value_weights),
                 tensor(np.arange(first, first + len(examples))), sum(len(example.tokens) for example in examples))
