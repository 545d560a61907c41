"""Ensembles of reward models: whose errors differ, the worst of them is a proxy that carries farther than their mean.

What one member likes for nothing another does not; the least of their scores, or their mean less their variance, is not
fooled by it. Errors that members share are untouched: a region that all of them like, or comparisons that all learnt.
"""

from __future__ import annotations

import numpy as np

from pawl.claims.claim import Check, Claim, Numbers
from pawl.claims.comparisons import Gold, RewardModel, learnt
from pawl.claims.over_optimisation import LIKED, SHARE, WORTH
from pawl.meters.best_of_n import best_of_n

MEMBERS, CAUTION = 5, 0.5
"""Of an ensemble, and what a unit of variance costs."""
HOWS = ("single", "mean", "worst", "cautious")
"""A member alone, and five together: by their mean, their least, and their mean less what their variance costs."""
TOY_POOL, POOL, COMPARISONS, CHOSEN = 200_000, 100_000, 2000, 1024
"""Attempts that toys and reward models choose among, comparisons that each learns, and n."""


def measure(seed: int) -> Numbers:
    found: dict[str, float] = {}
    for name, same in (("own", False), ("shared", True)):
        proxies, gold = toy(np.random.default_rng([seed, 23]), TOY_POOL, shared=same)
        found |= {f"toy {how} {name}": value for how, value in chosen(proxies, gold).items()}
    found |= {f"{how} {name}": value for name, rows in reward_models(seed).items() for how, value in rows.items()}
    for kind in ("toy ", ""):
        single, mean, worst, cautious = (found[f"{kind}{how} own"] for how in HOWS)
        found |= {f"{kind}mean over single": mean - single, f"{kind}worst over mean": worst - mean,
                  f"{kind}cautious over mean": cautious - mean}
    own, shared = (found[f"worst {name}"] - found[f"single {name}"] for name in ("own", "shared"))
    return {**found, "gain shared": shared / own}


def toy(random: np.random.Generator, count: int, *, shared: bool) -> tuple[np.ndarray, np.ndarray]:
    """Proxies [MEMBERS, count] and gold [count]; each member gives more for nothing in a region of its own, or all in
    the same. None knows what attempts in any of the regions are worth: to the others they seem ordinary."""
    regions = random.random((MEMBERS, count)) < SHARE
    regions = np.broadcast_to(regions[:1], regions.shape) if shared else regions
    seems = random.normal(size=count)
    return seems + LIKED * regions + random.normal(size=regions.shape), np.where(regions.any(axis=0), WORTH, seems)


def reward_models(seed: int) -> dict[str, dict[str, float]]:
    """Gold of the best of n by ensembles whose members learnt comparisons of their own, and all the same ones."""
    gold = Gold(seed)
    pool = gold.attempts(POOL)
    truth, seeds = gold(pool), range(MEMBERS * seed, MEMBERS * (seed + 1))
    same = gold.attempts(COMPARISONS), gold.attempts(COMPARISONS)
    liked = gold(same[0]) > gold(same[1])
    ensembles = {"own": [learnt(gold, COMPARISONS, seed=member) for member in seeds],
                 "shared": [RewardModel(*same, liked, seed=member) for member in seeds]}
    return {name: chosen(np.array([model(pool) for model in members]), truth) for name, members in ensembles.items()}


def chosen(proxies: np.ndarray, gold: np.ndarray) -> dict[str, float]:
    """Gold of the best of n by proxies [M, N], in each of HOWS. They are made alike in mean and spread first, as
    rewards have no scale of their own."""
    alike = (proxies - proxies.mean(axis=1, keepdims=True)) / proxies.std(axis=1, keepdims=True)
    mean = alike.mean(axis=0)
    together = (mean, alike.min(axis=0), mean - CAUTION * alike.var(axis=0))
    single = float(best_of_n(alike, gold, [CHOSEN]).mean())
    return dict(zip(HOWS, [single, *(float(best_of_n(row, gold, [CHOSEN])[0]) for row in together)], strict=True))


CLAIM = Claim(
    name="ensembles",
    title="By the least of several reward models more is gained than by their mean or one of them, if they err apart.",
    source="Coste et al. 2024, Reward Model Ensembles Help Mitigate Overoptimization (arXiv 2310.02743); Eisenstein et "
           "al. 2023, Helping or Herding? (arXiv 2312.09244)",
    published="Five reward models that differ by seed, best of n up to 12,500: 30% more gold than with one, 75% with a "
              "quarter of labels wrong. The least score, and the mean less the variance, do not over-optimise. Errors "
              "that members share stay, and members that differ by fine-tuning seed alone share more.",
    protocol="Best of 1,024 of 200,000 attempts by five proxies: gold, a normal error, and 5 more for 0.3% of "
             "attempts that are worth -2, of its own or the same for all. Five perceptrons on 2,000 comparisons "
             "each of their own, or on the same ones from five seeds, on the attempts of the claim over-optimisation.",
    checks=(
        Check("toy single own", "gold by a single proxy, toy", high=0.0),
        Check("toy mean over single", "what the mean of five adds", low=0.5),
        Check("toy worst over mean", "what the least of five adds to that", low=0.3),
        Check("toy cautious over mean", "what the mean less half the variance adds to the mean", low=0.3),
        Check("toy worst shared", "gold by the least of five that like the same region", high=0.0),
        Check("mean over single", "what the mean of five reward models adds to one", low=0.1),
        Check("worst over mean", "what the least of five adds to that", low=0.1,
              published="more, with a quarter of labels wrong"),
        Check("cautious over mean", "what the mean less half the variance adds to the mean", low=0.05),
        Check("gain shared", "gain of the least over one with the same comparisons, over that with own ones", high=0.5),
    ),
    measure=measure,
)
