"""For training alone: a search that is told the truth about the ends it comes to, as a game's rules tell who won.

An evaluation never uses this: there, a search that asks the truth proves nothing, but as an upper row that says so.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pawl.interfaces import Judge, Policy, StepTask
from pawl.records import Attempt, Completion, Cost, FloatArray, Problem, Prompt, Split
from pawl.search.best_of_n import Scorer
from pawl.search.steps import Estimate

_NOTHING, _UNSAID = np.zeros(0, np.int32), np.zeros(0, np.float32)


class Path(NamedTuple):
    """A state that knows its problem."""

    problem: Problem
    state: Any


class PathsOf:
    """A task whose states know their problems; the rest is as it was."""

    def __init__(self, task: StepTask) -> None:
        self.task, self.name = task, task.name

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        return self.task.problems(split, count, seed)

    def score(self, problem: Problem, answer: str) -> float:
        return self.task.score(problem, answer)

    def start(self, problem: Problem) -> Path:
        return Path(problem, self.task.start(problem))

    def actions(self, path: Path) -> Sequence[Any] | None:
        return self.task.actions(path.state)

    def step(self, path: Path, action: Any) -> Path:
        return Path(path.problem, self.task.step(path.state, action))

    def terminal(self, path: Path) -> bool:
        return self.task.terminal(path.state)

    def prompt(self, path: Path) -> Prompt:
        return self.task.prompt(path.state)

    def parse(self, text: str) -> Any:
        return self.task.parse(text)

    def answer(self, path: Path) -> str:
        return self.task.answer(path.state)

    def key(self, path: Path) -> Hashable:
        return path.problem.id, self.task.key(path.state)


class ToldEnds:
    """An estimate of the states of `PathsOf`: ends are worth what truth says, the rest what another estimate says."""

    def __init__(self, estimate: Estimate, judge: Judge) -> None:
        self.estimate, self.judge = estimate, judge
        self.asked = self.told_right = 0
        """How often the truth was asked, and how often it said that an end was right."""
        self.right: dict[tuple[str, str], Path] = {}
        """Ends that scored 1, by problem and answer, in the order in which they were found."""
        self.undecided: set[tuple[str, str]] = set()
        """Ends of which the truth said nothing, by problem and answer."""

    def __call__(self, policy: Policy, task: StepTask, states: Sequence[Path]) -> tuple[FloatArray, list[Cost]]:
        values, costs = np.zeros(len(states), np.float32), [Cost()] * len(states)
        open_ = [i for i, path in enumerate(states) if not task.terminal(path)]
        if open_:
            found, spent = self.estimate(policy, task, [states[i] for i in open_])
            for i, value, cost in zip(open_, found, spent, strict=True):
                values[i], costs[i] = value, cost
        ended = sorted(set(range(len(states))) - set(open_))
        values[ended] = self._told(task, [states[i] for i in ended])
        return values, costs

    def _told(self, task: StepTask, paths: Sequence[Path]) -> list[float]:
        """Scores of ends; one that the judge cannot decide is worth nothing."""
        answers = [task.answer(path) for path in paths]
        said = [Completion(answer, _NOTHING, _UNSAID, "stop") for answer in answers]
        verdicts = self.judge([Attempt(path.problem, 0, _NOTHING, completion, "search")
                               for path, completion in zip(paths, said, strict=True)])
        self.asked += len(paths)
        for path, answer, verdict in zip(paths, answers, verdicts, strict=True):
            if verdict.score == 1:
                self.told_right += 1
                self.right.setdefault((path.problem.id, answer), path)
            elif verdict.score is None:
                self.undecided.add((path.problem.id, answer))
        return [verdict.score or 0.0 for verdict in verdicts]


def told_answers(judge: Judge) -> Scorer:
    """A scorer of whole attempts that is the truth. Best of n by it is pass@n: what a perfect choice would come to.
    What the judge cannot decide is worth nothing."""
    def score(attempts: Sequence[Attempt]) -> tuple[FloatArray, list[Cost]]:
        verdicts = judge(attempts)
        return np.array([verdict.score or 0.0 for verdict in verdicts], np.float32), [Cost()] * len(attempts)

    return score
