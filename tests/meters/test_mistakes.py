"""Mistakes, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pawl.meters.mistakes import mistakes

WORTH = np.array([[1, 0, -1], [0, 0, -1], [-1, -1, -np.inf], [1, 1, 1]], np.float32)


def test_a_move_that_gives_something_away_is_one() -> None:
    found = mistakes(WORTH, np.array([1, 1, 0, 2], np.int32))
    assert found.rate == 0.25 and found.positions == 4 and found.asked == 2


@pytest.mark.parametrize(("moves", "rate"), [([0, 0, 0, 0], 0.0), ([2, 2, 1, 1], 0.5), ([1, 2, 1, 0], 0.5)])
def test_rates(moves: list[int], rate: float) -> None:
    assert mistakes(WORTH, np.array(moves, np.int32)).rate == rate


def test_of_no_positions_nothing_is_known() -> None:
    found = mistakes(np.zeros((0, 3), np.float32), np.zeros(0, np.int32))
    assert (found.rate, found.positions, found.asked) == (0, 0, 0)


def test_an_illegal_move_is_a_bug() -> None:
    with pytest.raises(ValueError, match="must be legal"):
        mistakes(WORTH, np.array([0, 0, 2, 0], np.int32))
