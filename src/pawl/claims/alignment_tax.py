"""The alignment tax: what a policy that learns to please forgets of the text that it came from, and what keeps it.

A small language model of the world's documents learns to tell stories that a reward model likes: by policy gradient
alone, held by its distance to the base, and with real documents in every batch as well. The distance is measured on
stories alone; what the other documents say is not in it. Without either, the policy finds what the reward model never
saw compared: the same words again and again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pawl import measure as meters
from pawl.claims.claim import Check, Claim, Numbers
from pawl.interfaces import Trainable
from pawl.judges.orm import OutcomeReward
from pawl.judges.truth import truth
from pawl.keys import permutation, stream
from pawl.play import play
from pawl.recipes.algorithms import ALGORITHMS, Round
from pawl.recipes.base_model import RealData, encoded, make_base
from pawl.recipes.from_preferences import REWARD_RATE
from pawl.recipes.on_policy import Course
from pawl.recipes.reward_model import Lessons, by_score, centre, learn_to_judge, rewards
from pawl.recipes.rl import Settings
from pawl.records import Attempt, Demonstration, Problem, Sampling
from pawl.selection.comparisons import answered, pairs_to_ask
from pawl.tasks.stories import BEGINNING, Stories
from pawl.tasks.world import World

NOUNS, PEOPLE = 60, 10
"""Of the world: its language is that of the stories."""
BASE_STEPS, BATCH, HELD_OUT = 300, 64, 256
"""Batches of documents from which the base learns, documents in each, and others on which its loss is measured."""
COMPARISONS, COMPARED_AT, COMPARED, PASSES = 2000, 800, 6, 2
"""That the reward model learns, beginnings at which they are made, attempts at each, and how often it learns them."""
ROUNDS, PROBLEMS, ATTEMPTS, RATE, LONGEST = 30, 32, 8, 1e-3, 48
"""Of each arm: rounds, beginnings in a round, attempts at each, step size, and tokens of an attempt at most."""
ARMS: dict[str, tuple[float, float]] = {
    "alone": (0.0, 0.0), "held": (0.1, 0.0), "mixed": (0.1, 0.5), "harder": (0.3, 0.0), "hardest": (1.0, 0.0)}
"""Weight of the distance to the base, and share of real documents in a batch."""


def measure(seed: int) -> Numbers:
    """What every arm differs from the base by, and arms from each other."""
    tuning = Tuning(seed)
    before = tuning.readings(tuning.base)
    found = {"foreseen": tuning.foreseen} | {f"{name} base": value for name, value in before.items()}
    for arm, (kl, real) in ARMS.items():
        after = tuning.readings(tuning.tuned(kl, real))
        found |= {f"{name} {arm}": value - before[name] for name, value in after.items()}
    for name in ("loss", "others"):
        for more, less in (("alone", "held"), ("held", "mixed"), ("harder", "mixed"), ("hardest", "mixed")):
            found[f"{name} {more} above {less}"] = found[f"{name} {more}"] - found[f"{name} {less}"]
    return {**found, **{f"reward {arm} over mixed": found[f"reward {arm}"] / found["reward mixed"]
                        for arm in ("harder", "hardest")}}


class Tuning:
    """A base, a reward model of its stories, and real documents, of a seed."""

    def __init__(self, seed: int) -> None:
        self.seed, self.stories = seed, Stories(nouns=NOUNS)
        self.train = self.stories.problems("train", 10**9, seed)
        self.metered = self.stories.problems("gate", HELD_OUT, seed)
        learnt, held_out = documents(self.key("documents"))
        real = list(map(begun, learnt))
        self.base, _ = make_base(self.stories, RealData(real, []), self.settings(), lambda done, total: None)
        self.real = encoded(self.base, real)
        others = [text for text in held_out if not self.stories.grammatical(text)]
        self.held_out = {name: encoded(self.base, list(map(begun, texts[:HELD_OUT])))
                         for name, texts in (("loss", held_out), ("others", others))}
        self.gold, self.sampling = truth(self.stories, workers=0), Sampling(LONGEST)
        self.judge, self.foreseen = self.reward_model()

    def key(self, *path: str | int) -> int:
        return stream(self.seed, "alignment tax", *path)

    def settings(self, kl: float = 0.0, real: float = 0.0) -> Settings:
        return Settings(seed=self.seed, tokenizer="bpe-512", depth=2, base_steps=BASE_STEPS, batch=BATCH, rounds=ROUNDS,
                        problems=PROBLEMS, attempts=ATTEMPTS, max_tokens=LONGEST, learning_rate=RATE, kl=kl,
                        real_floor=real)

    def play(self, policy: Trainable, problems: Sequence[Problem], count: int, *path: str | int) -> list[Attempt]:
        return play(policy, problems, count, sampling=self.sampling, key=self.key(*path))

    def reward_model(self) -> tuple[OutcomeReward, float]:
        """A judge that learnt which of two of the base's stories gold likes better, and the share of others that it
        foresees."""
        attempts = self.play(self.base, self.train[:COMPARED_AT], COMPARED, "compared")
        pairs = pairs_to_ask(attempts, count=COMPARISONS, key=self.key("pairs"))
        prefers = by_score(self.gold, noise=0.0, key=self.key("labels"))
        compared, model = answered(pairs, prefers(pairs), source="truth").comparisons, self.base.clone()
        told = learn_to_judge(model, compared, Lessons(PASSES, BATCH, REWARD_RATE), key=self.key("reward model"))
        centre(model, [side for one in compared for side in (one.liked, one.other)])
        return OutcomeReward(model), told["foreseen"]

    def tuned(self, kl: float, real: float) -> Trainable:
        """A policy that learnt to please the reward model, from the base on."""
        settings, policy = self.settings(kl, real), self.base.clone()

        def played(number: int) -> Round:
            order = permutation(self.key("draw", number), len(self.train))[:PROBLEMS]
            attempts = self.play(policy, [self.train[place] for place in order], ATTEMPTS, "sample", number)
            return Round(attempts, self.judge(attempts), policy, self.base, in_log_odds=True)

        Course(ALGORITHMS[settings.algorithm], settings, played, self.real, settings.real_floor).learn(
            policy, self.base, key=self.key("learn"), watch=lambda done, total: None)
        return policy

    def readings(self, policy: Trainable) -> dict[str, float]:
        """Loss on real documents and on those that are no stories, nats a token; of new stories the reward in log-odds,
        gold, and the share of words that mean something and were said before."""
        attempts = self.play(policy, self.metered, 1, "measure")
        gold = [one.score for one in self.gold(attempts) if one.score is not None]
        losses = {name: meters.real_loss(policy, held_out)["real_loss"] for name, held_out in self.held_out.items()}
        return {**losses, "reward": float(np.nanmean(rewards(self.judge, attempts))), "gold": float(np.mean(gold)),
                "repetition": repeated(list(map(self.telling, attempts)))}

    def telling(self, attempt: Attempt) -> list[str]:
        """The words of a story that mean something."""
        return [word for word in f"{attempt.problem.prompt} {attempt.completion.text}".split()
                if self.stories.charm(word)]


def documents(key: int) -> tuple[list[str], list[str]]:
    """Of the world: those that are learnt, and others."""
    texts = World(nouns=NOUNS, people=PEOPLE, noise=0.0).documents(BASE_STEPS * BATCH + 6 * HELD_OUT, key)
    learnt, others = texts[:BASE_STEPS * BATCH], texts[BASE_STEPS * BATCH:]
    known = set(learnt)
    return learnt, [text for text in dict.fromkeys(others) if text not in known]


def begun(document: str) -> Demonstration:
    """How a document begins, and how it goes on: in two parts, as stories are."""
    words = document.split(" ")
    return Demonstration(" ".join(words[:BEGINNING]), " " + " ".join(words[BEGINNING:]))


def repeated(stories: Sequence[Sequence[str]]) -> float:
    """Share of a story's words that it has said before, on average over stories that have any."""
    return float(np.mean([1 - len(set(words)) / len(words) for words in stories if words]))


CLAIM = Claim(
    name="alignment-tax",
    title="What a policy forgets as it learns to please is less when it is held to its base, and little beside real "
          "text.",
    source="Ouyang et al. 2022, Training Language Models to Follow Instructions with Human Feedback (arXiv 2203.02155)",
    published="PPO with a KL weight of 0.02 and pretraining data that weigh 27.8 times (PPO-ptx). A larger KL weight "
              "in place of these data never recovers what is lost.",
    protocol="A model of 0.1M that learnt 19,200 documents of the world, a third of them stories; a reward model of "
             "its stories on 2,000 comparisons by gold; 30 rounds of GRPO in place of PPO, 256 stories each: KL weight "
             "0 (alone), 0.1 (held), 0.1 and as many real documents in a batch (mixed), 0.3 (harder) and 1 (hardest) "
             "without. Loss on 256 other documents, and on 256 that are no stories, less that of the base, in nats a "
             "token; reward in log-odds and gold less the base's at 256 other beginnings.",
    checks=(
        Check("foreseen", "comparisons that the reward model foresees", low=0.65),
        Check("reward alone", "reward, alone", low=1.0),
        Check("reward held", "held", low=1.0),
        Check("reward mixed", "mixed", low=0.8),
        Check("loss alone", "loss on documents, alone", low=0.75),
        Check("loss alone above held", "alone less held", low=0.4),
        Check("loss held above mixed", "held less mixed", low=0.25),
        Check("loss mixed", "mixed", high=0.15),
        Check("others alone above held", "loss on documents that are no stories, alone less held", low=0.05),
        Check("others held above mixed", "held less mixed", low=0.06),
        Check("repetition base", "words of a story that it said before, the base", high=0.1),
        Check("repetition alone", "how much more, alone", low=0.2),
        Check("repetition mixed", "mixed", high=0.15),
        Check("gold alone", "gold, alone", high=-0.07),
        Check("gold mixed", "mixed", low=0.1),
        Check("reward harder over mixed", "reward, harder over mixed", 0.8, 1.25),
        Check("loss harder above mixed", "loss on documents, harder less mixed", low=0.05, published="never recovered"),
        Check("reward hardest over mixed", "reward, hardest over mixed", high=0.75),
        Check("others hardest above mixed", "loss on documents that are no stories, hardest less mixed", low=0.03,
              published="never recovered"),
    ),
    measure=measure,
    remark="A weight that leaves as much reward as mixing does costs several times its loss, and one that costs about "
           "the same leaves half the reward: at 1 all documents together are as likely as with mixing but for a "
           "hundredth of a nat or two, and those that are no stories still are not, as the distance is measured on "
           "stories. The real documents go on teaching, too: with them the loss on what is no story falls below the "
           "base's, which learnt each document once. At the weight of 0 the same words come again and again in every "
           "seed; three times in a row, as in `the the the`, in two of three.",
)
