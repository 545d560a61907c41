"""Labellers who see two positions and say which they like: simulated, by a taste of their own and by luck.

What they like need not be what is right; how often it is can be measured where the truth is known. Not covered: people,
who answer one question at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawl.keys import uniforms
from pawl.records import Flags, FloatArray, KeyArray

Taste = Callable[[NDArray[Any]], FloatArray]
"""Positions [L] -> how much somebody likes them [L], from the view of whoever has just moved."""


@dataclass(frozen=True)
class Labeller:
    """Somebody with a taste, who is not always sure of it."""

    taste: Taste
    noise: float
    """Difference of taste at which they say the opposite of what they like in 27% of cases; 0 is never."""

    def prefers(self, first: NDArray[Any], second: NDArray[Any], keys: KeyArray) -> Flags:
        """[L] whether the first of two positions is liked better, with the chance of Bradley and Terry (1952),
        1 / (1 + exp(-difference / noise)); keys [L]. Where both are liked alike and there is no noise, a coin says."""
        difference = (self.taste(first) - self.taste(second)).astype(np.float64)
        luck = uniforms(keys, 5)
        with np.errstate(divide="ignore"):
            doubt = np.log(luck) - np.log1p(-luck)  # of the logistic distribution
        sure = np.where(difference == 0, 0.5 - luck, difference)
        liked: Flags = (difference - self.noise * doubt if self.noise else sure) > 0
        return liked
