"""Sequential halving by tokens against the same by walks, whose schedule is the paper's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pawl.search.halving import ByTokens, Levels, Limit, by_walks

COUNTS = np.array([16, 8, 5, 3, 2, 1], np.int32)
"""Trees with so many actions to compare."""


def spending(price: Callable[[int], int], tokens: int, walks: int, simulations: int = 10**9) -> Any:
    """The levels [walks, B] when walk i costs `price(i)`."""
    spent = np.zeros(len(COUNTS), np.int32)
    levels: Levels = ByTokens(COUNTS, simulations, Limit(tokens, spent.copy))
    found = []
    for number in range(walks):
        found.append(levels(number).copy())
        spent += price(number)
    return np.stack(found)


@pytest.mark.parametrize("walks", [64, 100, 333])
def test_where_every_walk_costs_the_same_tokens_are_walks(walks: int) -> None:
    """And each phase's share pays for its first sweep."""
    planned = by_walks(COUNTS, walks)
    np.testing.assert_array_equal(spending(lambda number: 7, 7 * walks, walks), [planned(i) for i in range(walks)])


def test_with_tokens_enough_the_walks_decide() -> None:
    planned = by_walks(COUNTS, 64)
    np.testing.assert_array_equal(spending(lambda number: 7, 10**9, 64, simulations=64),
                                  [planned(i) for i in range(64)])


def test_a_dear_first_phase_leaves_the_later_ones_the_same_of_what_is_left() -> None:
    """Eight actions, 240 tokens: three phases of 80. A sweep of eight costs 80, of four 40, and of two 20; if the
    first costs 160, the others have 40 each."""
    levels = spending(lambda number: 10, 240, 24)[:, 1]
    assert levels.tolist() == [0] * 8 + [1] * 4 + [2] * 4 + [3, 3, 4, 4, 5, 5, 6, 6]
    levels = spending(lambda number: 20 if number < 8 else 10, 240, 16)[:, 1]
    assert levels.tolist() == [0] * 8 + [1] * 4 + [2, 2, 3, 3]


def test_walks_that_cost_nothing_are_not_endless_sweeps_of_the_first_phase() -> None:
    planned = by_walks(COUNTS, 40)
    np.testing.assert_array_equal(spending(lambda number: 0, 100, 40, simulations=40),
                                  [planned(i) for i in range(40)])
