"""The task of the first generation."""

from __future__ import annotations

from pawl.bench.first_generation import PROBLEMS, Even
from pawl.records import SPLITS
from pawl.testing import check_task


def test_the_task_keeps_its_contract() -> None:
    assert check_task(Even()) == []


def test_every_split_has_problems_enough() -> None:
    assert all(len(Even().problems(split, PROBLEMS, seed=0)) == PROBLEMS for split in SPLITS)


def test_an_answer_of_even_length_is_right() -> None:
    (problem,) = Even().problems("train", 1, seed=0)
    assert [Even().score(problem, answer) for answer in ("", "a", "ab", "abc", "abca")] == [0, 0, 1, 0, 1]
