"""What `pawl check NAME` asks: a task about its contract, a reward function about attempts that are made up.

A reward function, in any of the formats of `pawl.judges.adapters`, is asked about right, wrong and odd answers to
`1+1=`, as text and, where it understands none of it, as messages; or to problems of a task, whose data it may need.
A finding is a sentence; none means that nothing was found. Not covered: whether a reward measures what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from pawl import plugins, testing
from pawl.config import build, settings
from pawl.errors import ConfigError
from pawl.interfaces import Task
from pawl.judges.adapters import TELLING, Judging, names_format
from pawl.judges.formats import parameters_of
from pawl.judges.reward import GRACE, NOT_APPLIED, RewardJudge
from pawl.records import Attempt, Completion, Problem, Prompt, Verdict
from pawl.testing_ask import ODD_TEXTS, Broken, ask, shown

PROBLEMS = 3
"""Of a task that are asked about."""
PATIENCE = 15
"""Calls that may take too long before it is given up."""
SUM: tuple[Prompt, ...] = ("1+1=", ({"role": "user", "content": "1+1="},))
FORMS = ("{}", "<think>one and one</think>\n{}", "<think>one and one</think>\n<answer>{}</answer>", "\\boxed{{{}}}",
         "#### {}", "The answer is {}.")
"""How an answer may be written; a reward for form sees it in one of them."""


@settings
class Asked(Judging):
    """How a reward function is asked."""

    task: str | None = None
    """A task whose problems it is asked about, for a function that needs their data."""
    judge_seconds: Annotated[float, Field(gt=0)] = 2.0
    """What a call may take."""


def check(name: str, values: Mapping[str, Any] | None = None) -> list[str]:
    """What is wrong with the task, the judge or the reward function that a name means; a sentence each.

    `values` are the settings of a task; or of `Asked`, and of the task that it names. Raises what finding the part
    raises, and ConfigError for a value that is no setting's.
    """
    values = dict(values or {})
    if not _names_reward(name):
        part = plugins.find("tasks", name)
        if isinstance(part, type) or not _is_reward(part):
            return testing.check(build([part], values)[0] if values else part)
    task = values.get("task")
    asked, *tasks = build([Asked, *([plugins.find("tasks", task)] if task else [])], values)
    judge = replace(asked, judge=name).made()
    assert judge is not None, "it has a name"
    return check_reward(judge, attempts_at(tasks[0]) if tasks else None)


def _names_reward(name: str) -> bool:
    return names_format(name) or (":" not in name and name in plugins.names("judges"))


def _is_reward(part: Any) -> bool:
    """Whether it is a function (problem, answer) -> score, or another framework's: neither a task nor a judge."""
    if not callable(part) or hasattr(part, "problems"):
        return False
    named = parameters_of(part)
    needed = sum(one.default is one.empty for one in named.values())
    return needed > 1 or bool(TELLING.keys() & named.keys())


def check_reward(judge: RewardJudge, attempts: Sequence[Attempt] | None = None) -> list[str]:
    """What is wrong with a judge to learn from: it says nothing, the same of all, or nothing of some; and what
    `pawl.testing.check_judge` finds. Empty when nothing is."""
    choices = [attempts] if attempts is not None else [_attempts(Problem("1+1", one, "train", "2"), "3") for one in SUM]
    try:
        said = {place: _judged(judge, asked) for place, asked in enumerate(choices)}
    except Broken as broken:
        return [str(broken)]
    place = next((place for place, verdicts in said.items() if _scores(verdicts)), 0)
    asked, verdicts = choices[place], said[place]
    if not _scores(verdicts):
        return [_nothing(verdicts, told=attempts is not None)]
    faults = [f"asked about {len(asked)} attempts together, {fault}" for fault in judge.faults_together(asked)]
    return [*faults, *_silence(asked, verdicts), *testing.check_judge(judge, asked)]


def _judged(judge: RewardJudge, attempts: Sequence[Attempt]) -> list[Verdict]:
    return ask(judge.name, lambda: judge(attempts), seconds=PATIENCE * (judge.time_limit + GRACE)) or []


def _scores(verdicts: Sequence[Verdict]) -> list[float]:
    return [verdict.score for verdict in verdicts if verdict.score is not None]


def _silence(attempts: Sequence[Attempt], verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Where it gave no score, and whether those that it gave say anything."""
    scores = _scores(verdicts)
    if len(set(scores)) == 1:
        yield f"it gave each of {len(scores)} attempts, right and wrong, {scores[0]:g}: nothing can be learnt from that"
    reasons: dict[str, list[tuple[Attempt, str]]] = {}
    for attempt, verdict in zip(attempts, verdicts, strict=True):
        if verdict.score is None and verdict.error and verdict.error != NOT_APPLIED:
            kind = re.split(", got|: ", verdict.error)[0]  # errors that differ in detail are one finding
            reasons.setdefault(kind, []).append((attempt, verdict.error))
    for those in reasons.values():
        attempt, reason = those[0]
        yield (f"it gave {len(those)} of {len(attempts)} attempts no score, such as {shown(attempt.completion.text)}: "
               f"{reason}")


def _nothing(verdicts: Sequence[Verdict], *, told: bool) -> str:
    reason = verdicts[0].error if verdicts else "there are none"
    hint = "" if told else " (--task NAME asks it about the problems of a task)"
    return f"it gave none of {len(verdicts)} attempts a score: {reason}{hint}"


def attempts_at(task: Task) -> list[Attempt]:
    """Made-up attempts at a task's problems. Raises ConfigError where it has none."""
    problems = task.problems("train", PROBLEMS, 0)
    if not problems:
        raise ConfigError(f"task {task.name!r} must have train problems to ask about, got none")
    answers = [problem.answer or "0" for problem in problems]
    return [attempt for problem, other in zip(problems, [*answers[1:], "nothing"], strict=True)
            for attempt in _attempts(problem, other)]


def _attempts(problem: Problem, other: str) -> list[Attempt]:
    """The known answer and another, each in every form, and odd texts."""
    texts = [form.format(answer) for answer in (problem.answer, other) if answer is not None for form in FORMS]
    none = np.zeros(1, np.int32)
    return [Attempt(problem, index, none, Completion(text, none, np.zeros(1, np.float32), "stop"))
            for index, text in enumerate([*texts, *ODD_TEXTS.values()])]
