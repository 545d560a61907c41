"""Attempts written in bytes, and a model whose value of a prefix is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pawl.records import Attempt, Completion, Evaluation, IntArray, Problem
from pawl.testing import END, ScriptedPolicy

PROBLEM = Problem("p", "7 3=21\n", "train")
BYTES = ScriptedPolicy({})


def attempt(text: str, *, finish: str = "stop", error: str | None = None) -> Attempt:
    tokens = np.array([*text.encode(), *([END] if finish == "stop" else [])], np.int32)
    completion = Completion(text, tokens, np.zeros(len(tokens), np.float32), finish)  # type: ignore[arg-type]
    return Attempt(PROBLEM, 0, BYTES.encode(PROBLEM.prompt), completion, error=error)


class Length(ScriptedPolicy):
    """Values a prefix by its tokens, a hundredth each; 13 tokens are worth no number."""

    def __init__(self, context: int = 100) -> None:
        super().__init__({}, context=context)
        self.asked: list[list[int]] = []
        self.calls: list[int] = []

    def evaluate(self, prefixes: Sequence[IntArray]) -> list[Evaluation]:
        self.asked += [prefix.tolist() for prefix in prefixes]
        self.calls.append(len(prefixes))
        return [Evaluation(np.zeros(1, np.float32), float("nan") if len(prefix) == 13 else len(prefix) / 100)
                for prefix in prefixes]


NAN = attempt("7*3=2")
"""Seven tokens of prompt, five of answer and the end."""
