"""A model's labels in place of a person's: what a reward model gains that learnt them, and what the model says itself.

How often a judge is right does not settle it. Errors that are made anew at each comparison average out, the more of
them the better; those of a taste that never changes are learnt with the rest, however much is labelled. A judge that is
asked for its scores at once is spared what a reward model errs by; of one whose scores waver, a reward model learns the
mean.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from pawl.claims.claim import Check, Claim, Numbers
from pawl.claims.comparisons import Gold, RewardModel
from pawl.meters.best_of_n import best_of_n

POOL, CHOSEN, TESTED = 50_000, 16, 20_000
"""Attempts that are chosen among, n (1.8 nats from the policy), and comparisons on which judges are measured."""
OTHER = 1000
"""Seed, from that of gold, of the taste that a biased judge has beside it."""
Kind = Literal["careless", "biased", "wavering"]
"""A judge that is wrong in a share of comparisons, whichever they are; one that likes something beside gold, always the
same; and one whose scores are off by something else each time."""
COMPARISONS: dict[int, tuple[tuple[Kind, float], ...]] = {
    2000: (("careless", 0.8), ("careless", 0.6)),
    20_000: (("careless", 0.8), ("careless", 0.6), ("biased", 0.8), ("biased", 0.6), ("wavering", 0.6)),
    100_000: (("careless", 0.8), ("careless", 0.6), ("biased", 0.8))}
"""How many are labelled, and by whom: kinds and accuracies."""
DIRECT: tuple[tuple[Kind, float], ...] = (("biased", 0.8), ("wavering", 0.6))
"""Judges that are asked for scores as well; their reward models are those of 20,000 comparisons."""


class Judge:
    """Scores and labels attempts, as often right as its accuracy says."""

    def __init__(self, kind: Kind, accuracy: float, gold: Gold, other: Gold, random: np.random.Generator) -> None:
        self.kind, self.accuracy, self.gold, self.other, self.random = kind, accuracy, gold, other, random

    def scores(self, attempts: np.ndarray) -> np.ndarray:
        """[N] gold and something else of the same spread, so much of it as makes this accuracy."""
        assert self.kind != "careless", "it has no scores behind its labels"
        error = self.other(attempts) if self.kind == "biased" else self.random.normal(size=len(attempts))
        share = share_of_gold(self.accuracy)
        return np.asarray(share * self.gold(attempts) + (1 - share**2) ** 0.5 * error)

    def likes(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """[N] whether the first of two attempts is the better one."""
        if self.kind == "careless":
            wrong = self.random.random(len(first)) >= self.accuracy
            return np.asarray((self.gold(first) > self.gold(second)) ^ wrong)
        return np.asarray(self.scores(first) > self.scores(second))


def share_of_gold(accuracy: float) -> float:
    """The correlation with gold at which a judge decides so often as gold does: of two normal readings with correlation
    r, differences have the same sign with 1 - arccos(r) / pi (Sheppard 1899)."""
    return float(np.cos(np.pi * (1 - accuracy)))


def measure(seed: int) -> Numbers:
    gold, other, random = Gold(seed), Gold(seed + OTHER), np.random.default_rng([seed, 27])
    pool, tested = gold.attempts(POOL), (gold.attempts(TESTED), gold.attempts(TESTED))
    truth = gold(pool)

    def gain(scores: np.ndarray) -> float:
        """Gold of the best of n, which is 0 of an attempt."""
        return float(best_of_n(scores, truth, [CHOSEN])[0] - truth.mean())

    found: dict[str, float] = {}
    for count, asked in COMPARISONS.items():
        first, second = gold.attempts(count), gold.attempts(count)
        by_gold = gain(RewardModel(first, second, gold(first) > gold(second), seed=seed)(pool))
        for kind, accuracy in asked:
            judge, name = Judge(kind, accuracy, gold, other, random), f"{kind} {accuracy}"
            learnt = gain(RewardModel(first, second, judge.likes(first, second), seed=seed)(pool))
            found[f"{name} {count}"] = learnt / by_gold
            found[f"accuracy {name}"] = float((judge.likes(*tested) == (gold(tested[0]) > gold(tested[1]))).mean())
            if (kind, accuracy) in DIRECT and count == 20_000:
                found[f"direct {name}"] = gain(judge.scores(pool)) / learnt
        found[f"gold {count}"] = by_gold
    return found


CLAIM = Claim(
    name="ai-labels",
    title="A judge's labels serve as well as gold's where its errors average out, and cost what its taste is off by.",
    source="Lee et al. 2023, RLAIF vs. RLHF: Scaling Reinforcement Learning from Human Feedback with AI Feedback "
           "(arXiv 2309.00267)",
    published="PaLM 2 XS, labels by PaLM 2 L or by people: preferred to the policy before it in 71% and 73% "
              "(summaries), 63% and 64% (helpful answers), to each other in 50%. The labeller's own score in place of "
              "a reward model is preferred to labels by a model of the same size in 60%.",
    protocol="Perceptrons on 2,000 to 100,000 comparisons of the attempts of the claim over-optimisation, best of 16 "
             "of 50,000 (1.8 nats); gain of gold over that by a reward model with gold's labels of the same "
             "comparisons. Judges that are right in 80% or 60%: careless ones err in any comparison alike, biased "
             "ones have a taste of their own beside gold's, wavering ones a score that is off each time.",
    checks=(
        Check("accuracy biased 0.8", "accuracy of the better biased judge", 0.77, 0.83),
        Check("careless 0.8 2000", "gain by a careless judge of 80%, 2,000 comparisons", high=0.8),
        Check("careless 0.8 20000", "with 20,000", low=0.8, published="as much as by people's labels"),
        Check("careless 0.8 100000", "with 100,000", low=0.85),
        Check("careless 0.6 2000", "by a careless judge of 60%, 2,000 comparisons", high=0.35),
        Check("careless 0.6 20000", "with 20,000", 0.3, 0.7),
        Check("careless 0.6 100000", "with 100,000", low=0.6),
        Check("biased 0.8 20000", "by a biased judge of 80%, 20,000 comparisons", 0.65, 0.86),
        Check("biased 0.8 100000", "with 100,000", 0.65, 0.86),
        Check("biased 0.6 20000", "by a biased judge of 60%, 20,000 comparisons", high=0.43),
        Check("direct biased 0.8", "gain by the biased judge's own scores over that by its reward model", low=1.2,
              published="preferred in 60%"),
        Check("direct wavering 0.6", "by a wavering judge's own scores, 60%, over that by its reward model", high=0.8),
    ),
    measure=measure,
    remark="Careless labels that are right in 80% do serve nine tenths as well as gold's, and such as are right in 60% "
           "less than half as well, but not at one size: with 2,000 comparisons the first do not yet, with 20,000 the "
           "second come to about half. A biased judge of 80% has 80% of the gain, and no number of labels changes it: "
           "its correlation with gold, cos(pi (1 - accuracy)), is 0.81. A judge's own scores are spared what its "
           "reward model errs by; but a reward model learns the mean of scores that waver.",
)
