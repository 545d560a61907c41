"""How a run's false-promotion budget is shared among its contests.

Promise: if no candidate of a run is better than the champion it meets, the chance that any of them is
promoted is at most alpha. Each contest is tested at its share, and shares add up to alpha (Bonferroni's
inequality; Dunn, "Multiple comparisons among means", 1961), so the promise needs no independence: a candidate
may depend on every earlier decision, as long as its contest uses problems that none before it used. Shares of
generations that were dropped, or for which no problems were left, stay unspent.

Not covered: handing the share of a promoted candidate on to the next contest (Tian and Ramdas, "Online
control of the familywise error rate", 2021) would test a little more sharply, but then a decision would
depend on the earlier ones and no longer on its evidence alone.
"""

from __future__ import annotations

from pawl.errors import ConfigError


def check_alpha(alpha: float) -> None:
    """Raises ConfigError unless alpha can be a run's budget; from 1/2 on, a tied contest would promote."""
    if not 0.0 < alpha < 0.5:
        raise ConfigError(f"alpha must be above 0 and below 0.5, got {alpha}")


def even_share(alpha: float, generation: int, generations: int) -> float:
    """What the contest of `generation`, 1 to `generations`, may spend of `alpha`: as much as every other."""
    check_alpha(alpha)
    if not 1 <= generation <= generations:
        raise ValueError(f"generation must be 1 to {generations}, got {generation}")
    return alpha / generations
