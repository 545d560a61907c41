"""Positions of connect four whose worth is known: openings that are balanced, and positions in six grades.

They are kept in `connect_four_positions.csv`, which `connect_four_writer.py` writes, as the solver takes
twenty minutes.

Grades are those of Pons ("Solving Connect 4", part 1), by which AlphaZero.jl reports: how far the game is, and how long
it goes on if nobody errs. Of the nine, six have positions. His are others than these, which come of random moves.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files

import numpy as np

from pawl.records import Graded

FILE = "connect_four_positions.csv"
BALANCED = "balanced"
GRADES = ("begin easy", "begin medium", "begin hard", "middle easy", "middle medium", "end easy")
SIGNS = "-=+"
"""A move that loses, draws, wins; of a full column there is a dot."""


def balanced_openings() -> list[list[int]]:
    """Openings after which neither side wins if nobody errs, no two of them the same or mirrored."""
    return [_moves(row["moves"]) for row in _rows() if row["kind"] == BALANCED]


def graded_positions() -> list[Graded]:
    """Positions of each grade with the worth of their moves."""
    kinds: dict[str, tuple[list[list[int]], list[list[float]]]] = {grade: ([], []) for grade in GRADES}
    for row in _rows():
        if row["kind"] in kinds:
            lines, worth = kinds[row["kind"]]
            lines.append(_moves(row["moves"]))
            worth.append([-np.inf if sign == "." else SIGNS.index(sign) - 1.0 for sign in row["worth"]])
    return [Graded(grade, lines, np.array(worth, np.float32)) for grade, (lines, worth) in kinds.items()]


def _rows() -> Iterator[dict[str, str]]:
    yield from csv.DictReader(files("pawl.tasks").joinpath(FILE).read_text(encoding="utf-8").splitlines())


def _moves(written: str) -> list[int]:
    """Columns are written 1 to 7, as people call them."""
    return [int(name) - 1 for name in written]
