"""Stored positions of connect four, against the solver and against what they are called."""

from __future__ import annotations

import numpy as np
import pytest

from pawl.tasks.connect_four import COLUMNS, ConnectFour
from pawl.tasks.connect_four_positions import GRADES, balanced_openings, graded_positions
from pawl.tasks.connect_four_solver import ILLEGAL, Solver
from pawl.tasks.connect_four_writer import EASY, MEDIUM, STAGES, moves_left

GAME = ConnectFour()


@pytest.fixture(scope="module")
def solver() -> Solver:
    return Solver(1_000_003)


@pytest.mark.parametrize("grade", GRADES)
def test_moves_are_worth_what_the_solver_says_and_positions_are_of_their_grade(grade: str, solver: Solver) -> None:
    (kind,) = (kind for kind in graded_positions() if kind.kind == grade)
    stage, length = grade.split()
    for place in np.random.default_rng(1).choice(len(kind.lines), 8, replace=False):
        line = kind.lines[place]
        scores = solver.scores([GAME.after(line)])[0]
        expected = np.where(scores == ILLEGAL, -np.inf, np.sign(scores))
        np.testing.assert_array_equal(kind.worth[place], expected)
        left = moves_left(int(scores.max()), len(line))
        assert STAGES[stage][0] <= len(line) <= STAGES[stage][1]
        assert length == ("easy" if left < EASY else "medium" if left <= MEDIUM else "hard")


def test_no_position_is_there_twice() -> None:
    for kind in graded_positions():
        assert len({GAME.after(line) for line in kind.lines}) == len(kind.lines) == len(kind.worth) == 300


def test_openings_are_distinct_also_when_mirrored() -> None:
    openings = balanced_openings()
    both = [min(GAME.after(line), GAME.after([COLUMNS - 1 - move for move in line])) for line in openings]
    assert len(set(both)) == len(openings) == 100


def test_after_an_opening_neither_side_wins(solver: Solver) -> None:
    assert solver.score(GAME.after(balanced_openings()[0]), weak=True) == 0


def test_the_test_begins_with_them_and_nothing_else_does() -> None:
    tests = {tuple(problem.data["moves"]) for problem in GAME.problems("test", 1000, 0)}
    assert tests == {tuple(line) for line in balanced_openings()}
    others = [problem for split in ("train", "gate") for problem in GAME.problems(split, 2000, 0)]
    assert not {GAME.start(problem) for problem in others} & {GAME.after(line) for line in tests}


def test_seeds_change_the_order_of_openings_alone() -> None:
    first, again, other = ([problem.id for problem in GAME.problems("test", 100, seed)] for seed in (0, 0, 1))
    assert first == again != other and set(first) == set(other)
    assert [problem.id for problem in GAME.problems("test", 7, 0)] == first[:7]
