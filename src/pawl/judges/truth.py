"""Truth as a judge: the task's own score of each attempt, kept within its time and its range.

Quick scores are made in this process, one after the other. Where they are slow, processes of their own make them, as
many at a time as there are cores, while the policy samples on. How long they take decides about speed alone: the
verdicts are the same. A task may say itself how many processes score (`ScoredApart`).

Not covered: a score that another process would see otherwise, as one that counts its calls.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Container, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice

from pawl.errors import ConfigError, TaskError
from pawl.interfaces import Judge, ScoredApart, Task
from pawl.judges.pool import Pool, Unfit
from pawl.judges.score import NAME, verdict_on
from pawl.records import Attempt, Problem, Verdict

FEW = 4
"""Scores by which it is seen whether they are slow; the slowest does not count, for it may be the first. Where they
take seconds, fewer are enough."""
SLOW = 2e-3
"""Seconds of a score from which on another process is worth it: to ask one takes a tenth of a millisecond."""
WORTH = 1.0
"""Seconds of scores that must be left: to start a process takes about half a second."""

Question = tuple[str, str]
"""A problem's name and an answer to it."""
Questions = Mapping[Question, Problem]


def truth(task: Task, *, workers: int | None = None, time_limit: float = 10.0) -> Judge:
    """A judge that asks the task, and can begin before it is asked. `time_limit` is in seconds for one score.

    So many `workers` score at a time, each a process; 0 is this process; None is what the task says or, if it says
    nothing, this process until scores prove slow. A worker that crashes or hangs is replaced, and its attempt gets no
    score. Within a call, equal answers to one problem are scored once. An attempt that failed before it was judged gets
    no score and keeps its error.
    """
    if not 0 < time_limit < math.inf:
        raise ConfigError(f"time_limit must be a positive number of seconds, got {time_limit}")
    if workers is None and isinstance(task, ScoredApart):
        workers = task.score_workers
    if workers is not None and not (isinstance(workers, int) and workers >= 0):
        raise ConfigError(f"processes that score must be a whole number, 0 or more, got {workers!r}")
    return Truth(task, workers, time_limit)


class Truth:
    """Implements `Early`; what `truth` gives back."""

    def __init__(self, task: Task, workers: int | None, time_limit: float) -> None:
        self._task, self._workers, self._time_limit = task, workers, time_limit
        self._expected: dict[Question, Future[Verdict]] = {}
        """What was begun before it was asked for."""
        self._pool: Pool | None = None
        self._may_staff = workers is None
        """Whether there may be a pool where there is none yet."""
        if workers:
            self._staff(workers)

    def expect(self, attempts: Sequence[Attempt]) -> None:
        questions = _questions(attempts, besides=self._expected)
        if self._pool is None and self._may_staff:
            self._expected |= self._here(questions, most=FEW)
        self._expected |= self._elsewhere(questions, besides=self._expected)

    def __call__(self, attempts: Sequence[Attempt]) -> list[Verdict]:
        questions = _questions(attempts)
        begun = {question: self._expected.pop(question) for question in questions if question in self._expected}
        if self._pool is None:
            begun |= self._here(_questions(attempts, besides=begun))
        begun |= self._elsewhere(questions, besides=begun)
        verdicts = {question: self._settled(begun[question], problem, question[1])
                    for question, problem in questions.items()}
        return [Verdict(None, NAME, attempt.error) if attempt.error is not None else verdicts[_question(attempt)]
                for attempt in attempts]

    def _here(self, questions: Questions, most: int | None = None) -> dict[Question, Future[Verdict]]:
        """Verdicts made in this process: of `most` questions at most, and of fewer when a pool is worth it."""
        made: dict[Question, Future[Verdict]] = {}
        pace = _Pace()
        for question, problem in islice(questions.items(), most):
            started = time.perf_counter()
            verdict = verdict_on(self._task, problem, question[1], time_limit=self._time_limit)
            pace.note(time.perf_counter() - started)
            made[question] = Future()
            made[question].set_result(verdict)
            if self._may_staff and pace.is_slow(left=len(questions) - len(made)):
                self._staff(_cores())
                if self._pool is not None:
                    break
        return made

    def _elsewhere(self, questions: Questions, besides: Container[Question]) -> dict[Question, Future[Verdict]]:
        """Verdicts that the pool will make, where there is one."""
        if self._pool is None:
            return {}
        return {question: self._pool.score(problem, question[1])
                for question, problem in questions.items() if question not in besides}

    def _settled(self, begun: Future[Verdict], problem: Problem, answer: str) -> Verdict:
        try:
            return begun.result()
        except Unfit as error:
            self._do_without(error)
        return verdict_on(self._task, problem, answer, time_limit=self._time_limit)

    def _staff(self, workers: int) -> None:
        try:
            self._pool = Pool(self._task, workers, time_limit=self._time_limit, small=self._workers is None)
        except Unfit as error:
            self._do_without(error)

    def _do_without(self, error: Unfit) -> None:
        """From now on scores are made here. Raises TaskError where the processes were asked for."""
        if self._workers:
            raise TaskError(f"task {self._task.name!r} must be such that other processes can score it: {error}",
                            hint="a class made with pawl.settings is made anew there; with 0 of them scores stay here")
        self._pool, self._may_staff = None, False


@dataclass(slots=True)
class _Pace:
    """How long scores take."""

    total: float = 0.0
    longest: float = 0.0
    count: int = 0

    def note(self, seconds: float) -> None:
        self.total, self.longest, self.count = self.total + seconds, max(self.longest, seconds), self.count + 1

    def is_slow(self, *, left: int) -> bool:
        """Whether so many more of them are worth a pool."""
        known = self.total - self.longest
        if self.count < FEW and known < WORTH:
            return False
        mean = known / (self.count - 1)
        return mean >= SLOW and mean * left >= WORTH


def _question(attempt: Attempt) -> Question:
    return attempt.problem.id, attempt.completion.text


def _questions(attempts: Sequence[Attempt], besides: Container[Question] = ()) -> dict[Question, Problem]:
    """What there is to ask of attempts that did not fail, in their order."""
    return {_question(attempt): attempt.problem for attempt in attempts
            if attempt.error is None and _question(attempt) not in besides}


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
