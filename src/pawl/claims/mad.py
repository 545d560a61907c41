"""Models fed on their own samples go MAD: bias keeps precision and loses recall; fresh data holds, fixed data delays.

A Gaussian in a few dimensions is fitted to samples from the one before. Its samples may be biased towards its mode;
beside them may stand the real samples of the beginning, or new ones each time.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from pawl.claims.claim import Check, Claim, Numbers
from pawl.meters.coverage import Neighbourhoods, neighbourhoods

WIDTH, SAMPLES, GENERATIONS, BIAS, COMPARED = 4, 60, 200, 0.7, 500
EARLY = 5
"""Generation at which precision and recall are read."""
Loop = Literal["synthetic", "fixed", "fresh"]


def measure(seed: int) -> Numbers:
    random = np.random.default_rng([seed, 4])
    spread = {loop: generalised_variances(random, loop, GENERATIONS) for loop in ("synthetic", "fixed", "fresh")}
    fair, biased = (covered(random, bias) for bias in (1.0, BIAS))
    half = {loop: half_life(values) for loop, values in spread.items()}
    return {"precision biased over fair": biased.precision / fair.precision,
            "recall biased over fair": biased.recall / max(fair.recall, 1e-9),
            "half-life fixed over synthetic": half["fixed"] / half["synthetic"],
            "spread fresh": float(spread["fresh"][GENERATIONS // 2:].mean()),
            "spread synthetic": float(spread["synthetic"][-1])}


def next_gaussian(random: np.random.Generator, mean: np.ndarray, covariance: np.ndarray, loop: Loop,
                  real: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Gaussian fitted to samples of the one before; fixed and fresh data are half of what it is fitted to."""
    drawn = random.multivariate_normal(mean, covariance, size=SAMPLES)
    if loop != "synthetic":
        others = real if loop == "fixed" else random.normal(size=real.shape)
        drawn = np.vstack([drawn[:SAMPLES // 2], others[:SAMPLES - SAMPLES // 2]])
    return drawn.mean(0), np.cov(drawn.T)


def generalised_variances(random: np.random.Generator, loop: Loop, generations: int) -> np.ndarray:
    """[generations] median over chains of det(Sigma)^(1/d), which is 1 in truth."""
    chains = []
    for _ in range(20):
        mean, covariance, real = np.zeros(WIDTH), np.eye(WIDTH), random.normal(size=(SAMPLES, WIDTH))
        found = []
        for _ in range(generations):
            mean, covariance = next_gaussian(random, mean, covariance, loop, real)
            found.append(float(np.linalg.det(covariance)) ** (1 / WIDTH))
        chains.append(found)
    return np.asarray(np.median(chains, axis=0))


def half_life(spread: np.ndarray) -> float:
    """The generation in which spread has halved; all of them and one more where it never has."""
    fallen = np.flatnonzero(spread <= 0.5)
    return float(fallen[0] + 1) if len(fallen) else float(len(spread) + 1)


def covered(random: np.random.Generator, bias: float) -> Neighbourhoods:
    """How samples of the fifth generation lie among real ones, and these among them; of many samples, so that it is
    the bias that is seen and not their number."""
    mean, covariance = np.zeros(WIDTH), np.eye(WIDTH)
    for _ in range(EARLY):
        drawn = random.multivariate_normal(mean, bias * covariance, size=100 * SAMPLES)
        mean, covariance = drawn.mean(0), np.cov(drawn.T)
    return neighbourhoods(random.normal(size=(COMPARED, WIDTH)),
                          random.multivariate_normal(mean, bias * covariance, size=COMPARED))


CLAIM = Claim(
    name="mad",
    title="Fed on its own samples a model goes MAD: bias keeps precision and loses recall, and only fresh data holds.",
    source="Alemohammad et al. 2024, Self-Consuming Generative Models Go MAD (arXiv 2307.01850)",
    published="Gaussians, GANs and diffusion models: with samples biased to the modes precision stays while recall "
              "falls faster; fixed real data only delays; enough fresh real data prevents. No number for a Gaussian.",
    protocol="A Gaussian in four dimensions fitted to 60 samples of the one before, 200 generations, 20 chains; bias "
             "lambda = 0.7 on its covariance for five generations; precision and recall with 5 neighbours.",
    checks=(
        Check("precision biased over fair", "precision with bias over that without, in generation 5", low=1.0),
        Check("recall biased over fair", "recall with bias over that without", high=0.5),
        Check("spread synthetic", "spread that is left of 1, on own samples alone", high=0.2),
        Check("half-life fixed over synthetic", "generations until half of it is lost with fixed real data, over those "
              "without", low=2.0),
        Check("spread fresh", "spread with fresh real data, in the second half", 0.9, 1.1),
    ),
    measure=measure,
)
