"""Countdown: combine all the numbers, each once, with + - * and exact / to reach the target.

A problem is a sorted tuple of numbers and a target that can be reached. An answer is the steps of a solution, one a
line (`7*3=21`), each of which takes two numbers that are there and leaves their result; or one expression over all
the numbers (`(7*3)+3`). Both are judged exactly, by a parser of our own.

Steps never leave a negative number: with a positive target nothing is lost, since `a-(b-c)` is also `(a+c)-b`.
Expressions may pass through negative values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations, combinations_with_replacement
from math import comb

from pawl.config import settings
from pawl.errors import ConfigError
from pawl.interfaces import IllegalAction
from pawl.records import SPLITS, Problem, Split
from pawl.tasks.arithmetic import LONGEST_TEXT, NotArithmetic, apply, evaluate
from pawl.tasks.combining import Combining, Numbers, State, taken
from pawl.tasks.splits import split_of

MOST_HANDS = 50_000
"""Different multisets of numbers; four numbers up to 20 are 8,855 and take ten seconds."""


@dataclass(frozen=True)  # without slots, so that its line is written once: a search asks for it again and again
class Action:
    """`left operator right`, with left >= right."""

    left: int
    operator: str
    right: int

    def __str__(self) -> str:
        return self.line

    @cached_property
    def line(self) -> str:
        return f"{self.left}{self.operator}{self.right}={apply(self.operator, self.left, self.right)}"


@settings
class Countdown(Combining):
    """The task; its fields are its settings."""

    numbers: int = 3
    """How many numbers a problem has."""
    max_number: int = 20
    """The largest number."""
    min_target: int = 1
    """The smallest target."""
    max_target: int = 99
    """The largest target."""

    name = "countdown"

    def __post_init__(self) -> None:
        if not 2 <= self.numbers <= 5:
            raise ConfigError(f"numbers must be 2 to 5, got {self.numbers}")
        if not 1 <= self.max_number <= 100:
            raise ConfigError(f"max_number must be 1 to 100, got {self.max_number}")
        if not 1 <= self.min_target <= self.max_target:
            raise ConfigError(f"targets must run from 1 or more up, got {self.min_target} to {self.max_target}")
        if (hands := comb(self.max_number + self.numbers - 1, self.numbers)) > MOST_HANDS:
            raise ConfigError(
                f"numbers and max_number must make {MOST_HANDS} hands at most, got {hands}",
                hint="every hand is solved when the problems are listed; lower max_number",
            )

    @cached_property
    def _by_split(self) -> dict[Split, list[Problem]]:
        """Every distinct problem, listed by split."""
        table: dict[Split, list[Problem]] = {split: [] for split in SPLITS}
        for numbers in combinations_with_replacement(range(1, self.max_number + 1), self.numbers):
            for target in sorted(reachable(numbers)):
                if self.min_target <= target <= self.max_target:
                    problem = self.problem(numbers, target)
                    table[problem.split].append(problem)
        if not any(table.values()):
            raise ConfigError(f"a target from {self.min_target} to {self.max_target} must be reachable, got none")
        return table

    @staticmethod
    def problem(numbers: Sequence[int], target: int) -> Problem:
        """The problem of these numbers, in any order, and this target."""
        numbers = tuple(sorted(numbers))
        words = " ".join(map(str, numbers))
        return Problem(
            id=f"{words}={target}",
            prompt=Countdown.wording(numbers, target),
            split=split_of(f"countdown {words}={target}"),
            data={"numbers": list(numbers), "target": target},
        )

    def score(self, problem: Problem, answer: str) -> float:
        numbers, target = sorted(problem.data["numbers"]), problem.data["target"]
        if len(answer) > LONGEST_TEXT:
            return 0.0
        lines = answer.strip("\n").split("\n")
        try:
            if "=" in lines[0]:
                return float(self._play(numbers, lines) == (target,))
            value, used = evaluate("\n".join(lines))
            return float(value == target and sorted(used) == numbers)
        except (NotArithmetic, IllegalAction):
            return 0.0

    def solved_by(self, problem: Problem, answer: str) -> Problem | None:
        """The problem with these numbers whose target a legal answer reached instead."""
        numbers = sorted(problem.data["numbers"])
        try:
            left = self._play(numbers, answer.strip("\n").split("\n")) if len(answer) <= LONGEST_TEXT else ()
        except (NotArithmetic, IllegalAction):
            return None
        if len(left) != 1 or not self.min_target <= left[0] <= self.max_target:
            return None
        return self.problem(numbers, left[0])

    def _play(self, numbers: Sequence[int], lines: Sequence[str]) -> Numbers:
        """The numbers left after the steps; raises where one is illegal."""
        left = tuple(numbers)
        for line in lines:
            left = self.after(left, self.parse(line))
        return left

    def actions(self, state: State) -> Sequence[Action]:
        return legal_actions(state.numbers)

    def after(self, numbers: Numbers, action: Action) -> Numbers:
        return taken(numbers, action.left, action.operator, action.right, apply)

    def parse(self, text: str) -> Action:
        """The step `a+b=c` that a line states; raises IllegalAction when it is no step or its result is wrong."""
        return parsed(text)


@lru_cache(maxsize=100_000)
def parsed(text: str) -> Action:
    """`Countdown.parse`, remembered: players write the same lines again and again."""
    left, equals, right = text.strip(" ").partition("=")
    try:
        value, numbers = evaluate(left)
        stated, alone = evaluate(right)
    except NotArithmetic as error:
        raise IllegalAction(f"not a step: {error}") from error
    symbols = [c for c in left if c in "+-*/"]
    if not equals or len(numbers) != 2 or len(symbols) != 1 or len(alone) != 1 or not right.strip(" ").isdigit():
        raise IllegalAction("a step is `a+b=c` with one operation")
    if value != stated:
        raise IllegalAction(f"the result is {value}, not {stated}")
    first, second = numbers
    if first < second and symbols[0] in "+*":
        first, second = second, first
    return Action(first, symbols[0], second)


@lru_cache(maxsize=100_000)
def legal_actions(numbers: Numbers) -> tuple[Action, ...]:
    """The distinct legal actions on sorted numbers, larger operand first."""
    actions = {}
    for right, left in combinations(numbers, 2):
        for operator in "+-*/":
            if operator != "/" or (right != 0 and left % right == 0):
                actions[left, operator, right] = Action(left, operator, right)
    return tuple(actions.values())


@lru_cache(maxsize=200_000)
def reachable(numbers: Numbers) -> frozenset[int]:
    """Every value that legal steps can leave as the last number."""
    if len(numbers) == 1:
        return frozenset(numbers)
    values: set[int] = set()
    for action in legal_actions(numbers):
        values |= reachable(taken(numbers, action.left, action.operator, action.right, apply))
    return frozenset(values)
