"""What a game has besides its rules."""

from __future__ import annotations

import numpy as np
import pytest
from boards import TicTacToe, random_game
from hypothesis import given
from hypothesis import strategies as st

from pawl.interfaces import Game, IllegalAction
from pawl.records import SPLITS, Problem

GAME = TicTacToe()


def test_a_class_with_the_rules_is_a_game() -> None:
    assert isinstance(GAME, Game)


def test_openings_are_positions_that_go_on_each_once_and_in_one_split() -> None:
    seen: dict[str, str] = {}
    for split in SPLITS:
        for seed in (0, 1):
            problems = GAME.problems(split, 10**6, seed)
            states = [GAME.start(problem) for problem in problems]
            assert len(set(states)) == len(states) > 20
            assert not any(GAME.terminal(state) for state in states)
            for state in states:
                assert seen.setdefault(state, split) == split
    assert max(9 - state.count(".") for state in seen) == GAME.opening_moves
    assert "." * 9 in seen


def test_a_longer_list_starts_with_the_shorter_one() -> None:
    assert GAME.problems("gate", 30, 3)[:10] == GAME.problems("gate", 10, 3)


def test_truth_is_what_player_0_got() -> None:
    problem = GAME.problem([4, 0], "train")
    assert problem.prompt == "three 4 0"
    assert GAME.score(problem, "2 1 6") == 1.0
    assert GAME.score(problem, "8 1 3 2") == 0.0
    assert GAME.score(problem, "1 7 3 5 2 6 8") == 0.5
    assert GAME.score(problem, "2 1") == 0.0, "not over"
    assert GAME.score(problem, "2 1 6 7") == 0.0, "goes on after the end"
    assert GAME.score(problem, "2 2") == 0.0, "illegal"


@given(st.text())
def test_odd_answers_score_0(text: str) -> None:
    assert GAME.score(Problem("start", "three", "test", data={"moves": []}), text) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_a_game_as_text_is_the_game(seed: int) -> None:
    line = random_game(GAME, np.random.default_rng(seed))
    moves = [move for _, move in line[:-1]]
    written = " ".join(GAME.move_name(state, move) for state, move in line[:-1])
    assert GAME.score(GAME.problem([], "test"), written) == (GAME.returns(line[-1][0])[0] + 1) / 2
    assert GAME.after(moves) == line[-1][0]


def test_a_move_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(IllegalAction, match="must be one of 0, 1, 2"):
        GAME.parse_move(GAME.first(), "9")
    assert GAME.parse_move(GAME.first(), " 8\n") == 8
