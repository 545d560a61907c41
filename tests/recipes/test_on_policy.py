"""A course of rounds: how many batches, what is in each, and dials that do not go together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.recipes.algorithms import ALGORITHMS
from pawl.recipes.on_policy import Course, beta_of, objective
from pawl.records import TokenExample

REAL = [TokenExample(np.zeros(length, np.int32), np.ones(length, np.float32), 1, None, "real", "")
        for length in (3, 9, 4, 7, 5)]


def lesson(name: int, length: int = 4) -> TokenExample:
    return TokenExample(np.zeros(length, np.int32), np.ones(length, np.float32), 1, None, "self", str(name))


def course(rounds: Sequence[Sequence[TokenExample]], *, algorithm: str = "grpo", epochs: int = 1, steps: int = 1,
           **more: Any) -> Course:
    """Of rounds whose lessons are given."""
    taught = replace(ALGORITHMS[algorithm], lessons=lambda played, dials: list(rounds[played]))
    dials: Any = SimpleNamespace(rounds=len(rounds), epochs=epochs, steps=steps, clip=(0.2, 0.2), beta=0.1,
                                 max_tokens=4, kl=None)
    return Course(taught, dials, lambda number: number, **more)  # type: ignore[arg-type,return-value]


def names(batch: Sequence[TokenExample]) -> list[str]:
    return [one.problem_id for one in batch if one.source == "self"]


def test_a_round_is_one_batch_unless_more_are_asked_for() -> None:
    rounds = [[lesson(10 * number + i) for i in range(6)] for number in range(3)]
    batches = list(course(rounds).batches(0))
    assert [sorted(names(batch)) for batch in batches] == [[one.problem_id for one in round_] for round_ in rounds]


@given(st.integers(1, 30), st.integers(1, 5), st.integers(1, 4), st.sampled_from([0.0, 0.25, 0.5, 0.9]))
def test_every_lesson_comes_once_an_epoch_in_so_many_batches_of_nearly_one_size(count: int, steps: int, epochs: int,
                                                                             floor: float) -> None:
    made = course([[lesson(i, 3 + i % 5) for i in range(count)]], steps=steps, epochs=epochs, real=REAL, floor=floor)
    batches = list(made.batches(7))
    size = math.ceil(count / steps)
    assert len(batches) == epochs * math.ceil(count / size) <= epochs * steps
    assert Counter(name for batch in batches for name in names(batch)) == {str(i): epochs for i in range(count)}
    sizes = [len(names(batch)) for batch in batches]
    assert max(sizes) - min(sizes) <= 1 and max(sizes) <= size
    assert all(len(batch) - len(names(batch)) >= floor * len(batch) - 1e-9 for batch in batches)
    each = len(batches) // epochs
    for start in range(0, len(batches), each):
        assert len({name for batch in batches[start : start + each] for name in names(batch)}) == count


def test_no_more_real_text_stands_in_a_batch_than_the_floor_asks() -> None:
    batches = list(course([[lesson(i) for i in range(12)]], steps=2, real=REAL, floor=0.25).batches(0))
    assert [(len(names(batch)), len(batch)) for batch in batches] == [(6, 8), (6, 8)]


def test_without_real_text_there_is_no_floor() -> None:
    assert [len(batch) for batch in course([[lesson(0), lesson(1)]], floor=0.5).batches(0)] == [2]


def test_a_round_that_teaches_nothing_has_no_batch_and_the_next_ones_do() -> None:
    batches = list(course([[lesson(0)], [], [lesson(1), lesson(2)]], real=REAL, floor=0.5).batches(0))
    assert [sorted(names(batch)) for batch in batches] == [["0"], ["1", "2"]]
    assert list(course([[], []]).batches(0)) == []


@given(st.integers(1, 12), st.integers(1, 4))
def test_the_two_of_a_pair_stay_together_the_better_first(count: int, steps: int) -> None:
    pairs = [lesson(2 * i + which, 3 + i) for i in range(count) for which in (0, 1)]
    batches = list(course([pairs], algorithm="dpo", steps=steps, epochs=2).batches(1))
    for batch in batches:
        numbers = [int(name) for name in names(batch)]
        assert all(first % 2 == 0 and second == first + 1
                   for first, second in zip(numbers[::2], numbers[1::2], strict=True))
    assert sum(len(batch) for batch in batches) == 2 * 2 * count


def test_a_round_is_played_when_its_batch_is_asked_for() -> None:
    asked: list[int] = []

    def play(number: int) -> Any:
        asked.append(number)
        return number

    made = replace(course([[lesson(0), lesson(1)], [lesson(2)]], steps=2), play=play)
    batches = made.batches(0)
    assert asked == []
    next(batches)
    next(batches)
    assert asked == [0]
    next(batches)
    assert asked == [0, 1]


def test_what_is_learnt_when_hangs_on_the_key_alone() -> None:
    made = course([[lesson(i) for i in range(9)]], steps=3, epochs=2, real=REAL, floor=0.4)
    first, again, other = ([[*names(batch), len(batch)] for batch in made.batches(key)] for key in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(("algorithm", "kl", "held"), [
    ("grpo", None, (0.1, "reverse")), ("grpo", ("k3", 0.1), (0.1, "k3")), ("dpo", 0.1, (0.0, "reverse"))])
def test_an_algorithm_that_is_not_relative_is_held_by_its_distance(algorithm: str, kl: Any, held: tuple[float, str]
                                                                   ) -> None:
    dials: Any = SimpleNamespace(clip=(0.2, 0.2), beta=0.1, max_tokens=4, kl=kl)
    found = objective(ALGORITHMS[algorithm], dials)
    assert (found.kl, found.distance) == held


@pytest.mark.parametrize(("algorithm", "kl", "beta"), [
    ("rloo", None, 0.02), ("kto", None, 0.1), ("rloo", 0.0, 0.0), ("kto", 0.3, 0.3), ("rloo", ("forward", 0.3), 0.3)])
def test_the_weight_of_the_distance_is_what_is_told(algorithm: str, kl: Any, beta: float) -> None:
    assert beta_of(algorithm, kl, held=0.02) == beta
