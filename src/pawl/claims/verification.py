"""Verified synthetic data: beyond the verifier's break-even point training on it helps no more, and a biased one pulls.

A linear classifier learns labels of which a share is wrong, after a verifier has kept what is right at one rate and
what is wrong at another. Beside it, models that learn from verified samples of themselves: a verifier with another
centre than the truth takes them there.
"""

from __future__ import annotations

import numpy as np

from pawl.claims.claim import Check, Claim, Numbers
from pawl.meters.judge_rates import break_even

WIDTH, EXAMPLES, TESTED = 20, 20_000, 5000
RATES = ((1.0, 1.0), (0.9, 0.3), (0.7, 0.05))
"""(phi, psi): shares that a verifier keeps of what is right and of what is wrong."""
NEAR = 0.05
"""How near to the break-even point the sign must have changed."""
SAMPLES, ROUNDS, CENTRE, REACH = 2000, 15, 1.0, 1.5
"""Of the models that learn from themselves: samples, rounds, the verifier's centre (the truth's is 0) and how far from
it a sample may lie."""


def measure(seed: int) -> Numbers:
    random = np.random.default_rng([seed, 5])
    found: dict[str, float] = {}
    for phi, psi in RATES:
        even = break_even(phi, psi)
        assert even is not None, "it keeps something of what is right"
        below, above = (accuracy(random, error, phi, psi) for error in (even - NEAR, min(even + NEAR, 0.999)))
        found |= {f"below {phi} {psi}": below, f"above {phi} {psi}": above}
    return {**found, **pulled(random)}


def accuracy(random: np.random.Generator, error: float, phi: float, psi: float) -> float:
    """Of least squares on labels of which `error` were wrong before a verifier of these rates."""
    truth = random.normal(size=WIDTH)
    seen, unseen = random.normal(size=(EXAMPLES, WIDTH)), random.normal(size=(TESTED, WIDTH))
    right = random.random(EXAMPLES) >= error
    labels = np.sign(seen @ truth) * np.where(right, 1, -1)
    kept = random.random(EXAMPLES) < np.where(right, phi, psi)
    learnt = np.linalg.lstsq(seen[kept], labels[kept], rcond=None)[0]
    return float((np.sign(unseen @ learnt) == np.sign(unseen @ truth)).mean())


def pulled(random: np.random.Generator) -> Numbers:
    """How far a mean lies from the truth, 0, and from the verifier's centre, after a round and after all of them. The
    first is estimated from a tenth as many true samples."""
    mean = float(random.normal(size=SAMPLES // 10).mean())
    means = [mean]
    for _ in range(ROUNDS):
        drawn = random.normal(mean, 1.0, size=SAMPLES)
        mean = float(drawn[np.abs(drawn - CENTRE) < REACH].mean())
        means.append(mean)
    return {"truth at first": abs(means[0]), "truth at last": abs(means[-1]),
            "verifier at first": abs(means[0] - CENTRE), "verifier at last": abs(means[-1] - CENTRE)}


CLAIM = Claim(
    name="verification",
    title="Synthetic data helps up to an error rate of 1 / (1 + psi / phi); a biased verifier pulls to its own centre.",
    source="Feng et al. 2024, Beyond Model Collapse (arXiv 2406.07515), theorem; Escaping Model Collapse via Synthetic "
           "Data Verification (arXiv 2510.16657)",
    published="A verifier keeps a share phi of what is right and psi of what is wrong. Accuracy of a linear classifier "
              "goes to 100% below the error rate 1 / (1 + psi / phi) and to 0% above. Many rounds of verified "
              "retraining converge to the verifier's centre.",
    protocol="Least squares on 20,000 examples of 20 numbers, three verifiers, error rates 0.05 below and above. A "
             "mean learnt from its own samples that lie within 1.5 of 1, where the truth is 0, fifteen times.",
    checks=(
        *(Check(f"below {phi} {psi}", f"accuracy just below the break-even point, phi {phi}, psi {psi}", low=0.7,
                published="100% in the limit") for phi, psi in RATES),
        *(Check(f"above {phi} {psi}", f"accuracy just above it, phi {phi}, psi {psi}", high=0.3,
                published="0% in the limit") for phi, psi in RATES),
        Check("truth at first", "distance of the first estimate to the truth", high=0.2),
        Check("truth at last", "distance to the truth after fifteen verified rounds", low=0.8),
        Check("verifier at last", "distance to the verifier's centre then", high=0.2),
    ),
    measure=measure,
)
