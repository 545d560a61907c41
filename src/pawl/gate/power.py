"""How likely the gate is to see a real gain: exact, computed before a run starts.

The candidate wins a problem with probability (d + g) / 2 and loses it with (d - g) / 2, where g is its gain
and d the discordance, the share of problems that tell the two apart. Both counts are enumerated, not
approximated.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from pawl.gate.spending import even_share
from pawl.gate.statistics import wins_needed

DISCORDANCE = 0.2
"""Assumed share of problems that tell candidate and champion apart; the contests of a run show the real one."""


def exact_power(gain: float, *, problems: int, discordance: float, alpha: float) -> float:
    """Chance that one contest at level `alpha` promotes a candidate better by `gain` (0.03 is three points).

    Scores are 0 or 1. A gain of 0 gives the chance of a false promotion, at most `alpha`.
    """
    if not abs(gain) <= discordance <= 1.0:
        raise ValueError(f"discordance must lie between the gain's size {abs(gain)} and 1, got {discordance}")
    if problems * discordance < 1e-15:  # which bounds the power; a binomial overflows on the smallest of floats
        return 0.0
    discordant = np.arange(problems + 1)
    promoted = binom.sf(wins_needed(discordant, alpha) - 1, discordant, (1 + gain / discordance) / 2)
    return float(binom.pmf(discordant, problems, discordance) @ promoted)


def power_sentence(
    problems: int,
    *,
    generations: int,
    alpha: float = 0.05,
    discordance: float = DISCORDANCE,
    gains: Sequence[float] = (0.01, 0.03, 0.05),
) -> str:
    """What the gate of a run can see, for the start of it. `problems` is the size of one contest."""
    share = even_share(alpha, 1, generations)
    if problems == 0:
        return "gate: there are no gate problems, so no candidate can be promoted"
    chances = ", ".join(
        f"{_chance(exact_power(gain, problems=problems, discordance=max(discordance, gain), alpha=share))} "
        f"at +{100 * gain:g}"
        for gain in gains
    )
    return (
        f"gate: with {problems} problems a contest, chance to promote a better candidate: {chances} points "
        f"(if {discordance:.1%} of problems tell the two apart); chance of any false promotion in "
        f"{generations} generation{'s' if generations > 1 else ''}: {alpha:.1%} at most"
    )


def _chance(probability: float) -> str:
    """A percentage that says 100.0% or 0.0% only when it is nearly so."""
    if probability > 0.999:
        return "over 99.9%"
    return "under 0.1%" if probability < 0.001 else f"{probability:.1%}"
