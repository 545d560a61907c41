"""A policy meets a task: problems to attempts, and two policies on the same problems to evidence.

Not covered: search over steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pawl.interfaces import Judge, Policy
from pawl.keys import row_keys
from pawl.records import Attempt, Completion, Evidence, FloatArray, IntArray, Problem, Sampling, Verdict

TOGETHER = 4096
"""Attempts between two reports of progress."""

Watch = Callable[[int, int], None]


def play(
    policy: Policy,
    problems: Sequence[Problem],
    count: int,
    *,
    sampling: Sampling,
    key: int,
    watch: Watch = lambda done, total: None,
) -> list[Attempt]:
    """`count` attempts at each problem, in problem order then attempt order; `key` names the random streams.

    A prompt that the policy cannot take becomes attempts with an error, and the others go on.
    """
    prefixes = [policy.encode(problem.prompt) for problem in problems]
    errors = [_too_long(prefix, policy.context, sampling.max_tokens) for prefix in prefixes]
    fitting = [i for i, error in enumerate(errors) if error is None]
    keys = row_keys(key, [problem.id for problem in problems], count)
    completions: dict[int, list[Completion]] = {}
    size = max(1, TOGETHER // count)
    for start in range(0, len(fitting), size):
        members = fitting[start : start + size]
        proposed = policy.propose([prefixes[i] for i in members], count, sampling=sampling, keys=keys[members])
        completions.update(zip(members, proposed, strict=True))
        watch((start + len(members)) * count, len(problems) * count)
    return [
        Attempt(problem, index, prefixes[i], completion, error=errors[i])
        for i, problem in enumerate(problems)
        for index, completion in enumerate(completions.get(i, [_NOTHING] * count))
    ]


_NOTHING = Completion("", np.zeros(0, np.int32), np.zeros(0, np.float32), "length")


def _too_long(prefix: IntArray, context: int, max_tokens: int) -> str | None:
    if len(prefix) == 0:
        return "sample: the prompt has no tokens"
    if len(prefix) + max_tokens > context:
        return f"sample: {len(prefix)} prompt tokens and {max_tokens} new ones exceed the model's {context}"
    return None


@dataclass(frozen=True, slots=True)
class Contest:
    """Candidate and champion on the same problems."""

    evidence: Evidence
    problem_ids: list[str]
    """[N] in the evidence's order; a problem that the judge could not decide for both is left out."""
    attempts: list[Attempt]
    """The candidate's, on those problems."""
    left_out: int


def contest(
    candidate: Policy,
    champion: Policy,
    problems: Sequence[Problem],
    judge: Judge,
    *,
    max_tokens: int,
    stop: tuple[str, ...],
    generation: int,
    generations: int,
    watch: Watch = lambda done, total: None,
) -> Contest:
    """Both policies answer each problem once, greedily; the judge scores both."""
    greedy = Sampling(max_tokens=max_tokens, temperature=0.0, stop=stop)
    sides = []
    for turn, policy in enumerate((candidate, champion)):
        attempts = play(policy, problems, 1, sampling=greedy, key=0,
                        watch=lambda done, total, turn=turn: watch(turn * total + done, 2 * total))  # type: ignore[misc]
        sides.append((attempts, judge(attempts)))
    (attempts, ours), (_, theirs) = sides
    decided = [i for i in range(len(problems)) if ours[i].score is not None and theirs[i].score is not None]
    evidence = Evidence(_scores(ours, decided), _scores(theirs, decided), generation, generations)
    return Contest(evidence, [problems[i].id for i in decided], [attempts[i] for i in decided],
                   len(problems) - len(decided))


def _scores(verdicts: Sequence[Verdict], places: Sequence[int]) -> FloatArray:
    return np.array([verdicts[i].score for i in places], dtype=np.float32)
