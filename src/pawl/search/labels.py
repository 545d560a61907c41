"""What a search knows of the states that it came to, as labels for a process reward model.

A tree's own values are one source (a state's mean value or its proven one, weighted by its visits); the ends that a
search in training was told are another: they say for every state on the way whether a right end lies below it.
Not covered: an end that was not come to. A share of 0 says that no right end was found, not that none is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from pawl.interfaces import Policy, StepTask
from pawl.records import Cost, Demonstration, FloatArray, Problem, StepLabel
from pawl.search.told import Path, ToldEnds

SOURCE = "search"


class Row(NamedTuple):
    """A state of a search."""

    problem: Problem
    prompt: str
    """What a policy reads in this state: the problem and the steps so far."""
    value: float
    """In [0, 1]."""
    visits: float
    """How much the value weighs; a state that was never visited weighs nothing and teaches nothing."""
    terminal: bool


def state_labels(policy: Policy, rows: Iterable[Row]) -> list[StepLabel]:
    """A label for each state that was visited, with the tokens that the policy reads there."""
    lengths: dict[str, int] = {}
    labels = []
    for row in rows:
        if row.visits <= 0:
            continue
        if row.problem.id not in lengths:
            lengths[row.problem.id] = len(policy.encode(row.problem.prompt))
        # What ends a text ends an answer too: no line follows, but the end token.
        tokens = policy.encode(row.prompt.rstrip("\n") if row.terminal else row.prompt)
        if row.terminal:
            end = policy.encode_demonstration(Demonstration(row.problem.prompt, ""))[1][-1:]
            tokens = np.concatenate((tokens, end))
        labels.append(StepLabel(row.problem.id, tokens, lengths[row.problem.id], float(row.value), SOURCE,
                                weight=float(row.visits), ended=row.terminal))
    return labels


class Remembered:
    """`ToldEnds`, remembering every state that it was asked about."""

    def __init__(self, told: ToldEnds) -> None:
        self.told = told
        self.open: dict[tuple[str, str], Problem] = {}
        """States that are no ends, by problem and prompt."""
        self.ends: dict[tuple[str, str], tuple[Problem, bool]] = {}
        """Ends that the truth decided, and whether they are right, by problem and prompt."""

    def __call__(self, policy: Policy, task: StepTask, states: Sequence[Path]) -> tuple[FloatArray, list[Cost]]:
        values, costs = self.told(policy, task, states)
        for path, value in zip(states, values, strict=True):
            place = path.problem.id, task.prompt(path)
            if not task.terminal(path):
                self.open[place] = path.problem
            elif (path.problem.id, task.answer(path)) not in self.told.undecided:
                self.ends[place] = path.problem, bool(value >= 1)
        return values, costs

    def rows(self) -> list[Row]:
        """The ends that were come to, and every state on the way to one: its value is the share of right ends among the
        different ones below it, its visits are their number. A state below which no end was come to is left out."""
        below: dict[tuple[str, str], list[bool]] = {}
        for (name, prompt), (_, right) in self.ends.items():
            for end in range(len(prompt)):
                if (place := (name, prompt[:end])) in self.open:
                    below.setdefault(place, []).append(right)
        inner = [Row(self.open[place], place[1], float(np.mean(found)), len(found), False)
                 for place, found in below.items()]
        return inner + [Row(problem, prompt, float(right), 1, True)
                        for (_, prompt), (problem, right) in self.ends.items()]
