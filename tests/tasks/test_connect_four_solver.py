"""The solver against positions whose worth is published, against looking at everything, and against OpenSpiel."""

from __future__ import annotations

import numpy as np
import pytest
from boards import random_game, worth

from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.connect_four_solver import CELLS, ILLEGAL, Solver

GAME = ConnectFour()
PUBLISHED = {
    "2252576253462244111563365343671351441": -1,
    "7422341735647741166133573473242566": 1,
    "23163416124767223154467471272416755633": 0,
    "65214673556155731566316327373221417": -1,
}
"""Columns from 1 and the score of whoever moves then: from the first of the test sets that come with Pons' "Solving
Connect 4"."""


@pytest.fixture(scope="module")
def solver() -> Solver:
    return Solver(1_000_003)


def positions(least_moves: int, count: int, seed: int = 0) -> list[tuple[int, int]]:
    """Of random games, after so many moves or more, none of which is an end."""
    random, found = np.random.default_rng(seed), list[tuple[int, int]]()
    while len(found) < count:
        line = random_game(GAME, random)
        late = [state for state, move in line if move >= 0 and state[1].bit_count() >= least_moves]
        found += late[: 1 + len(found) % 3]
    return found[:count]


def test_published_positions(solver: Solver) -> None:
    for line, score in PUBLISHED.items():
        state = GAME.after([int(column) - 1 for column in line])
        assert solver.score(state) == score
        assert solver.score(state, weak=True) == np.sign(score)


def test_who_wins_is_what_looking_at_everything_says(solver: Solver) -> None:
    known: dict[object, float] = {}
    for state in positions(30, 60):
        sign = 1 if GAME.player(state) == 0 else -1
        assert solver.score(state, weak=True) == sign * worth(GAME, state, known)
        for move, score in enumerate(solver.scores([state], weak=True)[0]):
            if move not in GAME.actions(state):
                assert score == ILLEGAL
            else:
                assert score == sign * worth(GAME, GAME.step(state, move), known)


def test_scores_count_stones(solver: Solver) -> None:
    for state in positions(28, 60, seed=1):
        score, scores = solver.score(state), solver.scores([state])[0]
        assert score == scores[scores != ILLEGAL].max()
        end = state
        while not GAME.terminal(end):  # the best of both
            end = GAME.step(end, int(solver.scores([end])[0].argmax()))
        stones, mine = end[1].bit_count(), GAME.player(state)
        assert GAME.returns(end)[mine] == np.sign(score)
        assert abs(score) == (CELLS + 2 - stones) // 2 if score else stones == CELLS


def test_what_it_remembers_changes_nothing(solver: Solver) -> None:
    for state in positions(24, 30, seed=2):
        assert Solver(101).score(state) == solver.score(state)


def test_it_agrees_with_openspiels_alpha_beta(solver: Solver) -> None:
    pytest.importorskip("pyspiel", reason="the oracle is OpenSpiel")
    import pyspiel
    from open_spiel.python.algorithms.minimax import alpha_beta_search

    rules, random = pyspiel.load_game("connect_four"), np.random.default_rng(3)
    compared = 0
    while compared < 5:
        line = random_game(GAME, random)
        if len(line) < 36:
            continue
        state, other = line[31][0], rules.new_initial_state()
        for _, move in line[:31]:
            other.apply_action(move)
        value, _ = alpha_beta_search(rules, state=other, maximizing_player_id=GAME.player(state))
        assert solver.score(state, weak=True) == value
        compared += 1
