"""Self-taught reasoning: a loop on its own workings gains by the filter, and on what is too hard for it by hints.

Without the filter nothing is told, and errors are learnt as well. Problems that no attempt solves teach nothing until
the answer is shown: the working towards it is then kept as if it had been written without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pawl.claims.claim import Check, Claim, Numbers
from pawl.claims.loops import Loop, of_sums, scores, unfiltered
from pawl.claims.sums import Sums, hinted, unseen, working
from pawl.interfaces import Judge, Policy, Trainable
from pawl.records import Attempt, Problem

TRAINED, TESTED, ROUNDS = 1000, 500, 4
"""Sums of two digits, and of three, that the loop tries and that are kept for the test; rounds."""


def measure(seed: int) -> Numbers:
    loop = of_sums(seed)
    (easy, tested), (hard, far) = ((unseen(digits, TRAINED, seed), Sums(digits).problems("test", TESTED, seed))
                                   for digits in (2, 3))
    before = loop.accuracy(loop.base, tested)
    filtered, free = (loop.accuracy(looped(loop, easy, judge), tested) for judge in (loop.gold, unfiltered))
    plain = loop.tried(loop.base, [*easy, *hard], "both", attempts=1)
    shown = rationalised(loop, loop.base, plain)
    without, with_hints = (loop.accuracy(loop.learnt(loop.base, attempts, loop.gold(attempts)), far)
                           for attempts in (plain, [*plain, *shown]))
    return {"before": before, "gain": filtered - before, "gain without": free - before,
            "hard before": loop.accuracy(loop.base, far), "hard without": without, "hard": with_hints,
            "times": with_hints / max(without, 1 / TESTED), "right workings": right_workings(loop, shown)}


def looped(loop: Loop, problems: Sequence[Problem], judge: Judge) -> Trainable:
    """The policy after all rounds, each of which begins with the base again."""
    policy = loop.base
    for number in range(ROUNDS):
        attempts = loop.tried(policy, problems, number)
        policy = loop.learnt(loop.base, attempts, judge(attempts))
    return policy


def rationalised(loop: Loop, policy: Policy, attempts: Sequence[Attempt]) -> list[Attempt]:
    """An attempt with the answer shown at each problem that none of these solves, as one at the problem itself."""
    solved = {attempt.problem.id for attempt, score in zip(attempts, scores(loop.gold(attempts)), strict=True) if score}
    left = {attempt.problem.id: attempt for attempt in attempts if attempt.problem.id not in solved}
    shown = loop.tried(policy, [hinted(attempt.problem) for attempt in left.values()], "hinted", attempts=1)
    return [replace(one, problem=plain.problem, prompt_tokens=plain.prompt_tokens)
            for one, plain in zip(shown, left.values(), strict=True)]


def right_workings(loop: Loop, attempts: Sequence[Attempt]) -> float:
    """Share of attempts with right answers whose working is right, too."""
    return float(np.mean([attempt.completion.text == working(*attempt.problem.data["numbers"])
                          for attempt, score in zip(attempts, scores(loop.gold(attempts)), strict=True) if score]))


CLAIM = Claim(
    name="star",
    title="A model teaches itself by workings that led to right answers, and what is too hard for it by hints.",
    source="Zelikman et al. 2022, STaR: Bootstrapping Reasoning With Reasoning (arXiv 2203.14465)",
    published="GPT-J 6B: CommonsenseQA 36.6% with examples of reasoning in the prompt, 60.0% tuned on answers, 68.8% "
              "by STaR and 72.5% with rationalisation. Sums of two digits go from below 1% to 32% in the first round "
              "with rationalisation; sums of all lengths come to 89.5% after 16 rounds, 76.3% tuned on answers.",
    protocol="A model of 0.1M read workings of 1,000 sums of two digits, 60 of three and some of one, half of them "
             "with the answer as a hint. Four rounds on 1,000 other sums of two digits, four samples of each (the "
             "paper takes the likeliest), from the base each time, with the filter and without. Beside it one round "
             "on 1,000 sums of two digits and 1,000 of three, one sample of each and, where that is wrong, one more "
             "that sees the answer and is learnt without it. Tested on 500 sums of each length.",
    checks=(
        Check("gain", "gain of accuracy on sums of two digits in four filtered rounds", low=0.15),
        Check("gain without", "in four rounds without a filter", high=0.01),
        Check("hard before", "accuracy of the base on sums of three digits", high=0.03),
        Check("hard without", "after a round without hints", high=0.05),
        Check("hard", "after one with hints", low=0.1, published="0.32, from below 0.01, two digits"),
        Check("times", "the last over the one without hints, which counts as one right answer at least", low=5.0),
        Check("right workings", "share of right workings among those that came to a right answer with it in view",
              high=0.85),
    ),
    measure=measure,
    remark="A hint lets wrong workings pass, as their answer is copied; they are learnt with the rest. The filter does "
           "not see workings.",
)
