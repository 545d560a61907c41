"""What puzzles share that combine numbers two at a time until one is left: states, paths, random play, a solver.

A task says which actions are legal, what each leaves, and how a step is written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from pawl.interfaces import IllegalAction
from pawl.keys import permutation, stream
from pawl.records import Demonstration, Problem, Split
from pawl.tasks.arithmetic import Apply, NotArithmetic

Numbers = tuple[Any, ...]
"""Sorted; of ints, or of ints and fractions."""


@dataclass(frozen=True, slots=True)
class State:
    """What is left on the table and how it came there."""

    problem: Problem
    numbers: Numbers
    steps: tuple[Any, ...] = ()


class Combining(ABC):
    """A task whose problems have `numbers` and a `target` in their data."""

    name: str

    @property
    @abstractmethod
    def _by_split(self) -> Mapping[Split, Sequence[Problem]]:
        """Every distinct problem."""

    @abstractmethod
    def actions(self, state: State) -> Sequence[Any]: ...

    @abstractmethod
    def after(self, numbers: Numbers, action: Any) -> Numbers:
        """The numbers that an action leaves. Raises IllegalAction."""

    @staticmethod
    def wording(numbers: Sequence[int], target: int) -> str:
        """The prompt of a problem with the numbers in this order."""
        return f"{' '.join(map(str, numbers))}={target}\n"

    @abstractmethod
    def parse(self, text: str) -> Any: ...

    def canonical(self, answer: str) -> Hashable:
        """The steps, `3+7=10` and `7+3=10` being one; of any other text the text."""
        try:
            return tuple(map(self.parse, answer.strip("\n").split("\n")))
        except IllegalAction:
            return answer.strip() or None

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        table = self._by_split[split]
        order = permutation(stream(seed, self.name, split), len(table))
        return [table[i] for i in order[:count]]

    def variants(self, problem: Problem) -> list[str]:
        """The problem with its numbers in every other order."""
        orders = sorted(set(permutations(problem.data["numbers"])) - {tuple(problem.data["numbers"])})
        return [self.wording(order, problem.data["target"]) for order in orders]

    # The rules, for search over steps.

    def start(self, problem: Problem) -> State:
        return State(problem, tuple(sorted(problem.data["numbers"])))

    def step(self, state: State, action: Any) -> State:
        return State(state.problem, self.after(state.numbers, action), (*state.steps, action))

    def terminal(self, state: State) -> bool:
        return len(state.numbers) == 1

    def prompt(self, state: State) -> str:
        return str(state.problem.prompt) + "".join(f"{step}\n" for step in state.steps)

    def answer(self, state: State) -> str:
        return "\n".join(map(str, state.steps))

    def key(self, state: State) -> Hashable:
        return state.numbers, state.problem.data["target"]

    # Real text: legal play that does not look at the target.

    def corpus(self, count: int, seed: int) -> list[Demonstration]:
        """Random legal play on train problems: the rules, and nothing about how to reach a target."""
        train = self._by_split["train"]
        random = np.random.default_rng(stream(seed, self.name, "corpus"))
        ends = [self.random_play(train[i], random) for i in random.integers(len(train), size=count)]
        return [Demonstration(end.problem.prompt, self.answer(end)) for end in ends]

    def random_play(self, problem: Problem, random: np.random.Generator) -> State:
        """The state in which random legal steps end."""
        state = self.start(problem)
        while not self.terminal(state):
            actions = self.actions(state)
            state = self.step(state, actions[int(random.integers(len(actions)))])
        return state

    def solutions(self, problem: Problem) -> Iterator[str]:
        """Every path of legal steps to the target, as answers: an exact solver, to compare with and to test by."""
        yield from self._solve(self.start(problem))

    def _solve(self, state: State) -> Iterator[str]:
        if self.terminal(state):
            if state.numbers[0] == state.problem.data["target"]:
                yield self.answer(state)
            return
        for action in self.actions(state):
            yield from self._solve(self.step(state, action))


def taken(numbers: Numbers, left: Any, operator: str, right: Any, apply: Apply) -> Numbers:
    """Sorted numbers after `left operator right`; raises IllegalAction when it uses one that is not there or leaves a
    negative."""
    rest = list(numbers)
    for number in (left, right):
        if number not in rest:
            raise IllegalAction(f"{number} is not among {[str(each) for each in rest]}")
        rest.remove(number)
    try:
        value = apply(operator, left, right)
    except NotArithmetic as error:
        raise IllegalAction(str(error)) from error
    if value < 0:
        raise IllegalAction(f"{left}-{right} is negative")
    return tuple(sorted((*rest, value)))
