"""A process reward model as a judge: a model's value of every step of an attempt, made into one score.

Lightman et al., "Let's verify step by step", 2023 (the product over steps); Wang et al., "Math-Shepherd", 2024 (the
worst step). How such a model is taught: `pawl.play_rollouts`, `pawl.search.labels`, `pawl.selection.examples`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from pawl.errors import ConfigError, UnknownNameError
from pawl.interfaces import Policy
from pawl.judges.prefixes import readable, scores_of, step_prefixes, values, verdict_of
from pawl.records import Attempt, Cost, FloatArray, Verdict

AGGREGATES: Mapping[str, Callable[[FloatArray], Any]] = {
    "last": lambda scores: scores[-1], "min": np.min, "product": np.prod}
"""From the scores of S steps, one at least, to the attempt's. NaN stays NaN in all but the first."""


@dataclass(frozen=True)
class ProcessReward:
    """A judge made from a model that reads the tokens of whoever wrote the attempts."""

    model: Policy
    aggregate: Literal["last", "min", "product"] = "min"
    delimiter: str = "\n"
    name: str = "prm"

    def __post_init__(self) -> None:
        if self.aggregate not in AGGREGATES:
            raise UnknownNameError("aggregate", self.aggregate, AGGREGATES)
        if not self.delimiter:
            raise ConfigError("delimiter must be a text that ends a step, got an empty one")

    def judged(self, attempts: Sequence[Attempt]) -> tuple[list[Verdict], list[FloatArray], list[Cost]]:
        """A verdict for each attempt, the values [S] of its steps, and what they cost."""
        reasons = [readable(self.model, attempt) for attempt in attempts]
        prefixes = step_prefixes(self.model, attempts, self.delimiter)
        read = [[] if reason else [prefix.tokens for prefix in group]
                for group, reason in zip(prefixes, reasons, strict=True)]
        steps, spent = values(self.model, read)
        return [self._verdict(*pair) for pair in zip(steps, reasons, strict=True)], steps, spent

    def _verdict(self, steps: FloatArray, reason: str | None) -> Verdict:
        if reason or not len(steps):
            return Verdict(None, self.name, reason or "an attempt must have a step to be judged by, got none")
        return verdict_of(float(AGGREGATES[self.aggregate](steps)), self.name)

    def __call__(self, attempts: Sequence[Attempt]) -> list[Verdict]:
        """One score from the steps of each attempt. It abstains on one that failed, says nothing or too much, or whose
        value is no number."""
        return self.judged(attempts)[0]

    def steps(self, attempts: Sequence[Attempt]) -> list[FloatArray]:
        """[S] values of the steps of each attempt; none where it could not be read."""
        return self.judged(attempts)[1]

    def scores(self, attempts: Sequence[Attempt]) -> tuple[FloatArray, list[Cost]]:
        """[N] scores to choose among attempts by, as best of n does, and what each cost; 0 for one that could not be
        read. Raises ConfigError for a value that is no number."""
        verdicts, found, spent = self.judged(attempts)
        return scores_of(verdicts, found), spent
