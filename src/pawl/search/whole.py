"""Whole answers as steps: any task as one in which the first step, the answer, is the last.

So a search over whole answers is a search like any other, and `pawl.play.think` strings its choices like any other's.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import NamedTuple

from pawl.interfaces import Canonical, Task
from pawl.records import Problem, Prompt, Split


class Asked(NamedTuple):
    """A problem, and the answer to it when there is one."""

    problem: Problem
    answer: str | None = None


class WholeAnswers:
    """A task with steps, made of any task: a problem is where a path starts, and an answer ends it."""

    def __init__(self, task: Task) -> None:
        self.task, self.name, self.canonical = task, task.name, canonical_of(task)

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        return self.task.problems(split, count, seed)

    def score(self, problem: Problem, answer: str) -> float:
        return self.task.score(problem, answer)

    def start(self, problem: Problem) -> Asked:
        return Asked(problem)

    def actions(self, state: Asked) -> None:
        """Open-ended."""

    def step(self, state: Asked, action: str) -> Asked:
        return Asked(state.problem, action)

    def terminal(self, state: Asked) -> bool:
        return state.answer is not None

    def prompt(self, state: Asked) -> Prompt:
        """The problem's, and the answer after it, as the assistant's where the prompt is messages."""
        prompt = state.problem.prompt
        if state.answer is None:
            return prompt
        if isinstance(prompt, str):
            return prompt + state.answer
        return (*prompt, {"role": "assistant", "content": state.answer})

    def parse(self, text: str) -> str:
        return text

    def answer(self, state: Asked) -> str:
        return state.answer or ""

    def key(self, state: Asked) -> Hashable:
        return state.problem.id, state.answer


def canonical_of(task: Task) -> Callable[[str], Hashable]:
    """What an answer says, as the task sees it; where it does not tell, the text without blanks around it."""
    return task.canonical if isinstance(task, Canonical) else _text


def _text(answer: str) -> Hashable:
    return answer.strip() or None
