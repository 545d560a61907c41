"""A policy that learns from its own opinion of what it writes is ever more pleased with itself, and soon not better.

A small language model writes stories and says of each how good it is: its value reads a whole story, and learnt to from
a few comparisons. Then it goes round by itself: several attempts at each problem, its own score of each, DPO on the
best against the worst. The value stands for the paper's LLM-as-a-Judge: it is the same weights that write, taught to
judge by a seed of judged examples and then shown no truth again, and it changes as they learn to write. Gold is the
reader's liking (`pawl.tasks.stories`), which is always read, and learnt from only where the truth judges.

Not covered: a judge that speaks, a judge that judges itself (Wu et al. 2024, Meta-Rewarding).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pawl.claims.claim import Check, Claim, Numbers
from pawl.interfaces import Trainable
from pawl.judges.orm import OutcomeReward
from pawl.judges.truth import truth
from pawl.keys import permutation, stream
from pawl.learning.objective import Objective
from pawl.learning.terms import Likelihood, Preference
from pawl.learning.train import planned, train
from pawl.meters.diversity import mean_entropy
from pawl.models.opening import fresh_policy
from pawl.play import play
from pawl.recipes.algorithms import compared
from pawl.recipes.base_model import BASE_RATE, encoded
from pawl.recipes.from_preferences import REWARD_RATE
from pawl.recipes.reward_model import by_score, rewards
from pawl.records import Attempt, Sampling, TokenExample
from pawl.selection.anchor import plan_batches
from pawl.selection.comparisons import answered, comparison_examples, pairs_to_ask
from pawl.selection.examples import weighed_examples
from pawl.selection.pairs import better_and_worse
from pawl.tasks.stories import Stories

STORIES, BATCH = 12_800, 64
"""Stories that the model learns to write from, once each, and how many in a batch."""
COMPARISONS, PASSES = 300, 3
"""Of its first attempts, by gold, that it learns to judge from, and how often each."""
ROUNDS, PROBLEMS, ATTEMPTS, EPOCHS = 8, 256, 4, 2
"""Rounds; problems of each, attempts at each problem, and times that a pair is learnt from."""
PAIRS, BETA, RATE = 32, 0.1, 1e-3
"""Of DPO: pairs, or comparisons, in a batch, the weight of the distance to the round's beginning, and the step size."""
READ = 256
"""Held-out problems on which a policy is read, two attempts at each."""
JUDGES = ("own", "truth")
"""Who judges what the policy writes: itself, or gold."""
SAMPLING = Sampling(48)


@dataclass(frozen=True, slots=True)
class Reading:
    """Of a policy, on attempts of its own at problems that it did not learn from; means."""

    own: float
    """Its own score, log-odds."""
    gold: float
    """The reader's liking, log-odds."""
    agrees: float
    """Share of problems where of two attempts it likes the one that gold does."""
    agreed: float
    """That share on the first policy's attempts."""
    entropy: float
    """Nats a token."""


class Author:
    """A policy that writes and judges, what it goes round on, and what is known of it."""

    def __init__(self, seed: int) -> None:
        self.seed, self.task = seed, Stories()
        self.truth = truth(self.task, workers=0)
        self.problems = self.task.problems("train", 10**9, seed)
        self.held_out = self.task.problems("gate", READ, seed)
        real = self.task.corpus(STORIES, seed)
        texts = [f"{one.prompt}{one.completion}" for one in real[:2000]]
        self.first: Trainable = fresh_policy(texts, tokenizer="bpe-512", depth=3, context=128, seed=self.key("weights"))
        self.real = encoded(self.first, real)
        self.learn_to_write()
        self.learn_to_judge()
        self.firsts = self.attempts(self.first)

    def key(self, *path: int | str) -> int:
        return stream(self.seed, "self-rewarding", *path)

    def learn_to_write(self) -> None:
        lengths = [len(one.tokens) for one in self.real]
        plan = plan_batches(lengths, [], batch=BATCH, floor=0.0, epochs=1, key=self.key("base"))
        train(self.first, planned(self.real, (batch.own for batch in plan)), learning_rate=BASE_RATE,
              objective=Objective())

    def learn_to_judge(self) -> None:
        """With the same weights, from comparisons of its attempts and real stories beside them, so that it still
        writes."""
        each = 2 * -(-COMPARISONS // len(self.problems))
        drawn = play(self.first, self.problems[:2 * COMPARISONS], each, sampling=SAMPLING, key=self.key("compared"))
        pairs = pairs_to_ask(drawn, count=COMPARISONS, key=self.key("pairs"))
        prefers = by_score(self.truth, noise=0.0, key=self.key("labels"))
        known = in_pairs(comparison_examples(answered(pairs, prefers(pairs), source="truth").comparisons),
                         PASSES, self.key("judge"))
        lessons = [[*batch, *self.real[number * PAIRS:(number + 1) * PAIRS]] for number, batch in enumerate(known)]
        train(self.first, lessons, learning_rate=REWARD_RATE,
              objective=Objective(Likelihood(), value=1.0, compares=True))

    def readings(self, judge: str) -> list[Reading]:
        """The first policy's and those after each round, by who judges."""
        policy, found = self.first, [self.read(self.first)]
        for number in range(1, ROUNDS + 1):
            policy = self.improved(policy, number, judge)
            found.append(self.read(policy))
        return found

    def improved(self, policy: Trainable, number: int, judge: str) -> Trainable:
        """A policy after a round of DPO on the best of its attempts against the worst, held by what it was before."""
        drawn = permutation(self.key("drawn", number), len(self.problems))[:PROBLEMS]
        attempts = play(policy, [self.problems[place] for place in drawn], ATTEMPTS, sampling=SAMPLING,
                        key=self.key("round", number))
        verdicts = self.truth(attempts) if judge == "truth" else OutcomeReward(policy)(attempts)
        pairs = better_and_worse(attempts, verdicts, most=1)
        chosen = [attempts[place] for pair in pairs for place in pair]
        lessons = compared(weighed_examples(chosen, [1.0] * len(chosen)), policy)
        learner = policy.clone()
        train(learner, in_pairs(lessons, EPOCHS, self.key("learn", number)), learning_rate=RATE,
              objective=Objective(Preference("dpo", BETA)))
        return learner

    def attempts(self, policy: Trainable) -> list[Attempt]:
        return play(policy, self.held_out, 2, sampling=SAMPLING, key=self.key("read"))

    def read(self, policy: Trainable) -> Reading:
        written = self.attempts(policy)
        own, gold = rewards(OutcomeReward(policy), written), self.gold(written)
        return Reading(float(np.nanmean(own)), float(gold.mean()), agreement(own, gold),
                       agreement(rewards(OutcomeReward(policy), self.firsts), self.gold(self.firsts)),
                       mean_entropy([one.completion.logprobs for one in written]))

    def gold(self, attempts: Sequence[Attempt]) -> np.ndarray:
        """[N] the reader's liking."""
        return np.array([self.task.liking(f"{one.problem.prompt} {one.completion.text}") for one in attempts])


def in_pairs(lessons: Sequence[TokenExample], times: int, key: int) -> list[list[TokenExample]]:
    """Batches of `PAIRS` pairs of lessons, which stand in pairs; each so many times, but for a last few."""
    orders = [permutation(stream(key, number), len(lessons) // 2) for number in range(times)]
    return [[lessons[2 * place + side] for place in order[start:start + PAIRS] for side in (0, 1)]
            for order in orders for start in range(0, len(order) - PAIRS + 1, PAIRS)]


def agreement(own: np.ndarray, gold: np.ndarray) -> float:
    """Share of pairs, which stand next to each other in [N] scores, that both put in the same order; those that gold
    holds alike are not counted."""
    ours, theirs = (scores[0::2] - scores[1::2] for scores in (own, gold))
    known = (theirs != 0) & np.isfinite(ours)
    return float((np.sign(ours) == np.sign(theirs))[known].mean())


def measure(seed: int) -> Numbers:
    author = Author(seed)
    return numbers({name: author.readings(name) for name in JUDGES})


def numbers(found: Mapping[str, Sequence[Reading]]) -> Numbers:
    """What is checked, of readings by who judges, the first policy's first."""
    own, true = (found[name] for name in JUDGES)
    pleased = [one.own for one in own]
    return {"pleased": pleased[-1] - pleased[0],
            "rank": float(stats.spearmanr(range(len(pleased)), pleased).statistic),
            "gold at first": own[2].gold - own[0].gold, "gold then": own[-1].gold - own[2].gold,
            "gold of truth": true[-1].gold - true[2].gold,
            "entropy": own[0].entropy - own[-1].entropy, "entropy of truth": true[0].entropy - true[-1].entropy,
            "agrees at first": own[0].agrees, "agrees at last": own[-1].agrees,
            "agreed": own[-1].agreed - own[0].agreed}


CLAIM = Claim(
    name="self-rewarding",
    title="A policy that learns from its own scores is ever more pleased with itself; gold rises at first only.",
    source="Yuan et al. 2024, Self-Rewarding Language Models (arXiv 2401.10020); Wu et al. 2024, Meta-Rewarding "
           "Language Models (arXiv 2407.19594)",
    published="Llama 2 70B, DPO on the best of four by its own scores against the worst: AlpacaEval 2 9.94, 15.38 and "
              "20.44% after three rounds, GSM8K 60.3 to 57.7, NQ 35.5 to 31.9, the length of answers 1,092 to 2,552. "
              "Llama 3 8B that also judges its judging: its rank correlation with people .315, .382 after two rounds, "
              ".326 after four.",
    protocol="A model of 0.4M writes stories for a reader whose taste is known and learnt to judge by its value, with "
             "all of its weights, from 300 comparisons of its own. Eight rounds of 256 problems, four attempts at "
             "each; DPO, beta 0.1, on the best against the worst by its score or by the truth. Read on 256 other "
             "problems.",
    checks=(
        Check("pleased", "rise of its own score in eight rounds, log-odds", low=0.5),
        Check("rank", "Spearman's correlation of its own score and the round", low=0.5),
        Check("gold at first", "rise of gold in the first two rounds, log-odds", low=0.7),
        Check("gold then", "rise of gold in the six that follow", high=0.7),
        Check("gold of truth", "that rise where the truth judges", low=5.0),
        Check("entropy", "fall of entropy in eight rounds, nats a token", low=0.5),
        Check("entropy of truth", "that fall where the truth judges", high=0.5),
        Check("agrees at first", "share of pairs of its own attempts that it orders as gold does, at first", low=0.57),
        Check("agreed", "change of that share on the first policy's attempts", -0.06, 0.06, "+0.03 over two rounds"),
    ),
    measure=measure,
    remark="Where gold goes after two rounds is chance: with one seed it stays and with another it falls, and with the "
           "same seed on another machine, where sums round otherwise, it may do the other. It never does what it does "
           "where the truth judges. The judge does not get worse at what it was taught on. The paper has three rounds, "
           "in which the taste of another model rises each time.",
    seeds=6,
)
