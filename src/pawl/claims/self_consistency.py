"""Self-consistency: a vote among a policy's own answers helps where the likeliest one is right and harms elsewhere.

A network that learnt few examples answers questions by sampling. With more votes the winner goes to its likeliest
answer; how many agree on it says how often it is right.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from pawl.claims.claim import Check, Claim, Numbers
from pawl.claims.fitting import perceptron
from pawl.claims.judge_gap import chances, learn, sampled
from pawl.claims.label_noise import CLASSES, HIDDEN, WIDTH, Mixture
from pawl.search.best_of_n import elect, tally, weigh

SHOWN, STEPS, QUESTIONS = 300, 400, 3000
"""Examples that the network learnt, in how many steps, and questions that it is asked."""
VOTES = (1, 4, 16, 64)
BINS = 10
"""Of questions, by how many votes agreed."""


def measure(seed: int) -> Numbers:
    random, mixture = np.random.default_rng([seed, 25]), Mixture(seed)
    policy = perceptron(WIDTH, HIDDEN, CLASSES, seed=seed)
    learn(policy, *mixture.draw(SHOWN), random, STEPS)
    points, truth = mixture.draw(QUESTIONS)
    answers = sampled(policy, points, random, max(VOTES))
    likeliest = chances(policy, points).argmax(axis=1)
    found = {votes: voted(answers[:, :votes]) for votes in VOTES}
    correct = np.array([found[votes][0] == truth for votes in VOTES])
    known = likeliest == truth
    rises, falls = correct[:, known].mean(axis=1), correct[:, ~known].mean(axis=1)
    rates = correct.mean(axis=1)
    return {"least rise": float(np.diff(rises).min()), "known last": float(rises[-1]),
            "least fall": float(-np.diff(falls).max()), "unknown first": float(falls[0]),
            "unknown last": float(falls[-1]), "gain": float(rates[-1] - rates[0]),
            "over likeliest": float(abs(rates[-1] - known.mean())),
            "calibrated": agreement_rank(found[VOTES[-1]][1], correct[-1])}


def voted(answers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a majority of answers [Q, n] to each of Q questions says [Q], and the share of votes for it [Q]."""
    winners, shares = [], []
    for row in answers.tolist():
        votes = weigh(row, np.ones(len(row), np.float32), "majority")
        winners.append(row[elect(row, votes)])
        shares.append(tally(row, votes)[winners[-1]] / len(row))
    return np.array(winners), np.array(shares)


def agreement_rank(shares: np.ndarray, correct: np.ndarray) -> float:
    """Spearman's correlation of agreement and accuracy over bins of questions, as many in each, by agreement."""
    bins = np.array_split(np.argsort(shares, kind="stable"), BINS)
    agreement, accuracy = ([float(what[places].mean()) for places in bins] for what in (shares, correct))
    return float(stats.spearmanr(agreement, accuracy).statistic)


CLAIM = Claim(
    name="self-consistency",
    title="The more votes, the more often a majority is right where the likeliest answer is, and the less elsewhere.",
    source="Wang et al. 2023, Self-Consistency Improves Chain of Thought Reasoning in Language Models (arXiv "
           "2203.11171)",
    published="PaLM-540B, 40 samples against greedy decoding: GSM8K +17.9 points, SVAMP +11.0, AQuA +12.2, StrategyQA "
              "+6.4, ARC-challenge +3.9. The share of samples that agree goes with accuracy.",
    protocol="A network that learnt 300 examples of ten classes for 400 steps answers 3,000 others 64 times by "
             "sampling; majorities of 1, 4, 16 and 64 by `pawl.search.best_of_n`. An answer here has no reasoning "
             "before it, so that the vote goes to what greedy decoding says; the gain is over a sample.",
    checks=(
        Check("least rise", "least rise of accuracy at four times the votes, where the likeliest answer is right",
              low=0.0),
        Check("known last", "accuracy by 64 votes there", low=0.95),
        Check("least fall", "least fall where it is wrong", low=0.0),
        Check("unknown first", "accuracy by one vote there", low=0.15),
        Check("unknown last", "by 64 votes", high=0.1),
        Check("gain", "gain of 64 votes over one, all questions", low=0.03, published="+0.039 to +0.179 over greedy"),
        Check("over likeliest", "distance of accuracy by 64 votes to that of the likeliest answer", high=0.02),
        Check("calibrated", "Spearman's correlation of agreement and accuracy over ten bins of questions", low=0.7,
              published="they go together"),
    ),
    measure=measure,
)
