"""How many simulations a prior is worth: search led by the policy against the same search with a uniform prior.

Both are curves of accuracy against budget (`pawl eval --search mcts --prior uniform`). Not covered: intervals; a curve
of few problems says little, and the rates that it is made of carry their own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal


@dataclass(frozen=True, slots=True)
class Worth:
    """A budget with the policy's prior, and the one that a uniform prior needs to be right as often."""

    budget: int
    """Simulations with the policy's prior."""
    accuracy: float
    """That they reach, in [0, 1]."""
    uniform: float
    """Simulations with a uniform prior that reach it, interpolated in the logarithm of the budget."""
    known: Literal["about", "at most", "more than"]
    """The last two where the uniform prior's curve is all above the accuracy, or all below."""

    @property
    def factor(self) -> float:
        """What one simulation with the policy's prior is worth, in simulations without."""
        return self.uniform / self.budget


def worth_of_prior(policy: Mapping[int, float], uniform: Mapping[int, float]) -> list[Worth]:
    """For each budget of the policy's curve, the budget at which the uniform prior's first reaches its accuracy.

    A curve is accuracy by budget. Where the uniform prior's falls, by chance, it is taken to stay at what it had
    reached. Raises ValueError for a budget below 1 and for a uniform curve without a point.
    """
    if not uniform or min(*policy, *uniform, 1) < 1:
        raise ValueError(f"curves must have budgets of 1 or more, got {sorted(policy)} and {sorted(uniform)}")
    budgets = sorted(uniform)
    reached = list(accumulate((uniform[budget] for budget in budgets), max))
    return [Worth(budget, policy[budget], *_needed(policy[budget], budgets, reached)) for budget in sorted(policy)]


def _needed(accuracy: float, budgets: Sequence[int],
            reached: Sequence[float]) -> tuple[float, Literal["about", "at most", "more than"]]:
    """The first budget at which a curve that never falls reaches an accuracy, and how well that is known."""
    if accuracy <= reached[0]:
        return float(budgets[0]), "about" if accuracy == reached[0] else "at most"
    for (low, below), (high, above) in pairwise(zip(budgets, reached, strict=True)):
        if accuracy <= above:
            return low * math.exp((accuracy - below) / (above - below) * math.log(high / low)), "about"
    return float(budgets[-1]), "more than"


def worth_in_words(worth: Worth) -> str:
    """`16 simulations with the policy's prior are worth about 64 without it (75.0% right): a factor of 4.0`."""
    bound = {"about": "", "at most": ", the fewest that were tried", "more than": ", the most that were tried"}
    factor = f": a factor of {worth.factor:.1f}" if worth.known == "about" else ""
    noun = "simulation" if worth.budget == 1 else "simulations"
    verb = "is" if worth.budget == 1 else "are"
    return (f"{worth.budget} {noun} with the policy's prior {verb} worth {worth.known} {worth.uniform:.0f} without it"
            f"{bound[worth.known]} ({100 * worth.accuracy:.1f}% right){factor}")
