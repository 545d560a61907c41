"""Finds the positions of `connect_four_positions.csv`: twenty minutes of one core, the same ones each time.

    python -m pawl.tasks.connect_four_writer FILE
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pawl.keys import stream
from pawl.records import IntArray
from pawl.tasks.connect_four import COLUMNS, ConnectFour, State
from pawl.tasks.connect_four_positions import BALANCED, GRADES, SIGNS
from pawl.tasks.connect_four_solver import CELLS, ILLEGAL, Solver
from pawl.tasks.splits import split_of

OPENINGS, POSITIONS = 100, 300
"""Balanced openings, and positions of each grade."""
OPENING = 8
"""Moves of a balanced opening."""
STAGES = {"begin": (10, 14), "middle": (15, 28), "end": (29, 41)}
"""Stones on the board. Fewer than ten take the solver long."""
EASY, MEDIUM = 14, 28
"""Moves until the game ends when nobody errs: below is easy, up to the other medium."""


def write_positions(path: Path, *, openings: int = OPENINGS, positions: int = POSITIONS, seed: int = 0) -> None:
    """All of them, found anew."""
    solver = Solver()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["kind", "moves", "worth"])
        writer.writerows(found_grades(solver, positions, seed))
        writer.writerows(found_openings(solver, openings, seed))


def found_openings(solver: Solver, number: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """Rows of balanced openings, of the positions that are no part of training or of the gate."""
    game, random, seen = ConnectFour(), np.random.default_rng(stream(seed, "balanced openings")), set[State]()
    while number:
        line, state = _random_line(game, OPENING, random)
        key = min(state, game.after([COLUMNS - 1 - move for move in line]))
        if key in seen or game.terminal(state) or split_of(f"{game.name} {state!r}") != "test":
            continue
        seen.add(key)
        if solver.score(state, weak=True) == 0:
            number -= 1
            yield BALANCED, _written(line), ""


def found_grades(solver: Solver, number: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """Rows of positions of each grade, no position twice, as random moves bring them."""
    game, random, seen = ConnectFour(), np.random.default_rng(stream(seed, "graded positions")), set[State]()
    missing = dict.fromkeys(GRADES, number)
    while stages := sorted({grade.split()[0] for grade, left in missing.items() if left}):
        stage = str(random.choice(stages))
        low, high = STAGES[stage]
        line, state = _random_line(game, int(random.integers(low, high + 1)), random)
        if state in seen or game.terminal(state):
            continue
        seen.add(state)
        scores = solver.scores([state])[0]
        grade = f"{stage} {_length(moves_left(int(scores.max()), len(line)))}"
        if missing.get(grade):
            missing[grade] -= 1
            yield grade, _written(line), _signs(scores)


def _random_line(game: ConnectFour, length: int, random: np.random.Generator) -> tuple[list[int], State]:
    """So many random moves, or fewer where they end the game, and the position after them."""
    line, state = list[int](), game.first()
    while len(line) < length and not game.terminal(state):
        line.append(int(random.choice(game.actions(state))))
        state = game.step(state, line[-1])
    return line, state


def _length(left: int) -> str:
    return "easy" if left < EASY else "medium" if left <= MEDIUM else "hard"


def moves_left(score: int, stones: int) -> int:
    """Until the game ends, by the solver's score of a position with so many stones."""
    if score == 0:
        return CELLS - stones
    winners_stones = CELLS // 2 + 1 - abs(score)
    first_wins = (score > 0) == (stones % 2 == 0)
    return 2 * winners_stones - first_wins - stones


def _written(line: list[int]) -> str:
    return "".join(str(move + 1) for move in line)


def _signs(scores: IntArray) -> str:
    return "".join("." if score == ILLEGAL else SIGNS[int(np.sign(score)) + 1] for score in scores)


if __name__ == "__main__":
    write_positions(Path(sys.argv[1]))
