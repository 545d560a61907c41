"""Countdown: a small model that has only seen random legal play teaches itself to solve it, in minutes."""

from __future__ import annotations

from pawl.config import settings
from pawl.recipes import expert_iteration
from pawl.recipes import settings as shared

TASK: str | None = "countdown"


@settings
class Settings(shared.Settings):
    """Expert iteration with what suits Countdown."""

    base_steps: shared.Count = 250
    """Batches of random legal play from which the base is made."""
    generations: shared.Count = 5
    """Turns of the loop."""
    problems: shared.Count = 2500
    """Train problems attempted in a generation, unsolved ones first."""
    max_tokens: shared.Count = 16
    """Longest attempt, in tokens."""
    epochs: shared.Count = 6
    """Times a generation's training sees each example."""


run = expert_iteration.run
