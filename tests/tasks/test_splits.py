from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.records import SPLITS
from pawl.tasks.splits import split_of

GOLDEN = ["train", "train", "train", "test", "test", "train"]


def test_shares_are_those_that_were_asked_for() -> None:
    shares = Counter(split_of(str(i)) for i in range(20_000))
    for split, share in zip(SPLITS, (0.4, 0.4, 0.2), strict=True):
        assert abs(shares[split] / 20_000 - share) < 0.015  # four standard deviations


@pytest.mark.parametrize(("fractions", "split"), [((1, 0, 0), "train"), ((0, 1, 0), "gate"), ((0, 0, 1), "test")])
def test_a_split_may_take_all(fractions: tuple[float, float, float], split: str) -> None:
    assert {split_of(str(i), fractions) for i in range(100)} == {split}


def test_a_problem_stays_where_it_was_in_earlier_versions() -> None:
    assert [split_of(f"countdown 1 2 3={i}") for i in range(1, 7)] == GOLDEN


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_a_split_is_a_function_of_the_key(key: str) -> None:
    assert split_of(key) == split_of(key) in SPLITS
