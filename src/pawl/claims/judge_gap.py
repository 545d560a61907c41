"""What a round of best-of-n distillation gains is what the judge knows beyond the generator, and no more.

The gap of a judge is how much more often right its choice among n samples is than a sample. A policy that learns the
choices gains in proportion to it, on problems that it did not see; from a judge without a gap it gains nothing.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from scipy import stats
from torch import nn

from pawl.claims.claim import Check, Claim, Numbers
from pawl.claims.fitting import Batch, fit, perceptron
from pawl.claims.label_noise import CLASSES, HIDDEN, WIDTH, Mixture

SHOWN, PROBLEMS, TESTED, SAMPLES = 300, 8000, 8000, 8
"""Examples that the generator learnt, problems that it makes attempts at and that are kept for the test, and n."""
STEPS, BATCH = 400, 128
ERRORS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Of each judge: how often it takes right for wrong and wrong for right. The last one knows nothing."""


def measure(seed: int) -> Numbers:
    random, mixture = np.random.default_rng([seed, 10]), Mixture(seed)
    generator = perceptron(WIDTH, HIDDEN, CLASSES, seed=seed)
    learn(generator, *mixture.draw(SHOWN), random, STEPS // 4)
    points, truth = mixture.draw(PROBLEMS)
    tested = mixture.draw(TESTED)
    attempts = sampled(generator, points, random)
    before = accuracy(generator, *tested)
    gaps, gains = [], []
    for error in ERRORS:
        chosen = judged(attempts, truth, error, random)
        gaps.append(float((chosen == truth).mean() - (attempts == truth[:, None]).mean()))
        student = copy.deepcopy(generator)
        learn(student, points, chosen, random, STEPS)
        gains.append(accuracy(student, *tested) - before)
    rank, line = stats.spearmanr(gaps, gains).statistic, stats.pearsonr(gaps, gains).statistic**2
    return {"rank": float(rank), "line": float(line), "gap of truth": gaps[0], "gain of truth": gains[0],
            "gap of none": abs(gaps[-1]), "gain of none": abs(gains[-1])}


def learn(policy: nn.Module, points: np.ndarray, answers: np.ndarray, random: np.random.Generator, steps: int) -> None:
    """So many steps towards answers."""
    def draw() -> Batch:
        chosen = random.integers(len(points), size=BATCH)
        return points[chosen], answers[chosen]

    fit(policy, torch.optim.AdamW(policy.parameters(), lr=1e-3), draw, steps=steps)


@torch.no_grad()
def chances(policy: nn.Module, points: np.ndarray) -> np.ndarray:
    """[N, CLASSES]"""
    return np.asarray(policy(torch.from_numpy(points)).softmax(1).numpy(), np.float64)


def sampled(policy: nn.Module, points: np.ndarray, random: np.random.Generator, count: int = SAMPLES) -> np.ndarray:
    """[N, count] answers."""
    edges = chances(policy, points).cumsum(1)
    drawn = random.random((len(points), count, 1)) > edges[:, None, :-1]
    answers: np.ndarray = drawn.sum(2)
    return answers


def judged(attempts: np.ndarray, truth: np.ndarray, error: float, random: np.random.Generator) -> np.ndarray:
    """[N] of each row an attempt that a judge holds right, any where it holds none."""
    wrong = random.random(attempts.shape) < error
    score = ((attempts == truth[:, None]) ^ wrong) + random.random(attempts.shape) / 2
    chosen: np.ndarray = attempts[np.arange(len(attempts)), score.argmax(1)]
    return chosen


def accuracy(policy: nn.Module, points: np.ndarray, truth: np.ndarray) -> float:
    """Of a sample, exactly."""
    return float(chances(policy, points)[np.arange(len(truth)), truth].mean())


CLAIM = Claim(
    name="judge-gap",
    title="A round of best-of-n distillation gains in proportion to what the judge knows beyond the generator.",
    source="Song et al. 2024, Mind the Gap: Examining the Self-Improvement Capabilities of Large Language Models "
           "(arXiv 2412.02674)",
    published="Self-improvement is governed by the gap between generation and verification: the utility of samples "
              "that a judge chose less that of samples.",
    protocol="A network that learnt 300 examples of ten classes makes eight attempts at each of 8,000 others; six "
             "judges err in 0 to 50% of attempts; the network learns what each chose. Gains are on 8,000 new examples.",
    checks=(
        Check("rank", "Spearman's correlation of gap and gain over judges", low=0.8),
        Check("line", "share of the variance of gains that a line over gaps explains", low=0.9),
        Check("gap of truth", "gap of the truth as a judge", low=0.1),
        Check("gain of truth", "gain by it", low=0.1),
        Check("gap of none", "gap of a judge that knows nothing", high=0.01),
        Check("gain of none", "gain by it, either way", high=0.02),
    ),
    measure=measure,
)
