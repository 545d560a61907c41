"""One score of a task as a verdict, kept within its time and its range.

A user's `score` may raise, hang, or return something that is no score. Then there is no score but a reason in words.
Not covered: what the score does to files, to memory or to the interpreter, and what `pawl.time_limit` cannot stop;
`pawl.judges.pool` contains these.
"""

from __future__ import annotations

import numbers

import numpy as np

from pawl.interfaces import Task
from pawl.records import Problem, Verdict
from pawl.time_limit import TimeUp, in_words, printable, within

NAME = "truth"


def verdict_on(task: Task, problem: Problem, answer: str, *, time_limit: float) -> Verdict:
    """What the task's own score says of an answer; `time_limit` in seconds."""
    try:
        score = _checked(within(time_limit, lambda: task.score(problem, answer)))
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
