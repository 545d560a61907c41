"""Gate problems are used once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import ConfigError
from pawl.records import Problem
from pawl.selection.contest import contest_size, next_contest


def problems(count: int) -> list[Problem]:
    return [Problem(str(number), "", "gate") for number in range(count)]


@given(st.integers(0, 60), st.integers(1, 20), st.integers(1, 12))
def test_no_gate_problem_is_used_twice_and_shortage_is_told(available: int, size: int, contests: int) -> None:
    used: list[str] = []
    for number in range(contests):
        drawn = next_contest(problems(available), set(used), size=size)
        assert len(drawn.problems) == max(0, min(size, available - number * size))
        assert (drawn.shortage is None) == (len(drawn.problems) == size)
        used += [problem.id for problem in drawn.problems]
    assert len(set(used)) == len(used)


def test_problems_come_in_the_order_of_the_split() -> None:
    assert [p.id for p in next_contest(problems(9), {"0", "2"}, size=3).problems] == ["1", "3", "4"]


def test_a_problem_listed_twice_is_used_once() -> None:
    assert len(next_contest(problems(2) * 2, set(), size=4).problems) == 2


def test_shortage_is_a_sentence() -> None:
    few = next_contest(problems(5), {"0"}, size=8)
    assert few.shortage == "only 4 gate problems were left where 8 were asked for"
    none = next_contest(problems(2), {"0", "1"}, size=8)
    assert (none.problems, none.shortage) == ([], "the gate problems have run out: all 2 were used")


def test_an_empty_contest_is_an_error() -> None:
    with pytest.raises(ConfigError, match="a contest must have at least 1 problem"):
        next_contest(problems(2), set(), size=0)


@given(st.integers(1, 10_000), st.integers(1, 100), st.integers(1, 1000))
def test_contests_of_the_advised_size_last_for_the_run(available: int, generations: int, largest: int) -> None:
    size = contest_size(available, generations, largest=largest)
    assert 1 <= size <= largest
    assert size * generations <= available or size == 1
