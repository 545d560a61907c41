"""What looks good need not be good."""

from __future__ import annotations

import numpy as np

from pawl.players.tastes import looks
from pawl.tasks.connect_four import ConnectFour

GAME = ConnectFour()


def look(line: list[int]) -> float:
    """From the view of whoever made the last move."""
    return float(looks(np.array([GAME.after(line)], np.uint64))[0])


def test_lines_that_can_still_be_filled_look_good_to_who_owns_them() -> None:
    assert look([3]) > look([0]) > 0
    assert look([3, 0, 3, 0, 3]) > look([3, 0, 3, 0, 6]) > 0
    assert look([3, 0, 3, 0, 3, 1]) < 0, "it is the other's"


def test_four_in_a_row_look_no_better_than_three() -> None:
    """A win adds the lines that its last stone opens, not a win: less than two lines of three."""
    three, four = [3, 0, 3, 0, 3], [3, 0, 3, 0, 3, 1, 3]
    assert GAME.terminal(GAME.after(four)) and 0 < look(four) - look(three) < 2
