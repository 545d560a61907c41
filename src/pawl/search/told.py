"""For training alone: a search that is told the truth about the ends it comes to, as a game's rules tell who won.

An evaluation never uses this: there, a search that asks the truth proves nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np

from pawl.interfaces import Policy, StepTask
from pawl.records import Cost, FloatArray, Problem, Split
from pawl.search.steps import Estimate


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

    def prompt(self, path: Path) -> str:
        return self.task.prompt(path.state)

    def parse(self, text: str) -> Any:
        return self.task.parse(text)

    def answer(self, path: Path) -> str:
        return self.task.answer(path.state)

    def key(self, path: Path) -> Hashable:
        return path.problem.id, self.task.key(path.state)


class ToldEnds:
    """An estimate of the states of `PathsOf`: ends are worth what truth says, the rest what another estimate says."""

    def __init__(self, estimate: Estimate) -> None:
        self.estimate = estimate
        self.asked = self.told_right = 0
        """How often the truth was asked, and how often it said that an end was right."""
        self.right: dict[tuple[str, str], Path] = {}
        """Ends that scored 1, by problem and answer, in the order in which they were found."""

    def __call__(self, policy: Policy, task: StepTask, states: Sequence[Path]) -> tuple[FloatArray, list[Cost]]:
        values, costs = np.zeros(len(states), np.float32), [Cost()] * len(states)
        open_ = [i for i, path in enumerate(states) if not task.terminal(path)]
        if open_:
            found, spent = self.estimate(policy, task, [states[i] for i in open_])
            for i, value, cost in zip(open_, found, spent, strict=True):
                values[i], costs[i] = value, cost
        for i in set(range(len(states))) - set(open_):
            values[i] = self._told(task, states[i])
        return values, costs

    def _told(self, task: StepTask, path: Path) -> float:
        answer = task.answer(path)
        self.asked += 1
        score = task.score(path.problem, answer)
        if score == 1:
            self.told_right += 1
            self.right.setdefault((path.problem.id, answer), path)
        return score
