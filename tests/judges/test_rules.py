"""What games came to, by their rules."""

from __future__ import annotations

import numpy as np
import pytest

from pawl.judges.rules import rules_judge
from pawl.records import Attempt, Completion
from pawl.tasks.connect_four import ConnectFour

GAME = ConnectFour()


def attempt(opening: list[int], moves: list[int], finish: str = "stop") -> Attempt:
    completion = Completion("", np.array(moves, np.int32), np.zeros(len(moves), np.float32), finish)  # type: ignore[arg-type]
    return Attempt(GAME.problem(opening, "train"), 0, np.array(opening, np.int32), completion)


@pytest.mark.parametrize(("opening", "moves", "score", "who"), [
    ([3], [2, 3, 2, 3, 2, 3], 1.0, "rules"),
    ([0, 3], [0, 3, 1, 3, 1, 3], 0.0, "rules"),
    ([3], [3, 3], 1.0, "resignation"),
    ([3], [3, 3, 3], 0.0, "resignation"),
])
def test_a_game_is_worth_what_player_0_got(opening: list[int], moves: list[int], score: float, who: str) -> None:
    verdict, = rules_judge(GAME.many())([attempt(opening, moves)])
    assert (verdict.score, verdict.judge) == (score, who)


def test_a_draw_is_half() -> None:
    columns = [first + step for first in (0, 2, 4) for step in (0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1)] + [6] * 6
    state = GAME.after(columns)
    assert GAME.returns(state) == (0, 0)
    assert rules_judge(GAME.many())([attempt([], columns)])[0].score == 0.5


def test_of_a_game_that_was_cut_off_nobody_can_say() -> None:
    cut, whole = rules_judge(GAME.many())([attempt([], [3, 3], "length"), attempt([3], [2, 3, 2, 3, 2, 3])])
    assert cut.score is None and cut.error == "score: no end after 2 moves"
    assert whole.score == 1.0
    assert rules_judge(GAME.many())([]) == []
