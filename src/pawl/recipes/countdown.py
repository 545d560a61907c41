"""Countdown: a small model that has only seen random legal play teaches itself to solve it, in minutes."""

from __future__ import annotations

from typing import Literal

from pawl.config import settings
from pawl.recipes import expert_iteration
from pawl.recipes import settings as shared

TASK: str | None = "countdown"


@settings
class Settings(shared.Settings):
    """Expert iteration with what suits Countdown."""

    base_steps: shared.Count = 200
    """Batches of random legal play from which the base is made."""
    generations: shared.Count = 3
    """Turns of the loop."""
    problems: shared.Count = 10_000
    """Train problems attempted in a generation, unsolved ones first: all of them."""
    attempts: shared.Count = 12
    """Attempts at each of them."""
    keep: shared.Count = 16
    """Distinct right attempts learnt from, at most, at a problem."""
    max_tokens: shared.Count = 16
    """Longest attempt, in tokens."""
    failures: Literal["discard", "relabel"] = "relabel"
    """What the policy makes of failed attempts: nothing, or right attempts at problems that they happen to solve."""
    epochs: shared.Count = 5
    """Times a generation's training sees each example."""
    real_floor: shared.Share = 0.005
    """Least share of real data in every batch. Random play ignores the target: much of it teaches that."""


run = expert_iteration.run
