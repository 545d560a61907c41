"""Game of 24: combine four numbers from 1 to 13, each once, with + - * / to make 24. 1,362 puzzles can be solved.

Steps are written as in Tree of Thoughts (Yao et al. 2023), with the numbers that are left, smallest first:
`4+8=12 left 6 10 12`. What is left may be left out of an answer; if it is there it must be right. A fraction stands in
brackets: `(8/3)`. An answer may also be one expression over the four numbers.

The corpus is random legal play told backwards: each game is headed by the number that it happened to make, as if that
had been asked for (hindsight, Andrychowicz et al. 2017). Where 24 is to be made of four numbers that are held out, so
is everything else.

Steps never leave a negative number: nothing is lost, since `a-(b-c)` is also `(a+c)-b` and `(b-c)*(d-e)` is
`(c-b)*(e-d)`. Expressions may pass through negative values.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import combinations, combinations_with_replacement
from pathlib import Path

import numpy as np

from pawl.config import settings
from pawl.errors import DataError
from pawl.interfaces import IllegalAction
from pawl.keys import stream
from pawl.records import SPLITS, Demonstration, Problem, Split
from pawl.tasks.arithmetic import LONGEST_TEXT, NotArithmetic, Number, apply_in_fractions, evaluate, whole
from pawl.tasks.combining import Combining, Numbers, State, taken
from pawl.tasks.splits import split_of

TARGET = 24
COUNT, LARGEST = 4, 13
LARGEST_MADE = 100
"""Random play that makes a larger number is left out of the corpus, and so is one that makes a fraction."""
FRACTIONS = (0.7, 0.15, 0.15)
"""Of the puzzles: train, gate, test."""

_NUMBER = r"(?:\d{1,9}|\(\d{1,9}/[1-9]\d{0,8}\))"
_STEP = re.compile(rf"({_NUMBER}) *([-+*/]) *({_NUMBER}) *= *({_NUMBER})(?: *left((?: +{_NUMBER})+))?", re.ASCII)


@dataclass(frozen=True)  # without slots, so that its line is written once: a search asks for it again and again
class Action:
    """`left operator right`; of + and *, the larger number is on the left."""

    left: Number
    operator: str
    right: Number
    stated: Numbers | None = field(default=None, compare=False)
    """What is said to be left, sorted; None when nothing is said."""

    @property
    def result(self) -> Number:
        return apply_in_fractions(self.operator, self.left, self.right)

    def __str__(self) -> str:
        return self.line

    @cached_property
    def line(self) -> str:
        line = f"{written(self.left)}{self.operator}{written(self.right)}={written(self.result)}"
        return line if self.stated is None else f"{line} left {_listed(self.stated)}"


@settings
class Game24(Combining):
    """The task; its fields are its settings."""

    test_puzzles: str = ""
    """A file of puzzles to hold out as the test split, four numbers a line; none holds out 15% of all by their hash."""

    name = "game24"

    @cached_property
    def _by_split(self) -> dict[Split, list[Problem]]:
        """Every solvable puzzle, listed by split."""
        table: dict[Split, list[Problem]] = {split: [] for split in SPLITS}
        for found in self._hands:
            if solvable(tuple(found.data["numbers"])):
                table[found.split].append(found)
        return table

    @cached_property
    def _hands(self) -> list[Problem]:
        """Every four numbers as a puzzle, whether or not they make 24."""
        held_out = None if not self.test_puzzles else _read(Path(self.test_puzzles))
        return [puzzle(numbers, held_out) for numbers in hands()]

    def corpus(self, count: int, seed: int) -> list[Demonstration]:
        """Random legal play on numbers that are not held out, each game headed by the number that it made."""
        train = [hand for hand in self._hands if hand.split == "train"]
        random = np.random.default_rng(stream(seed, self.name, "corpus"))
        found: list[Demonstration] = []
        while len(found) < count:
            end = self.random_play(train[int(random.integers(len(train)))], random)
            made = end.numbers[0]
            if isinstance(made, int) and made <= LARGEST_MADE:
                found.append(Demonstration(self.wording(end.problem.data["numbers"], made), self.answer(end)))
        return found

    def score(self, problem: Problem, answer: str) -> float:
        numbers = tuple(sorted(problem.data["numbers"]))
        if len(answer) > LONGEST_TEXT:
            return 0.0
        lines = answer.strip("\n").split("\n")
        try:
            if "=" in lines[0]:
                for line in lines:
                    numbers = self.after(numbers, self.parse(line))
                return float(numbers == (TARGET,))
            value, used = evaluate("\n".join(lines), apply_in_fractions)
            return float(value == TARGET and tuple(sorted(used)) == numbers)
        except (NotArithmetic, IllegalAction):
            return 0.0

    def canonical(self, answer: str) -> Hashable:
        """The steps, with what they say is left: a step that says it wrong is another one."""
        said = super().canonical(answer)
        return tuple((step, step.stated) for step in said) if isinstance(said, tuple) else said

    def actions(self, state: State) -> Sequence[Action]:
        return legal_actions(state.numbers)

    def after(self, numbers: Numbers, action: Action) -> Numbers:
        rest = numbers_after(numbers, action)
        if action.stated not in (None, rest):
            raise IllegalAction(f"what is left is {_listed(rest)}, not {_listed(action.stated)}")
        return rest

    def step(self, state: State, action: Action) -> State:
        rest = self.after(state.numbers, action)
        return State(state.problem, rest, (*state.steps, action if action.stated else replace(action, stated=rest)))

    def parse(self, text: str) -> Action:
        """The step that a line states; raises IllegalAction when it is no step or its result is wrong."""
        return parsed(text)

    def key(self, state: State) -> Hashable:
        return state.numbers


def puzzle(numbers: Sequence[int], held_out: frozenset[Numbers] | None = None) -> Problem:
    """The problem of these numbers. Where some are held out they are the test, and the others are split by their
    hash into train and gate."""
    words = " ".join(map(str, numbers))
    split = split_of(f"game24 {words}", FRACTIONS)
    if held_out is not None:
        split = "test" if tuple(numbers) in held_out else "train" if split == "test" else split
    data = {"numbers": list(numbers), "target": TARGET}
    return Problem(id=words, prompt=Game24.wording(numbers, TARGET), split=split, data=data)


def hands() -> Iterator[tuple[int, ...]]:
    """Every four numbers, sorted."""
    return combinations_with_replacement(range(1, LARGEST + 1), COUNT)


def _read(path: Path) -> frozenset[Numbers]:
    """The puzzles of a file. Raises DataError that names the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"test_puzzles must be a text file, got {path}: {error}") from error
    found = set()
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        words = line.split()
        numbers = tuple(sorted(int(word) for word in words if word.isascii() and word.isdigit()))
        if len(numbers) != len(words) or len(numbers) != COUNT or not all(1 <= n <= LARGEST for n in numbers):
            raise DataError(f"line {place} of {path} must be four numbers from 1 to {LARGEST}, got {line!r}")
        if not solvable(numbers):
            raise DataError(f"line {place} of {path} must be a puzzle that makes {TARGET}, got {line!r}")
        found.add(numbers)
    if not found:
        raise DataError(f"test_puzzles must name a puzzle, {path} has none")
    return frozenset(found)


def written(number: Number) -> str:
    """A number as steps write it."""
    return f"({number})" if isinstance(number, Fraction) else str(number)


def _listed(numbers: Numbers | None) -> str:
    return " ".join(map(written, numbers or ()))


def _number(text: str) -> Number:
    return whole(Fraction(text.strip("()")))


@lru_cache(maxsize=200_000)
def parsed(text: str) -> Action:
    """`Game24.parse`, remembered: players write the same lines again and again."""
    match = _STEP.fullmatch(text.strip(" "))
    if match is None:
        raise IllegalAction("a step is `a+b=c left d e`, with fractions in brackets")
    left, right, stated = _number(match[1]), _number(match[3]), _number(match[4])
    if left < right and match[2] in "+*":
        left, right = right, left
    rest = None if match[5] is None else tuple(sorted(map(_number, match[5].split())))
    action = Action(left, match[2], right, rest)
    try:
        value = action.result
    except NotArithmetic as error:
        raise IllegalAction(str(error)) from error
    if value != stated:
        raise IllegalAction(f"the result is {value}, not {stated}")
    return action


@lru_cache(maxsize=200_000)
def numbers_after(numbers: Numbers, action: Action) -> Numbers:
    """What an action leaves of sorted numbers, whatever it states. Raises IllegalAction."""
    return taken(numbers, action.left, action.operator, action.right, apply_in_fractions)


@lru_cache(maxsize=200_000)
def legal_actions(numbers: Numbers) -> tuple[Action, ...]:
    """The distinct legal actions on sorted numbers, each with what it leaves."""
    pairs = [(left, operator, right) for right, left in combinations(numbers, 2)
             for operator in ("+-*/" if right else "+-*")]
    pairs += [(right, "/", left) for right, left in combinations(numbers, 2) if right < left]
    return tuple(Action(*pair, stated=numbers_after(numbers, Action(*pair))) for pair in dict.fromkeys(pairs))


@lru_cache(maxsize=500_000)
def solvable(numbers: Numbers) -> bool:
    """Whether legal steps can make 24 of sorted numbers."""
    if len(numbers) == 1:
        return bool(numbers[0] == TARGET)
    return any(solvable(action.stated or ()) for action in legal_actions(numbers))
