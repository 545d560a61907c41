"""What writes positions of connect four finds the ones that are stored."""

from __future__ import annotations

from itertools import islice

import pytest

from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.connect_four_positions import balanced_openings, graded_positions
from pawl.tasks.connect_four_solver import Solver
from pawl.tasks.connect_four_writer import POSITIONS, found_grades, found_openings, moves_left

GAME = ConnectFour()


def moves(written: str) -> list[int]:
    return [int(column) - 1 for column in written]


def test_positions_are_found_again() -> None:
    stored = {kind.kind: kind.lines for kind in graded_positions()}
    for grade, line, _ in islice(found_grades(Solver(1_000_003), POSITIONS, 0), 12):
        assert moves(line) == stored[grade].pop(0)


def test_openings_are_found_again() -> None:
    (first,) = islice(found_openings(Solver(), 1, 0), 1)
    assert moves(first[1]) == balanced_openings()[0]


@pytest.mark.parametrize(("score", "stones", "left"), [(1, 0, 41), (0, 10, 32), (18, 6, 1), (-17, 7, 2), (-18, 6, 2)])
def test_moves_that_are_left(score: int, stones: int, left: int) -> None:
    assert moves_left(score, stones) == left
