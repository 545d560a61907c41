"""What a board of connect four looks like to somebody who does not think ahead."""

from __future__ import annotations

from pawl.players.connect_four import CERTAIN, open_lines
from pawl.records import FloatArray
from pawl.tasks.connect_four import Words

LOOKS = CERTAIN // 10, CERTAIN // 2, CERTAIN, CERTAIN
"""Of a line with one to four stones of one player and none of the other: three look as good as four, and that is 1."""


def looks(states: Words) -> FloatArray:
    """[L] material and shape, from the view of whoever has just moved: lines that only they have stones in, less the
    other's. Whose turn it is and what is threatened is not seen, nor that four in a row end the game."""
    return -open_lines(states, LOOKS)
