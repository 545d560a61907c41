"""Several judges as one: their mean, the worst that any says, or the mean less what they disagree by.

Coste et al., "Reward model ensembles help mitigate overoptimization", 2023 (arXiv 2310.02743), section 3. Members help
as far as they err differently: those that were taught alike are wrong together. Not covered: members of different
scales; recalibrate them first (`pawl.judges.corrected`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from pawl.errors import ConfigError
from pawl.interfaces import Judge
from pawl.judges.prefixes import verdict_of
from pawl.records import Attempt, Cost, FloatArray, Verdict

How = Literal["mean", "worst", "cautious"]
Scale = Literal["score", "logit"]

EDGE = 1e-6
"""Scores nearer to 0 or 1 count as this near on the logit scale, where theirs would be endless."""
LEAST = 2
"""Members that must say something."""


@runtime_checkable
class Priced(Protocol):
    """A judge that says what its verdicts cost, as the models of `pawl.judges` do."""

    def judged(self, attempts: Sequence[Attempt]) -> tuple[list[Verdict], list[FloatArray], list[Cost]]:
        """A verdict for each attempt, the values behind it, and what it cost."""
        ...


@dataclass(frozen=True)
class Ensemble:
    """A judge made of judges. A member that abstains on an attempt is left out; where fewer than two say something, it
    abstains."""

    judges: tuple[Judge, ...]
    how: How = "mean"
    scale: Scale = "score"
    """On which scores are put together; what comes out is a score."""
    caution: float = 1.0
    """Lambda of `cautious`: how much of the members' variance is taken from their mean. What comes out stays in
    [0, 1]."""
    name: str = "ensemble"

    def __post_init__(self) -> None:
        if len(self.judges) < LEAST:
            raise ConfigError(f"an ensemble must have {LEAST} judges or more, got {len(self.judges)}")
        for setting, value, known in (("how", self.how, How), ("scale", self.scale, Scale)):
            if value not in get_args(known):
                raise ConfigError(f"{setting} of an ensemble must be {' or '.join(get_args(known))}, got {value!r}")
        if not 0 <= self.caution < math.inf:
            raise ConfigError(f"caution must be a number of 0 or more, got {self.caution}")

    def judged(self, attempts: Sequence[Attempt]) -> tuple[list[Verdict], list[FloatArray], list[Cost]]:
        """A verdict for each attempt, the scores [M] of the members that said one, and what all members cost."""
        said, costs = zip(*(_asked(judge, attempts) for judge in self.judges), strict=True)
        together = list(zip(*said, strict=True))
        return ([self._verdict(attempt, those) for attempt, those in zip(attempts, together, strict=True)],
                [np.array(_scores(those), np.float32) for those in together],
                [sum(those, Cost()) for those in zip(*costs, strict=True)])

    def _verdict(self, attempt: Attempt, said: Sequence[Verdict]) -> Verdict:
        scores = _scores(said)
        if attempt.error is not None:
            return Verdict(None, self.name, attempt.error)
        if len(scores) < LEAST:
            return Verdict(None, self.name, f"{LEAST} of {len(self.judges)} judges must say something, got "
                                            f"{len(scores)}{_errors(said)}")
        together = _together(_scaled(scores, self.scale), self.how, self.caution)
        return verdict_of(float(np.clip(expit(together) if self.scale == "logit" else together, 0, 1)), self.name)

    def __call__(self, attempts: Sequence[Attempt]) -> list[Verdict]:
        """What the members come to."""
        return self.judged(attempts)[0]

    def scores(self, attempts: Sequence[Attempt]) -> tuple[FloatArray, list[Cost]]:
        """[N] scores to choose among attempts by, as best of n does, and what each cost; 0 where it abstains."""
        verdicts, _, spent = self.judged(attempts)
        return np.array([verdict.score or 0.0 for verdict in verdicts], np.float32), spent

    def disagreement(self, attempts: Sequence[Attempt]) -> FloatArray:
        """[N] standard deviation of what the members say of each attempt, on the scale of the ensemble; NaN where fewer
        than two say something. Where it is largest, a person's answer is worth most."""
        return np.array([_scaled(those, self.scale).std() if len(those) >= LEAST else math.nan
                         for those in self.judged(attempts)[1]], np.float32)


def _asked(judge: Judge, attempts: Sequence[Attempt]) -> tuple[list[Verdict], list[Cost]]:
    """What one member says, and what that cost; nothing where it does not tell."""
    if isinstance(judge, Priced):
        verdicts, _, spent = judge.judged(attempts)
        return verdicts, spent
    return judge(attempts), [Cost()] * len(attempts)


def _scores(verdicts: Sequence[Verdict]) -> list[float]:
    """What members said, of those that said a number."""
    return [verdict.score for verdict in verdicts if verdict.score is not None and math.isfinite(verdict.score)]


def _errors(verdicts: Sequence[Verdict]) -> str:
    """Why members said nothing, each reason once."""
    reasons = dict.fromkeys(verdict.error for verdict in verdicts if verdict.error)
    return f": {'; '.join(reasons)}" if reasons else ""


def _scaled(scores: Sequence[float] | FloatArray, scale: Scale) -> NDArray[np.float64]:
    numbers = np.asarray(scores, np.float64)
    return logit(np.clip(numbers, EDGE, 1 - EDGE)) if scale == "logit" else numbers


def _together(scores: NDArray[np.float64], how: How, caution: float) -> float:
    """The mean; the least; or the mean less `caution` times the variance (Coste et al., section 3)."""
    match how:
        case "mean":
            return float(scores.mean())
        case "worst":
            return float(scores.min())
        case "cautious":
            return float(scores.mean() - caution * scores.var())
