"""Self-play fine-tuning: a policy that learns to tell data from its own answers comes nearer to the data, ever less.

With the logistic loss one iteration ends at p (pdata / p)^(1 / lambda), so that the logarithm of what is missing
shrinks by 1 - 1 / lambda each time, and the data are where it stops. Policies over finitely many answers are trained to
the end and compared with that; others learn from samples.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from pawl.claims.claim import Check, Claim, Numbers
from pawl.learning.preferences import dpo

START, TARGET = (0.2, 0.3, 0.5), (0.5, 0.3, 0.2)
"""Policy and data over three answers."""
HALF = (0.339, 0.322, 0.339)
"""After an iteration at lambda = 2."""
ANSWERS, SPREAD, SAMPLES, ITERATIONS, LAMBDA = 30, 0.7, 20_000, 4, 2.0
"""Of the policies that learn from samples: how far the data lean towards better answers, and pairs in an iteration."""


def measure(seed: int) -> Numbers:
    start, target = (np.array(chances) for chances in (START, TARGET))
    once = {weight: trained(start, pairs(target, start), weight) for weight in (1.0, 2.0)}
    random = np.random.default_rng([seed, 26])
    first, second = (random.dirichlet(np.ones(ANSWERS)) for _ in range(2))
    large = max(off(trained(first, pairs(second, first), weight), update(first, second, weight))
                for weight in (0.5, 1.0, 2.0, 5.0))
    return {"one step": off(once[1.0], target), "half way": off(once[2.0], np.array(HALF)), "many answers": large,
            "stays": off(trained(target, pairs(target, target), 1.0), target), **sampled(random)}


def sampled(random: np.random.Generator) -> Numbers:
    """What iterations gain that learn from samples of data and policy, in gold on average and in KL(data || policy)."""
    gold = random.normal(size=ANSWERS)
    data = np.exp(SPREAD * gold) / np.exp(SPREAD * gold).sum()
    policy = np.full(ANSWERS, 1 / ANSWERS)
    reached, left = [float(policy @ gold)], [kl(data, policy)]
    for _ in range(ITERATIONS):
        real, own = (random.multinomial(SAMPLES, chances) / SAMPLES for chances in (data, policy))
        policy = trained(policy, pairs(real, own), LAMBDA)
        reached.append(float(policy @ gold))
        left.append(kl(data, policy))
    gains = np.diff(reached)
    return {"first gain": float(gains[0]), "second over first": float(gains[1] / gains[0]),
            "third over second": float(gains[2] / gains[1]), "last over first": float(gains[-1] / gains[0]),
            "beyond data": float(max(reached) - data @ gold), "left": left[-1] / left[0]}


def update(policy: np.ndarray, data: np.ndarray, weight: float) -> np.ndarray:
    """[A] where an iteration ends, policy (data / policy)^(1 / weight): theorem 5.4."""
    raised = policy * (data / policy) ** (1 / weight)
    return np.asarray(raised / raised.sum())


def pairs(data: np.ndarray, own: np.ndarray) -> np.ndarray:
    """[A, A] how often each answer of the data [A] meets each of the policy's own [A]."""
    met: np.ndarray = data[:, None] * own
    return met


def trained(policy: np.ndarray, met: np.ndarray, weight: float) -> np.ndarray:
    """[A] the policy after an iteration, trained until the loss over pairs [A, A] falls no more."""
    old = torch.from_numpy(np.log(policy))
    often, logits = torch.from_numpy(met), old.clone().requires_grad_()
    optimiser = torch.optim.LBFGS([logits], max_iter=2000, tolerance_grad=1e-12, tolerance_change=1e-16,
                                  line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        ratios = weight * (logits.log_softmax(0) - old)
        total = (often * dpo(ratios[:, None] - ratios, beta=1.0)).sum()
        total.backward()
        return total

    optimiser.step(loss)
    return np.asarray(logits.detach().softmax(0).numpy())


def off(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max())


def kl(data: np.ndarray, policy: np.ndarray) -> float:
    """KL(data || policy) in nats."""
    return float((data * np.log(data / policy)).sum())


CLAIM = Claim(
    name="spin",
    title="Self-play fine-tuning nears the data by p (pdata / p)^(1 / lambda) each time, so that its gains shrink.",
    source="Chen et al. 2024, Self-Play Fine-Tuning Converts Weak Language Models to Strong Language Models (arXiv "
           "2401.01335), equation 4.7, theorem 5.4",
    published="zephyr-7b-sft, 50k prompts, average of a leaderboard: 58.14, 60.80, 62.12, 62.97, 63.16 over four "
              "iterations: gains of 2.66, 1.32, 0.85 and 0.19. The fixed point is the data.",
    protocol="Softmax policies over 3 and 30 answers, trained to the end on the loss over all pairs; over 30 answers "
             "also on 20,000 samples of data and of the policy an iteration, four iterations, lambda = 2. The data "
             "lean to better answers.",
    checks=(
        Check("one step", "largest distance of a chance to the data after one iteration, lambda = 1, three answers",
              high=1e-4, published="0"),
        Check("half way", "to (.339, .322, .339) with lambda = 2", high=1e-3, published="0"),
        Check("many answers", "to the closed form, 30 answers, lambda 0.5 to 5", high=1e-3, published="0"),
        Check("stays", "that a policy moves which has the data's chances", high=1e-4, published="0"),
        Check("first gain", "gain of gold in the first iteration, spreads of answers", low=0.1),
        Check("second over first", "gain of the second over the first", 0.2, 0.8, "0.50"),
        Check("third over second", "gain of the third over the second", 0.2, 0.8, "0.64"),
        Check("last over first", "gain of the fourth over the first", high=0.25, published="0.07"),
        Check("beyond data", "most that the policy's gold exceeds the data's by", high=0.02),
        Check("left", "KL(data || policy) after four iterations over that before", high=0.05),
    ),
    measure=measure,
)
