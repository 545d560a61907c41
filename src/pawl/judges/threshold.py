"""Any judge as a filter: keep or refuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pawl.errors import ConfigError
from pawl.interfaces import Judge
from pawl.records import Attempt, Verdict


def kept_from(judge: Judge, threshold: float) -> Judge:
    """A judge that scores 1 where `judge` gives `threshold` or more, 0 where it gives less, and abstains with it."""
    if not 0 <= threshold <= 1:
        raise ConfigError(f"threshold must lie in [0, 1], got {threshold}")

    def decide(attempts: Sequence[Attempt]) -> list[Verdict]:
        return [verdict if verdict.score is None else replace(verdict, score=float(verdict.score >= threshold))
                for verdict in judge(attempts)]

    return decide
