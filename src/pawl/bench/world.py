"""A made-up world to search: an action leads from one state to another by a hash, and priors and values are drawn by
chance once for each state."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import softmax

from pawl.records import FloatArray, IntArray

STATES = 4096


@dataclass(frozen=True)
class Load:
    """What either side is asked to do."""

    trees: int = 64
    actions: int = 7
    simulations: int = 256

    @property
    def work(self) -> int:
        """Simulations, in all."""
        return self.trees * self.simulations

    @cached_property
    def logits(self) -> FloatArray:
        """[STATES, actions] of the prior."""
        return np.random.default_rng(0).normal(size=(STATES, self.actions)).astype(np.float32)

    @cached_property
    def priors(self) -> FloatArray:
        """[STATES, actions]"""
        priors: FloatArray = softmax(self.logits, axis=1)
        return priors

    @cached_property
    def values(self) -> FloatArray:
        """[STATES]"""
        return np.random.default_rng(1).uniform(-1, 1, STATES).astype(np.float32)

    @cached_property
    def roots(self) -> IntArray:
        """[trees] states."""
        return np.random.default_rng(2).integers(STATES, size=self.trees).astype(np.int32)


def after(states: Any, actions: Any) -> Any:
    """The states that actions lead to; of numbers or of arrays."""
    return (states * 31 + actions * 17 + 7) % STATES
