"""Search against a policy that spends the same tokens without it: greedy, best of n, majority, weighted majority.

Every token that a model forwards counts: prompts, what is sampled, and what a value reads. n is what each baseline
can pay for with the mean that the search spent on a problem. Nothing here asks the truth before it has an answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pawl.gate.statistics import paired_counts, sign_test, wilson_interval
from pawl.interfaces import Judge, Policy, Search, Task
from pawl.keys import stream
from pawl.play import Watch, play, think
from pawl.records import Attempt, FloatArray, Problem, Sampling

MOST_ATTEMPTS = 256
"""Of a baseline at one problem, however much the search spent."""
FIRST_ATTEMPTS = 4
"""From which the length of an answer is estimated."""

Values = Callable[[Sequence[Attempt]], Sequence[float] | FloatArray]
"""The expected score of each attempt, by whatever the search asks too."""

Rates = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Compared:
    """A search and its baselines on the same N problems."""

    search: dict[str, Any]
    """pass@1, ci, tokens a problem (forwarded), generated tokens a problem."""
    baselines: Rates
    """The same for each baseline, with its attempts."""
    sentence: str
    """Whether search helps."""
    scores: list[float]
    """[N] of the search's answers."""


def compare(policy: Policy, task: Task, search: Search, values: Values, problems: Sequence[Problem], judge: Judge, *,
            max_tokens: int, stop: tuple[str, ...], key: int, watch: Watch) -> Compared:
    """The search on each problem, and every baseline at its price."""
    thoughts = think(policy, task, search, problems, key=stream(key, "think"), watch=watch)
    scores = {"search": _scores(judge, [thought.attempt for thought in thoughts])}
    spent = float(np.mean([thought.cost.forwarded for thought in thoughts]))
    rates: Rates = {"search": _rate(scores["search"], spent) | {
        "generated": float(np.mean([thought.cost.generated for thought in thoughts]))}}

    def sampled(count: int, temperature: float) -> list[list[Attempt]]:
        attempts = play(policy, problems, count, sampling=Sampling(max_tokens, temperature, stop=stop),
                        key=stream(key, "play"))
        return [attempts[start : start + count] for start in range(0, len(attempts), count)]

    greedy = sampled(1, 0.0)
    prompt, length = _mean_tokens(sampled(FIRST_ATTEMPTS, 1.0))
    alone = _affordable(spent - prompt, length)
    valued = _affordable(spent - prompt, 2 * length + prompt)  # an answer is written, and then read with its prompt
    groups = sampled(max(alone, valued), 1.0)
    flat = [attempt for group in groups for attempt in group[:valued]]
    found = iter(values(flat))
    worth = [[float(next(found)) for _ in group[:valued]] for group in groups]
    answers = {
        "greedy": ([group[0] for group in greedy], 1, prompt + _mean_tokens(greedy)[1]),
        "best_of_n": ([group[int(np.argmax(those))] for group, those in zip(groups, worth, strict=True)], valued,
                      prompt + valued * (2 * length + prompt)),
        "majority": ([_elected(group[:alone], [1.0] * alone) for group in groups], alone, prompt + alone * length),
        "weighted": ([_elected(group[:valued], those) for group, those in zip(groups, worth, strict=True)], valued,
                     prompt + valued * (2 * length + prompt)),
    }
    for name, (chosen, count, tokens) in answers.items():
        scores[name] = _scores(judge, chosen)
        rates[name] = _rate(scores[name], tokens) | {"attempts": count}
    return Compared(rates.pop("search"), rates, _sentence(scores), scores["search"])


def _scores(judge: Judge, attempts: Sequence[Attempt]) -> list[float]:
    """[N] truth; what the judge could not decide counts 0."""
    return [verdict.score or 0.0 for verdict in judge(attempts)]


def _rate(scores: Sequence[float], tokens: float) -> dict[str, Any]:
    rate = float(np.mean(scores))
    return {"pass@1": rate, "ci": list(wilson_interval(rate, len(scores))), "tokens": tokens}


def _mean_tokens(groups: Sequence[Sequence[Attempt]]) -> tuple[float, float]:
    """Of a prompt, and of an answer."""
    attempts = [attempt for group in groups for attempt in group]
    return (float(np.mean([len(attempt.prompt_tokens) for attempt in attempts])),
            float(np.mean([len(attempt.completion.tokens) for attempt in attempts])))


def _affordable(tokens: float, each: float) -> int:
    """How many attempts, one at least."""
    return int(min(MOST_ATTEMPTS, max(1, tokens // max(1.0, each))))


def _elected(attempts: Sequence[Attempt], weights: Sequence[float]) -> Attempt:
    """The first attempt with the answer whose attempts weigh most."""
    votes: dict[str, float] = defaultdict(float)
    for attempt, weight in zip(attempts, weights, strict=True):
        votes[attempt.completion.text] += weight
    elected = max(votes, key=lambda text: votes[text])
    return next(attempt for attempt in attempts if attempt.completion.text == elected)


def _sentence(scores: dict[str, list[float]]) -> str:
    """Search against the best of the others, problem by problem."""
    best = max((name for name in scores if name != "search"), key=lambda name: float(np.mean(scores[name])))
    counts = paired_counts(scores["search"], scores[best])
    gain = 100 * float(np.mean(scores["search"]) - np.mean(scores[best]))
    against = f"{best.replace('_', ' ')} at the same tokens: {gain:+.1f} points; {counts.won} won, {counts.lost} lost"
    if sign_test(counts.won, counts.lost) <= 0.025:
        return f"search helps; against {against}"
    if sign_test(counts.lost, counts.won) <= 0.025:
        return f"search does not help, it harms; against {against}"
    return f"search does not help beyond chance; against {against}"
