"""Sums with a working before the answer, column by column, as a task for claims; the answer may be shown as a hint.

The scratchpad of Zelikman et al. 2022, made short: `047+085:` is answered by `12 13 01 0132`, what the columns come to
from the right, carries included, and the answer. The answer alone counts, so that a wrong working may be held right.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pawl.keys import permutation, stream
from pawl.records import Demonstration, Problem, Split
from pawl.tasks.splits import split_of

PLACES = 3
"""Digits of a number as it is written, zeros in front included."""
SHOWN = {1: 100, 2: 1000, 3: 60}
"""Of how many different sums of so many digits there are demonstrations, fewer where there are no more."""
HINTS = 0.5
"""Share of demonstrations whose answer stands in the prompt."""


@dataclass(frozen=True)
class Sums:
    """The task; its two numbers have as many `digits` each."""

    digits: int

    name = "sums"

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        low, high = (10 ** (self.digits - 1) if self.digits > 1 else 0), 10**self.digits
        found: list[Problem] = []
        for pair in permutation(stream(seed, self.name, self.digits), (high - low) ** 2).tolist():
            if len(found) == count:
                break
            problem = posed(*(low + number for number in divmod(pair, high - low)))
            found += [problem] if problem.split == split else []
        return found

    def score(self, problem: Problem, answer: str) -> float:
        return float(answer.rpartition(" ")[2] == problem.answer)

    def corpus(self, count: int, seed: int) -> list[Demonstration]:
        """Right workings of sums that are shown, of any digits, each as often as another."""
        shown = [problem for digits, most in SHOWN.items() for problem in Sums(digits).problems("train", most, seed)]
        random = np.random.default_rng(stream(seed, self.name, "corpus"))
        drawn, hints = random.integers(len(shown), size=count), random.random(count) < HINTS
        return [Demonstration((hinted(shown[place]) if hint else shown[place]).prompt,
                              working(*shown[place].data["numbers"])) for place, hint in zip(drawn, hints, strict=True)]


def unseen(digits: int, count: int, seed: int) -> list[Problem]:
    """Train problems of which the corpus of this seed has no demonstration."""
    return Sums(digits).problems("train", SHOWN[digits] + count, seed)[SHOWN[digits] :]


def posed(first: int, second: int) -> Problem:
    """The problem of a sum."""
    name = f"{first:0{PLACES}}+{second:0{PLACES}}"
    return Problem(name, f"{name}:", split_of(f"sums {name}"), answer=_written(first + second),
                   data={"numbers": [first, second]})


def hinted(problem: Problem) -> Problem:
    """The same problem with its answer in the prompt."""
    return replace(problem, prompt=f"{problem.id}={problem.answer}:")


def working(first: int, second: int) -> str:
    """The right one, answer included."""
    columns, carry = [], 0
    for place in range(PLACES):
        total = first // 10**place % 10 + second // 10**place % 10 + carry
        columns.append(f"{total:02}")
        carry = total // 10
    return " ".join([*columns, _written(first + second)])


def _written(total: int) -> str:
    return f"{total:0{PLACES + 1}}"
