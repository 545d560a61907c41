"""Countdown: a small model that has only seen random legal play teaches itself to solve it, in five minutes."""

from __future__ import annotations

from pawl.config import settings
from pawl.recipes import expert_iteration
from pawl.recipes import settings as shared

TASK: str | None = "countdown"


@settings
class Settings(shared.Settings):
    """Expert iteration with what suits Countdown."""

    base_steps: shared.Count = 120
    """Batches of random legal play from which the base is made."""
    max_tokens: shared.Count = 24
    """Longest attempt, in tokens."""


run = expert_iteration.run
