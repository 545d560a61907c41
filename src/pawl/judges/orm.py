"""An outcome reward model as a judge: a model's value of the whole attempt.

Cobbe et al., "Training verifiers to solve math word problems", 2021. What the model learnt is not checked here:
`pawl.meters` says whether it can be believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pawl.interfaces import Policy
from pawl.judges.prefixes import readable, scores_of, values, verdict_of, whole
from pawl.records import Attempt, Cost, FloatArray, Verdict


@dataclass(frozen=True)
class OutcomeReward:
    """A judge made from a model that reads the tokens of whoever wrote the attempts."""

    model: Policy
    name: str = "orm"

    def judged(self, attempts: Sequence[Attempt]) -> tuple[list[Verdict], list[FloatArray], list[Cost]]:
        """A verdict for each attempt, its value [1], and what that cost; [0] values where it could not be read."""
        reasons = [readable(self.model, attempt) for attempt in attempts]
        read = [[] if reason else [whole(attempt)] for attempt, reason in zip(attempts, reasons, strict=True)]
        found, spent = values(self.model, read)
        return [Verdict(None, self.name, reason) if reason else verdict_of(float(value[0]), self.name)
                for value, reason in zip(found, reasons, strict=True)], found, spent

    def __call__(self, attempts: Sequence[Attempt]) -> list[Verdict]:
        """The value of each attempt. It abstains on one that failed, has no tokens or too many, or whose value is no
        number."""
        return self.judged(attempts)[0]

    def scores(self, attempts: Sequence[Attempt]) -> tuple[FloatArray, list[Cost]]:
        """[N] scores to choose among attempts by, as best of n does, and what each cost; 0 for one that could not be
        read. Raises ConfigError for a value that is no number."""
        verdicts, found, spent = self.judged(attempts)
        return scores_of(verdicts, found), spent
