"""Failures as data: a verifier that learnt right and wrong attempts of all rounds chooses better than one of the first.

The generator learns the right ones of all rounds so far, from the base each time; what it throws away teaches the
verifier, which meets the later generators' errors only if it learns from their attempts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pawl.claims.claim import Check, Claim, Numbers
from pawl.claims.loops import SETTINGS, Loop, scores
from pawl.interfaces import Judge, Policy
from pawl.judges.orm import OutcomeReward
from pawl.keys import stream
from pawl.recipes.reward_model import Lessons, learn_to_judge, rewards
from pawl.records import Attempt, Comparison, Problem, Verdict
from pawl.search.best_of_n import elect, weigh
from pawl.selection.pairs import better_and_worse
from pawl.tasks.countdown import Countdown

TASK = Countdown(numbers=2, max_number=60)
GENERATOR = replace(SETTINGS, base_steps=180, batch=256, attempts=5, epochs=8)
VERIFIER = Lessons(passes=4, batch=64, learning_rate=3e-3)
TRIED, TESTED, ROUNDS, CHOICES, PAIRS = 1500, 800, 3, 16, 8
"""Problems that are tried in a round and that are kept for the test, rounds, n, and most comparisons at a problem."""


def measure(seed: int) -> Numbers:
    loop = Loop(TASK, replace(GENERATOR, seed=seed))
    problems, tested = TASK.problems("train", TRIED, seed), TASK.problems("gate", TESTED, seed)
    generator, rounds = improved(loop, problems)
    once = loop.tried(loop.base, problems, "once", attempts=ROUNDS * loop.settings.attempts)
    attempts = loop.tried(generator, tested, "tested", attempts=CHOICES)
    right = scores(loop.gold(attempts)).reshape(-1, CHOICES)
    every, first, one_shot = (chosen(right, rewards(verifier(loop, learnt), attempts))
                              for learnt in (rounds, rounds[: len(rounds) // ROUNDS], once))
    greedy, majority = loop.accuracy(generator, tested), voted(attempts, right)
    return {"gain": greedy - loop.accuracy(loop.base, tested), "greedy": greedy, "any": float(right.max(1).mean()),
            "all": every, "over greedy": every - greedy, "over majority": every - majority,
            "over first": every - first, "over one shot": every - one_shot}


def improved(loop: Loop, problems: Sequence[Problem]) -> tuple[Policy, list[Attempt]]:
    """The generator after all rounds, and every attempt that was made in them, in their order."""
    policy, attempts = loop.base, list[Attempt]()
    for number in range(ROUNDS):
        attempts += loop.tried(policy, problems, number)
        policy = loop.learnt(loop.base, attempts, loop.gold(attempts))
    return policy, attempts


def verifier(loop: Loop, attempts: Sequence[Attempt]) -> Judge:
    """A judge that learnt to tell right attempts from wrong ones, from the base on."""
    model = loop.base.clone()
    learn_to_judge(model, comparisons(attempts, loop.gold(attempts)), VERIFIER,
                   key=stream(loop.settings.seed, "verifier"))
    return OutcomeReward(model)


def comparisons(attempts: Sequence[Attempt], verdicts: Sequence[Verdict]) -> list[Comparison]:
    """Right attempts beside wrong ones at the same problem, `PAIRS` at most."""
    return [Comparison(attempts[right], attempts[wrong])
            for right, wrong in better_and_worse(attempts, verdicts, most=PAIRS, uses=PAIRS)]


def chosen(right: np.ndarray, worth: np.ndarray) -> float:
    """Share of problems at which the attempt of most worth [N * n] is right [N, n]."""
    return float(right[np.arange(len(right)), worth.reshape(right.shape).argmax(1)].mean())


def voted(tries: Sequence[Attempt], right: np.ndarray) -> float:
    """Share of problems at which the majority is right."""
    says = [TASK.canonical(attempt.completion.text) for attempt in tries]
    rows = [says[place : place + CHOICES] for place in range(0, len(says), CHOICES)]
    places = [elect(row, weigh(row, np.ones(CHOICES, np.float32), "majority")) for row in rows]
    return float(right[np.arange(len(right)), places].mean())


CLAIM = Claim(
    name="v-star",
    title="What a loop throws away teaches a verifier, and attempts of all rounds teach it more than the first ones.",
    source="Hosseini et al. 2024, V-STaR: Training Verifiers for Self-Taught Reasoners (arXiv 2402.06457)",
    published="LLaMA2 and CodeLlama of 7B and 13B, three rounds of 16 samples: best of 64 by the verifier is 4 to 17 "
              "points over self-improvement and verification alone, and over a verifier of 48 samples of the base.",
    protocol="A model of 0.1M that read random play of Countdown with two numbers up to 60 tries 1,500 problems five "
             "times in each of three rounds, and learns the right attempts of all rounds so far from the base. "
             "Verifiers begin with the base and learn comparisons of right attempts with wrong ones at the same "
             "problem (Bradley and Terry; the paper has DPO): of all rounds, of the first, and of as many attempts of "
             "the base as all rounds have. Best of 16 on 800 other problems.",
    checks=(
        Check("gain", "gain of the generator's likeliest answers in three rounds", low=0.1),
        Check("any", "share of problems with a right one among 16 samples", low=0.8),
        Check("over greedy", "best of 16 by the verifier over the likeliest answer", low=0.07,
              published="+0.04 to +0.17"),
        Check("over majority", "over a majority of the 16", low=0.08),
        Check("over first", "over best of 16 by a verifier of the first round", low=0.05),
        Check("over one shot", "over one by a verifier of as many attempts of the base", low=0.02,
              published="above 0"),
    ),
    measure=measure,
)
