"""How far best of n goes from the policy: log n - (n - 1) / n nats, exactly where no answer comes twice, else less.

Policies over finitely many answers are written out: among very many answers hardly one comes twice in n draws; among
eight, or where answers tie in score, the choice is narrower than the formula says. So is how often it beats an answer
of the policy: n / (n + 1).
"""

from __future__ import annotations

import numpy as np

from pawl.claims.claim import Check, Claim, Numbers
from pawl.meters.best_of_n import best_of_n, best_of_n_kl

COUNTS = tuple(2**power for power in range(1, 11))
MANY, FEW, TRIES = 1_000_000, 8, 200
"""Answers of a policy among which hardly one comes twice, and among which they do; policies of the latter kind."""
POOLS, POOL, DRAWN = 4000, 64, 16
"""Pools that estimate what the best of so many scores, and their attempts."""


def measure(seed: int) -> Numbers:
    random = np.random.default_rng([seed, 24])
    formula = best_of_n_kl(COUNTS)
    many = random.dirichlet(np.ones(MANY))
    exact, wins = (np.array([what(many, n) for n in COUNTS]) for what in (kl, win_rate))
    few = [random.dirichlet(np.ones(FEW)) for _ in range(TRIES)]
    tied = np.array([[kl(policy, n) for n in COUNTS] for policy in few])
    shares = np.array([[win_rate(policy, n) for n in COUNTS] for policy in few])
    bound = np.array(COUNTS) / (np.array(COUNTS) + 1)
    return {"off": float(np.abs(exact / formula - 1).max()), "win rate off": float(np.abs(wins / bound - 1).max()),
            "over": float((tied - formula).max()), "win rate over": float((shares - bound).max()),
            "left": float((tied / formula)[:, -1].mean()), "estimate": estimate(few[0], random)}


def chosen(policy: np.ndarray, n: int) -> np.ndarray:
    """[A] chances that each answer is the best of n, of a policy [A] whose answers stand in the order of their scores.
    """
    upto = policy.cumsum() / policy.sum()
    chances: np.ndarray = np.diff(upto**n, prepend=0.0)
    return chances


def kl(policy: np.ndarray, n: int) -> float:
    """KL(best of n || policy) in nats, over all answers."""
    best = chosen(policy, n)
    likely = best > 0
    return float((best[likely] * np.log(best[likely] / policy[likely])).sum())


def win_rate(policy: np.ndarray, n: int) -> float:
    """How often the best of n beats an answer of the policy; ties count half."""
    return float(chosen(policy, n) @ (policy.cumsum() - policy / 2))


def estimate(policy: np.ndarray, random: np.random.Generator) -> float:
    """What the best of DRAWN scores by pools of POOL attempts, over what it does; answer k scores k."""
    scores = 1 + random.choice(FEW, size=(POOLS, POOL), p=policy)
    return float(best_of_n(scores, scores, [DRAWN]).mean() / (chosen(policy, DRAWN) @ np.arange(1, FEW + 1)))


CLAIM = Claim(
    name="best-of-n-kl",
    title="Best of n lies log n - (n - 1) / n nats from its policy where nothing ties, and nearer where answers do.",
    source="Stiennon et al. 2020 (arXiv 2009.01325), appendix G.3; Beirami et al. 2024, Theoretical Guarantees on the "
           "Best-of-n Alignment Policy (arXiv 2401.01879)",
    published="KL = log n - (n - 1) / n for scores without ties; in general an upper bound. The best of n beats the "
              "policy in n / (n + 1) of cases at most.",
    protocol="A policy over a million answers, and 200 over eight, drawn evenly from all there are, n from 2 to 1,024, "
             "summed over all answers. Pools of 64 attempts estimate what the best of 16 scores.",
    checks=(
        Check("off", "largest relative distance of exact KL and formula, a million answers", high=0.01,
              published="0 without ties"),
        Check("win rate off", "the same of the win rate and n / (n + 1)", high=0.01, published="0 without ties"),
        Check("over", "most that exact KL exceeds the formula by, eight answers, nats", high=0.0,
              published="0 at most"),
        Check("win rate over", "most that the win rate exceeds n / (n + 1) by", high=0.0, published="0 at most"),
        Check("left", "exact KL over the formula at n = 1,024, eight answers", high=0.6),
        Check("estimate", "what pools of 64 say that the best of 16 scores, over what it does", 0.99, 1.01, "1"),
    ),
    measure=measure,
)
