"""Over-optimisation: where a proxy errs in its tails, choosing by it harder and harder makes gold rise, turn and fall.

The best of n by proxies that are gold and an error of a known kind, and by reward models that learnt a gold from
comparisons. An error as light in its tails as gold never turns it; heavier ones do, and so does a region that is liked
for nothing. A reward model has such errors where nothing was compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pawl.claims.claim import Check, Claim, Numbers
from pawl.claims.comparisons import HIDDEN, Gold, learnt
from pawl.meters.best_of_n import best_of_n, best_of_n_kl
from pawl.meters.hacking import Fit, Point, fitted

POOL, TOYS = 200_000, tuple(2**power for power in range(13))
"""Attempts that a toy chooses among, and n."""
SHARE, LIKED, WORTH = 0.003, 5.0, -2.0
"""Of attempts in a region that the proxy likes so much, and what they are worth."""
LEARNT_POOL, LEARNT, FITTED = 100_000, tuple(2**power for power in range(15)), 1024
"""Attempts that a reward model chooses among, n, and the largest n that is fitted, as in the paper."""
KINDS = {"few": (300, HIDDEN), "some": (2000, HIDDEN), "many": (20_000, HIDDEN), "middle": (20_000, 16),
         "small": (20_000, 4)}
"""Comparisons that reward models learn, and their units."""
MEMBERS, TESTED = 3, 4000
"""Models of each kind, and comparisons that they are tested on."""


def measure(seed: int) -> Numbers:
    return {**toys(np.random.default_rng([seed, 22]), POOL), **reward_models(seed)}


def proxies(random: np.random.Generator, count: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Proxy [count] and gold [count] by the kind of the proxy's error."""
    gold = random.normal(size=count)
    errors = {"normal": random.normal(size=count), "t3": random.standard_t(3, count),
              "cauchy": random.standard_cauchy(count)}
    inside = random.random(count) < SHARE
    liked = np.where(inside, LIKED, gold) + random.normal(size=count)
    return {kind: (gold + error, gold) for kind, error in errors.items()} | {
        "region": (liked, np.where(inside, WORTH, gold))}


def toys(random: np.random.Generator, count: int) -> Numbers:
    """Where gold turns by the kind of error, and the least that any proxy rises when n doubles."""
    found: dict[str, float] = {}
    rises: list[float] = []
    for kind, (proxy, gold) in proxies(random, count).items():
        readings = best_of_n(proxy, gold, TOYS)
        rises.append(float(np.diff(best_of_n(proxy, proxy, TOYS)).min()))
        found |= {f"{kind} peak": float(TOYS[readings.argmax()]), f"{kind} last": readings[-1] / readings.max()}
        found[f"{kind} 1024"] = float(readings[TOYS.index(1024)])
    return {**found, "turns by tails": found["t3 peak"] / found["cauchy peak"], "least rise": min(rises)}


def reward_models(seed: int) -> Numbers:
    """Accuracy and turn of reward models by how much they learnt and how large they are."""
    gold = Gold(seed)
    tested = gold.attempts(TESTED), gold.attempts(TESTED)
    pool = gold.attempts(LEARNT_POOL)
    truth, far = gold(pool), np.abs(pool).max(axis=1)
    found: dict[str, float] = {}
    fits: dict[str, Fit] = {}
    for name, (comparisons, units) in KINDS.items():
        models = [learnt(gold, comparisons, seed=10 * seed + member, hidden=units) for member in range(MEMBERS)]
        found[f"accuracy {name}"] = float(np.mean([model.accuracy(*tested, gold) for model in models]))
        scores = np.array([model(pool) for model in models])
        readings, proxy, out = (np.mean(best_of_n(scores, what, LEARNT), axis=0) for what in (truth, scores, far))
        fits[name] = turn(LEARNT, readings)
        found |= {f"fit {name}": fits[name].r_squared, f"last {name}": readings[-1] / readings.max(),
                  f"gold {name}": float(readings.max()), f"proxy {name}": float(np.diff(proxy).min()),
                  f"far {name}": out[LEARNT.index(FITTED)] / out[0], f"d {name}": fits[name].peak or np.inf}
    larger = {f"alpha {one}": fits[one].alpha / fits[less].alpha
              for less, one in (("small", "middle"), ("middle", "many"))}
    return {**found, **larger, "later": found["d many"] / found["d some"],
            "higher": found["gold many"] / found["gold some"], "light tails": light_tails(gold, seed)}


def turn(counts: Sequence[int], readings: np.ndarray) -> Fit:
    """The curve of over-optimisation through gold at n up to FITTED."""
    points = [Point(float(best_of_n_kl(n)) ** 0.5, 0.0, float(one))
              for n, one in zip(counts, readings, strict=True) if n <= FITTED]
    fit = fitted(points, "best of n")
    assert fit is not None, "there are points enough"
    return fit


def light_tails(gold: Gold, seed: int) -> float:
    """Gold at the largest n of the toys over its largest, where features are normal."""
    model, pool = learnt(gold, KINDS["some"][0], seed=10 * seed, tails="light"), gold.attempts(LEARNT_POOL, "light")
    readings = best_of_n(model(pool), gold(pool), TOYS)
    return float(readings[-1] / readings.max())


CLAIM = Claim(
    name="over-optimisation",
    title="Choosing by a proxy makes gold rise and then fall where the proxy errs in its tails, later with more data.",
    source="Gao, Schulman and Hilton 2022, Scaling Laws for Reward Model Overoptimization (arXiv 2210.10760)",
    published="Reward models of 3M to 3B parameters on comparisons labelled by one of 6B; the best of n up to 1,000 is "
              "fitted. Gold follows d (alpha - beta d), d = sqrt(KL), while the proxy rises; below 2,000 comparisons a "
              "reward model is near chance; with more comparisons gold comes higher.",
    protocol="Exact best of n from 200,000 attempts by gold and an error: normal, Student's t with 3 degrees, "
             "Cauchy's, or normal beside 0.3% of attempts that have 5 and are worth -2. Perceptrons on 300, "
             "2,000 and 20,000 comparisons of attempts with 24 features, three of each, with 128 units or, of 20,000 "
             "comparisons, with 4 and 16. Gold is of pairs of features and fades where one is out of the ordinary; "
             "features have heavy tails (t, 4 degrees). Fitted up to n = 1,024.",
    checks=(
        Check("least rise", "least rise of a toy's proxy when n doubles", low=0.0),
        Check("normal last", "gold at n = 4,096 over its largest, normal error", low=1.0),
        Check("t3 peak", "n at which gold is largest, error with t's tails", high=64),
        Check("t3 last", "gold at n = 4,096 over its largest then", high=0.6),
        Check("turns by tails", "that n over the one with Cauchy's tails", low=1.5),
        Check("region peak", "n at which gold is largest beside a region that is liked for nothing", 8, 128),
        Check("region 1024", "gold at n = 1,024 then", high=-0.5),
        Check("accuracy few", "accuracy of reward models of 300 comparisons", high=0.57,
              published="near 0.5 below 2,000"),
        Check("accuracy many", "of 20,000", low=0.74),
        Check("proxy some", "least rise of their proxies when n doubles, 2,000 comparisons", low=0.0),
        Check("last some", "gold at n = 16,384 over its largest, 2,000 comparisons", high=0.8),
        Check("fit some", "R^2 of d (alpha - beta d) through gold, 2,000 comparisons", low=0.9),
        Check("fit many", "with 20,000", low=0.95, published="fits well"),
        Check("later", "d at which the fitted gold turns with 20,000 comparisons over that with 2,000", low=1.05),
        Check("higher", "largest gold with 20,000 over that with 2,000", low=1.2),
        Check("alpha middle", "alpha of 16 units over that of 4", low=1.2),
        Check("alpha many", "alpha of 128 units over that of 16", low=1.05),
        Check("far some", "largest feature of what is chosen at n = 1,024 over an attempt's, 2,000 comparisons",
              low=1.5),
        Check("light tails", "gold at n = 4,096 over its largest, 2,000 comparisons, features with normal tails",
              low=0.95),
    ),
    measure=measure,
    remark="A larger reward model is worth more from the first nats on, as in the paper; that its beta is smaller, "
           "too, was not found here.",
)
