"""Examples with their problem in other words: the answer stays right, and what is learnt is less by heart.

As Go is shown turned and mirrored (Silver et al. 2017, "Mastering the game of Go without human knowledge").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from pawl.keys import fold, uniforms
from pawl.records import IntArray, StepValues, TokenExample


def varied(examples: Sequence[TokenExample], others: Callable[[str], Sequence[IntArray]], *, share: float,
           key: int) -> list[TokenExample]:
    """The examples, a `share` of them behind another prompt, drawn by `key`. `others` gives the other prompts of a
    problem by its name, in tokens."""
    rows = fold(np.full(len(examples), key, np.uint64), np.arange(len(examples), dtype=np.uint64))
    draws = uniforms(rows[:, None], np.arange(2, dtype=np.uint64))
    return [_behind(example, others(example.problem_id), which) if whether < share else example
            for example, (whether, which) in zip(examples, draws, strict=True)]


def _behind(example: TokenExample, prompts: Sequence[IntArray], which: float) -> TokenExample:
    if not prompts:
        return example
    prompt, own = prompts[int(which * len(prompts))], example.prompt_length
    return replace(example, tokens=np.concatenate((prompt, example.tokens[own:])),
                   weights=np.concatenate((np.zeros(len(prompt), np.float32), example.weights[own:])),
                   prompt_length=len(prompt), step_values=_moved(example.step_values, own, len(prompt)))


def _moved(values: StepValues | None, own: int, other: int) -> StepValues | None:
    """Values of the places from the prompt's last on; within a prompt no place has a twin in another."""
    if values is None:
        return None
    kept = values.places >= own - 1
    return StepValues((values.places[kept] + (other - own)).astype(np.int32), values.targets[kept],
                      values.weights[kept])
