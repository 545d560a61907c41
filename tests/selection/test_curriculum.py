"""Which problems a generation attempts."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pawl.errors import ConfigError
from pawl.selection.curriculum import draw

SIZES = (st.integers(1, 40), st.integers(1, 50), st.integers(1, 12))


@settings(max_examples=80)
@given(*SIZES, st.integers(0, 5))
def test_no_problem_comes_twice_before_all_came_once_nor_twice_in_a_generation(
    available: int, per_generation: int, generations: int, key: int
) -> None:
    counts: Counter[int] = Counter()
    for generation in range(1, generations + 1):
        drawn = draw(available, per_generation, generation, key=key)
        assert len(set(drawn)) == len(drawn) == min(available, per_generation)
        counts.update(drawn)
    occurrences = [counts[place] for place in range(available)]
    # A problem due again may wait for those of its own generation that begin the next round.
    assert max(occurrences) - min(occurrences) <= 1
    assert set(counts) <= set(range(available))


def test_a_draw_is_a_function_of_its_arguments_alone() -> None:
    assert draw(100, 30, 9, key=1) == draw(100, 30, 9, key=1)
    assert draw(100, 30, 1, key=1) != draw(100, 30, 1, key=2)


def test_rounds_are_shuffled_anew() -> None:
    first, second = (draw(50, 50, generation, key=1) for generation in (1, 2))
    assert sorted(first) == sorted(second) and first != second


@settings(max_examples=80)
@given(*SIZES, st.sets(st.integers(0, 39)))
def test_solved_problems_are_drawn_only_when_too_few_others_are_left(
    available: int, per_generation: int, generation: int, solved: set[int]
) -> None:
    drawn = draw(available, per_generation, generation, key=1, solved=solved)
    unsolved = available - len(solved & set(range(available)))
    assert len(set(drawn)) == len(drawn) == min(available, per_generation)
    assert sum(place not in solved for place in drawn) == min(unsolved, per_generation)


def test_nothing_available_gives_nothing() -> None:
    assert draw(0, 5, 3, key=1) == []


def test_a_generation_without_problems_is_an_error() -> None:
    with pytest.raises(ConfigError, match="at least 1 problem"):
        draw(10, 0, 1, key=1)
    with pytest.raises(ValueError, match="generation must be at least 1"):
        draw(10, 1, 0, key=1)
