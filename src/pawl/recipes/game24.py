"""Game of 24: a model that has only seen random legal play learns to solve it by searching, from scratch.

The mutual loop of `reason` on the puzzles on which Tree of Thoughts was measured (Yao et al. 2023): four numbers, three
steps, some three thousand ways to go, of which a few are right.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pawl.config import settings
from pawl.recipes import reason
from pawl.recipes.settings import Count, Share

TASK: str | None = "game24"


@settings
class Settings(reason.Settings):
    """The mutual loop with what suits the Game of 24."""

    base_steps: Count = 600
    """Batches of random legal play, headed by what it made, from which the base is made."""
    attempts: Count = 16
    """Samples at each problem."""
    max_tokens: Count = 48
    """Longest attempt, in tokens."""
    keep: Count = 64
    """Distinct right attempts learnt from, at most, at a problem."""
    value_epochs: ClassVar[int] = 1
    failures: ClassVar[Literal["discard", "relabel"]] = "discard"  # type: ignore[misc]
    searched: Count = 300
    """Train puzzles that search thinks about in a generation: half the hardest, half any others. In the first, without
    a value, all."""
    simulations: Count = 32
    """Walks of a search at each step, wherever it is measured."""
    training_simulations: Count = 2000
    """Walks at each train problem. Truth tells what their ends are worth, as rules tell who won a game."""
    gate_problems: Count = 100
    """Problems of a contest, at most; none is used twice."""
    variants: Share = 0.75
    """Share of what is learnt that is shown with the numbers in another order."""
    real_floor: Share = 0.5
    """Least share of random legal play in every batch: with few puzzles to learn from, how to make any number from
    other numbers keeps the model from learning solutions by heart."""
    epochs: Count = 18
    """Times that the last generation sees each example; the one before it sees it a quarter as often, and so on."""


run = reason.run
