"""A policy meets a task: problems to attempts, with search or without, and two policies on the same problems to
evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pawl.errors import ConfigError
from pawl.interfaces import Early, Judge, Policy, Remembers, Search, SearchOfPaths, StepTask, Task
from pawl.keys import row_keys, stream
from pawl.records import (
    Attempt,
    Choice,
    Completion,
    Cost,
    Demonstration,
    Evidence,
    FloatArray,
    IntArray,
    Problem,
    Sampling,
    Verdict,
)

TOGETHER = 4096
"""Attempts between two reports of progress."""

PART_TOKENS, SMALLEST_PART = 1 << 17, 1024
"""Tokens, about, after which a judge that can begin early is handed what was drawn, and fewest attempts."""

MOST_STEPS = 64
"""Steps of a path, at most."""

LOOKED_AT = 512
"""Problems whose trees are grown at one time by `look`."""

Watch = Callable[[int, int], None]


def play(
    policy: Policy,
    problems: Sequence[Problem],
    count: int,
    *,
    sampling: Sampling,
    key: int,
    first: int = 0,
    judge: Judge | None = None,
    watch: Watch = lambda done, total: None,
) -> list[Attempt]:
    """`count` attempts at each problem, in problem order then attempt order; `key` names the random streams.

    Attempts are numbered from `first` on: drawn in parts, they are the same ones as drawn at once. A prompt that the
    policy cannot take becomes attempts with an error, and the others go on. A `judge` that will be asked about them and
    can begin early is handed what has been drawn while the rest is.
    """
    prefixes = [policy.encode(problem.prompt) for problem in problems]
    errors = [why_unfit(prefix, policy.context, sampling.max_tokens) for prefix in prefixes]
    fitting = [i for i, error in enumerate(errors) if error is None]
    keys = row_keys(key, [problem.id for problem in problems], first + count)[:, first:]
    expect = judge.expect if isinstance(judge, Early) else _silent
    groups = [[Attempt(problem, first + index, prefix, _NOTHING, error=error) for index in range(count if error else 0)]
              for problem, prefix, error in zip(problems, prefixes, errors, strict=True)]
    size = max(1, (_part(sampling) if isinstance(judge, Early) else TOGETHER) // count)
    for start in range(0, len(fitting), size):
        members = fitting[start : start + size]
        proposed = policy.propose([prefixes[i] for i in members], count, sampling=sampling, keys=keys[members])
        for i, completions in zip(members, proposed, strict=True):
            groups[i] = [Attempt(problems[i], first + index, prefixes[i], completion)
                         for index, completion in enumerate(completions)]
        expect([attempt for i in members for attempt in groups[i]])
        watch((start + len(members)) * count, len(problems) * count)
    return [attempt for group in groups for attempt in group]


def _part(sampling: Sampling) -> int:
    """Attempts that are drawn before a judge is handed them. Small parts take longer: the last threads of each wait."""
    return min(TOGETHER, max(SMALLEST_PART, PART_TOKENS // sampling.max_tokens))


def _silent(attempts: Sequence[Attempt]) -> None:
    """Nobody expects them."""


_NOTHING = Completion("", np.zeros(0, np.int32), np.zeros(0, np.float32), "length")


def why_unfit(prefix: IntArray, context: int, max_tokens: int) -> str | None:
    """Why a policy of such a context cannot go on from a prompt [P] for so many tokens; None where it can."""
    if len(prefix) == 0:
        return "sample: the prompt has no tokens"
    if len(prefix) + max_tokens > context:
        return f"sample: {len(prefix)} prompt tokens and {max_tokens} new ones exceed the model's {context}"
    return None


@dataclass(frozen=True, slots=True)
class Thought:
    """An attempt that search made, with what it thought on the way."""

    attempt: Attempt
    choices: tuple[Choice, ...]
    """One for each time the search was asked, and a last one without an action where there was none to take."""
    cost: Cost


def think(
    policy: Policy,
    task: Task,
    search: Search,
    problems: Sequence[Problem],
    *,
    key: int,
    most_steps: int = MOST_STEPS,
    watch: Watch = lambda done, total: None,
) -> list[Thought]:
    """One attempt at each problem, a searched step (or the steps that a search decides at once) after the other; `key`
    names the random streams.

    A policy that can is remembering all the while: states that begin alike are read once. A path on which nothing can
    be done, or that does not end, is an attempt with an error. Raises ConfigError for a task without steps.
    """
    if not isinstance(task, StepTask):
        raise ConfigError(f"a search over steps must have a task with steps, got {task.name!r}",
                          hint="the task needs start, actions, step, terminal, prompt, parse, answer and key")
    if isinstance(search, SearchOfPaths):
        search = search.begin()
    choices: list[list[Choice]] = [[] for _ in problems]
    states = [task.start(problem) for problem in problems]
    taken = [0] * len(problems)
    under_way = [i for i, state in enumerate(states) if not task.terminal(state)]
    with policy.remembering() if isinstance(policy, Remembers) else nullcontext():
        for turn in range(most_steps):
            if not under_way:
                break
            keys = row_keys(stream(key, turn), [problems[i].id for i in under_way], 1)[:, 0]
            for i, choice in zip(under_way, search(policy, task, [states[i] for i in under_way], keys), strict=True):
                choices[i].append(choice)
                for action in choice.steps[: most_steps - taken[i]]:
                    states[i], taken[i] = task.step(states[i], action), taken[i] + 1
            under_way = [i for i in under_way if choices[i][-1].action is not None and taken[i] < most_steps
                         and not task.terminal(states[i])]
            watch(len(problems) - len(under_way), len(problems))
    errors = [_failure(task, *end) for end in zip(states, choices, strict=True)]
    answers = [None if error else task.answer(state) for state, error in zip(states, errors, strict=True)]
    attempts = [replace(attempt, error=error)
                for attempt, error in zip(written(policy, problems, answers), errors, strict=True)]
    return [Thought(attempt, tuple(chosen), sum((choice.cost for choice in chosen), Cost()))
            for attempt, chosen in zip(attempts, choices, strict=True)]


def look(policy: Policy, task: StepTask, search: Search, problems: Sequence[Problem], *, key: int,
         watch: Watch = lambda done, total: None) -> list[Choice]:
    """The choice of a search at the start of each problem, none of which may be at its end there; for searches whose
    trees say more than their choice. `key` names the random streams."""
    choices: list[Choice] = []
    with policy.remembering() if isinstance(policy, Remembers) else nullcontext():
        for first in range(0, len(problems), LOOKED_AT):
            part = problems[first : first + LOOKED_AT]
            keys = row_keys(key, [problem.id for problem in part], 1)[:, 0]
            choices += search(policy, task, [task.start(problem) for problem in part], keys)
            watch(len(choices), len(problems))
    return choices


def _failure(task: StepTask, state: Any, choices: Sequence[Choice]) -> str | None:
    """Why a path has no answer."""
    if task.terminal(state):
        return None
    return "search: the steps do not end" if choices[-1].action is not None else "search: no legal step was proposed"


def written(policy: Policy, problems: Sequence[Problem], answers: Sequence[str | None]) -> list[Attempt]:
    """Answers that search found as the policy would have written them, with their log-probabilities under it; None is
    an empty one."""
    tokens = [policy.encode_demonstration(Demonstration(problem.prompt, answer or ""))
              for problem, answer in zip(problems, answers, strict=True)]
    logprobs = policy.logprobs([prompt for prompt, _ in tokens], [completion for _, completion in tokens])
    return [
        Attempt(problem, 0, prompt, _NOTHING if answer is None else Completion(answer, completion, chances, "stop"),
                source="search")
        for problem, answer, (prompt, completion), chances in zip(problems, answers, tokens, logprobs, strict=True)
    ]


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
    attempts: list[Attempt] = []
    for turn, policy in enumerate((candidate, champion)):
        attempts += play(policy, problems, 1, sampling=greedy, key=0, judge=judge,
                         watch=lambda done, total, turn=turn: watch(turn * total + done, 2 * total))  # type: ignore[misc]
    verdicts = judge(attempts)
    ours, theirs = verdicts[: len(problems)], verdicts[len(problems) :]
    decided = [i for i in range(len(problems)) if ours[i].score is not None and theirs[i].score is not None]
    evidence = Evidence(_scores(ours, decided), _scores(theirs, decided), generation, generations)
    return Contest(evidence, [problems[i].id for i in decided], [attempts[i] for i in decided],
                   len(problems) - len(decided))


def _scores(verdicts: Sequence[Verdict], places: Sequence[int]) -> FloatArray:
    return np.array([verdicts[i].score for i in places], dtype=np.float32)
