"""An evaluator put together from others: who proposes, who values, who plays on to the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pawl.errors import ConfigError
from pawl.records import FloatArray, KeyArray, Views
from pawl.search.boards import DrawsLuck, Evaluate, Positions, uniform


@dataclass(frozen=True)
class Mixed:
    """Priors of one evaluator, and values (1 - lambda) v + lambda z of two others (Silver et al. 2016, "Methods: search
    algorithm", equation 4 of the text). Where one of the two is missing the other counts alone; without both a position
    that is no end is worth nothing."""

    policy: Evaluate = uniform
    """Whose priors are taken."""
    value: Evaluate | None = None
    """Whose values are v."""
    rollouts: Evaluate | None = None
    """Whose values are z: a game that is played on."""
    share: float = 0.5
    """lambda."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ConfigError(f"the share of rollouts must lie in [0, 1], got {self.share}")

    def __call__(self, states: Positions, views: Views) -> tuple[FloatArray, FloatArray]:
        """Priors [L, A] and values [L] for whoever moves, alike for all who ask."""
        return self.drawn(states, views, np.zeros(len(states), np.uint64))

    def drawn(self, states: Positions, views: Views, keys: KeyArray) -> tuple[FloatArray, FloatArray]:
        """The same by the luck of the searches that ask, keys [L]."""
        share = 0.0 if self.rollouts is None else 1.0 if self.value is None else self.share
        values = np.zeros(len(states), np.float32)
        if self.value is not None and share < 1:
            values += np.float32(1 - share) * self.value(states, views)[1]
        if self.rollouts is not None and share > 0:
            played = (self.rollouts.drawn(states, views, keys) if isinstance(self.rollouts, DrawsLuck)
                      else self.rollouts(states, views))
            values += np.float32(share) * played[1]
        return self.policy(states, views)[0], values
