"""What a generation learns from: sizes, shares, and that nothing is lost or doubled."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import ConfigError
from pawl.records import TokenExample
from pawl.selection.mixing import Keeps, mixed, resampled


def texts(name: str, count: int) -> list[TokenExample]:
    return [TokenExample(np.array([1, 2], np.int32), np.ones(2, np.float32), 1, None, "self", f"{name} {number}")
            for number in range(count)]


def names(examples: list[TokenExample]) -> Counter[str]:
    return Counter(example.problem_id.split()[0] for example in examples)


GENERATIONS = [texts("first", 100), texts("second", 100), texts("third", 100)]
REAL = texts("real", 100)


def test_replaced_text_is_the_last_generations_alone() -> None:
    assert names(mixed(GENERATIONS, [], keeps="replace", share=0, key=0)) == {"third": 100}


def test_accumulated_text_grows_and_a_sample_of_it_does_not() -> None:
    assert names(mixed(GENERATIONS, [], keeps="accumulate", share=0, key=0)) == {"first": 100, "second": 100,
                                                                                 "third": 100}
    sample = names(mixed(GENERATIONS, [], keeps="subsample", share=0, key=0))
    assert sum(sample.values()) == 100 and all(15 < count < 55 for count in sample.values())


@given(st.sampled_from(get_args(Keeps)), st.floats(0, 0.33), st.integers(0, 9))
def test_real_text_has_its_share_and_nothing_comes_twice(keeps: Keeps, share: float, key: int) -> None:
    found = mixed(GENERATIONS, REAL, keeps=keeps, share=share, key=key)
    assert names(found)["real"] == round(share * len(found))
    assert len({example.problem_id for example in found}) == len(found) == (300 if keeps == "accumulate" else 100)
    again = mixed(GENERATIONS, REAL, keeps=keeps, share=share, key=key)
    assert [one.problem_id for one in found] == [one.problem_id for one in again]


def test_real_text_comes_again_only_when_all_of_it_came() -> None:
    found = mixed(GENERATIONS, REAL[:20], keeps="replace", share=0.5, key=0)
    counts = Counter(example.problem_id for example in found if example.problem_id.startswith("real"))
    assert len(counts) == 20 and set(counts.values()) == {2, 3}
    with pytest.raises(ConfigError, match="there must be real text for a share of 50%, got none"):
        mixed(GENERATIONS, [], keeps="replace", share=0.5, key=0)


def test_a_bag_leaves_out_a_third() -> None:
    drawn = resampled(REAL, 100, 1)
    assert len(drawn) == 100 and 50 < len({example.problem_id for example in drawn}) < 75  # 1 - 1/e of them
    assert [one.problem_id for one in drawn] != [one.problem_id for one in resampled(REAL, 100, 2)]
