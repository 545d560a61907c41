"""Truth as a judge: the task's own score of each attempt, kept within its time and its range.

A user's `score` may raise, hang, or return something that is no score. Then the judge abstains and says why; the
attempt's siblings are judged all the same, and the run goes on. Scoring runs in this process: what the score itself
does to files, to memory or to the interpreter is not contained, and what `pawl.time_limit` cannot stop is not stopped.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence

import numpy as np

from pawl.errors import ConfigError
from pawl.interfaces import Judge, Task
from pawl.records import Attempt, Problem, Verdict
from pawl.time_limit import TimeUp, in_words, printable, within

NAME = "truth"


def truth(task: Task, *, time_limit: float = 10.0) -> Judge:
    """A judge that asks the task. `time_limit` is in seconds for one score.

    Within a call, equal answers to one problem are scored once. An attempt that failed before it was judged gets no
    score and keeps its error.
    """
    if not 0 < time_limit < math.inf:
        raise ConfigError(f"time_limit must be a positive number of seconds, got {time_limit}")

    def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
        known: dict[tuple[str, str], Verdict] = {}
        verdicts = []
        for attempt in attempts:
            if attempt.error is not None:
                verdicts.append(Verdict(None, NAME, attempt.error))
                continue
            pair = attempt.problem.id, attempt.completion.text
            if pair not in known:
                known[pair] = _verdict(task, attempt.problem, attempt.completion.text, time_limit)
            verdicts.append(known[pair])
        return verdicts

    return judge


def _verdict(task: Task, problem: Problem, text: str, time_limit: float) -> Verdict:
    try:
        score = _checked(within(time_limit, lambda: task.score(problem, text)))
    except TimeUp as error:
        return Verdict(None, NAME, f"score {error}")
    except _NoScore as error:
        return Verdict(None, NAME, f"score must return a number in [0, 1], got {error}")
    except (Exception, SystemExit) as error:  # a user's code may raise anything; only KeyboardInterrupt is the user's
        return Verdict(None, NAME, f"score raised {in_words(error)}")
    return Verdict(score, NAME)


class _NoScore(ValueError):
    """What came back is no score."""


def _checked(score: object) -> float:
    """The score as a float. Raises _NoScore when it is not a number in [0, 1]."""
    if not isinstance(score, (numbers.Real, np.bool_)):
        raise _NoScore(f"a {type(score).__name__}")
    if score < 0 or not score <= 1:  # the latter is true of NaN
        raise _NoScore(printable(score))
    return float(score)
