"""What a search knows of the states that it came to, as labels for a process reward model.

A tree's own values are one source (a state's mean value or its proven one, weighted by its visits); the ends that a
search in training was told are another: they say for every state on the way whether a right end lies below it.
Not covered: an end that was not come to. A share of 0 says that no right end was found, not that none is there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from pawl.interfaces import Policy, StepTask
from pawl.keys import permutation
from pawl.records import Cost, Demonstration, FloatArray, Problem, StepLabel
from pawl.search.steps import text_of
from pawl.search.told import Path, ToldEnds

SOURCE = "search"


Place = tuple[str, str]
"""A state: its problem's name and its prompt."""


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


class Seen:
    """`ToldEnds`, remembering every state that it was asked about."""

    def __init__(self, told: ToldEnds) -> None:
        self.told = told
        self.open: dict[Place, Problem] = {}
        """States that are no ends."""
        self.ends: dict[Place, tuple[Problem, bool]] = {}
        """Ends that the truth decided, and whether they are right."""
        self._lengths: dict[str, set[int]] = {}
        """Of the prompts of open states, by problem: so few that those on the way to an end are soon found."""

    def __call__(self, policy: Policy, task: StepTask, states: Sequence[Path]) -> tuple[FloatArray, list[Cost]]:
        values, costs = self.told(policy, task, states)
        for path, value in zip(states, values, strict=True):
            place = path.problem.id, text_of(task.prompt(path))
            if not task.terminal(path):
                self.open[place] = path.problem
                self._lengths.setdefault(place[0], set()).add(len(place[1]))
            elif (path.problem.id, task.answer(path)) not in self.told.undecided:
                self.ends[place] = path.problem, bool(value >= 1)
        return values, costs

    def rows(self) -> list[Row]:
        """The ends that were come to, and every state on the way to one: its value is the share of right ends among the
        different ones below it, its visits are their number. A state below which no end was come to is left out."""
        return [*self._inner().values(), *(self._end(place) for place in self.ends)]

    def paths(self, count: int, key: int) -> list[list[Row]]:
        """`count` of the ends at most, each behind the states on the way to it as `rows` has them: right ends up to a
        half, drawn by `key`. A value learns little where nearly every end is wrong."""
        inner, ends = self._inner(), list(self.ends)
        drawn = [ends[i] for i in permutation(key, len(ends))]
        right = [place for place in drawn if self.ends[place][1]][: (count + 1) // 2]
        wrong = [place for place in drawn if not self.ends[place][1]][: count - len(right)]
        return [[*(inner[way] for way in self._ways(place)), self._end(place)] for place in right + wrong]

    def _inner(self) -> dict[Place, Row]:
        ends, right_ends = Counter[Place](), Counter[Place]()
        for place, (_, right) in self.ends.items():
            ways = self._ways(place)
            ends.update(ways)
            if right:
                right_ends.update(ways)
        return {place: Row(self.open[place], place[1], right_ends[place] / count, count, False)
                for place, count in ends.items()}

    def _ways(self, place: Place) -> list[Place]:
        """The states on the way to an end."""
        name, prompt = place
        ways = [(name, prompt[:length]) for length in sorted(self._lengths.get(name, ())) if length < len(prompt)]
        return [way for way in ways if way in self.open]

    def _end(self, place: Place) -> Row:
        problem, right = self.ends[place]
        return Row(problem, place[1], float(right), 1, True)
