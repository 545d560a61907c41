"""A task of one's own that a tiny model learns in seconds: the letter of a number's last digit (0 is a, 9 is j).

Its corpus answers with any letter, so that a base knows the form and nothing of the truth.
"""

from __future__ import annotations

import numpy as np

from pawl.records import Demonstration, Problem, Split
from pawl.tasks.splits import split_of

LETTERS = "abcdefghij"


class Letters:
    """Numbers of three digits."""

    name = "letters"

    def __init__(self) -> None:
        self.asked: list[str] = []
        """Splits that problems were asked of, in order."""

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        self.asked.append(split)
        return self._all(split, seed)[:count]

    def _all(self, split: Split, seed: int) -> list[Problem]:
        texts = [text for text in map("{:03d}".format, range(1000)) if split_of(text) == split]
        order = np.random.default_rng(seed).permutation(len(texts))
        return [Problem(texts[i], texts[i], split, LETTERS[int(texts[i][-1])]) for i in order]

    def score(self, problem: Problem, answer: str) -> float:
        return float(answer == problem.answer)

    def corpus(self, count: int, seed: int) -> list[Demonstration]:
        random, train = np.random.default_rng(seed), self._all("train", seed)
        chosen = random.integers(len(train), size=count)
        return [Demonstration(train[i].prompt, LETTERS[random.integers(10)]) for i in chosen]


class Few(Letters):
    """The same with 60 problems a split, for runs that are made again and again."""

    name = "few-letters"

    def _all(self, split: Split, seed: int) -> list[Problem]:
        return super()._all(split, seed)[:60]
