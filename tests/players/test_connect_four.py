"""Players of connect four against minimax written out, lines counted cell by cell, and the solver."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pawl.players.connect_four import LINE_WORTH, ConnectFourMinimax, ExactPlayer, LineWorth, open_lines
from pawl.players.simple import MinimaxPlayer
from pawl.tasks.connect_four import BITS, COLUMNS, ROWS, ConnectFour, State

GAME = ConnectFour()
RULES = GAME.many()


def keys(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint64)


def after(luck: list[int]) -> State:
    """The last position that is not over when columns are tried in this order."""
    state = GAME.start()
    for number in luck:
        following = GAME.step(state, GAME.actions(state)[number % len(GAME.actions(state))])
        if GAME.terminal(following):
            break
        state = following
    return state


POSITIONS = st.lists(st.integers(0, COLUMNS - 1), max_size=ROWS * COLUMNS).map(after)


def lines_by_cell(state: State, of_lines: LineWorth) -> int:
    """What `open_lines` says, in ten-thousandths."""
    board = {(column, row): "mt"[not state[0] >> bit & 1] for column in range(COLUMNS) for row in range(ROWS)
             if state[1] >> (bit := BITS * column + row) & 1}
    worth = 0
    for column in range(COLUMNS):
        for row in range(ROWS):
            for right, up in ((0, 1), (1, 0), (1, 1), (1, -1)):
                if 0 <= row + 3 * up < ROWS and column + 3 * right < COLUMNS:
                    stones = [board.get((column + i * right, row + i * up), "") for i in range(4)]
                    found = {stone for stone in stones if stone}
                    if len(found) == 1:
                        worth += (1 if found == {"m"} else -1) * of_lines[sum(map(bool, stones)) - 1]
    return worth


@given(POSITIONS, st.sampled_from([LINE_WORTH, (300, 20, 7, 9000)]))
@settings(max_examples=200, deadline=None)
def test_lines_are_those_that_are_seen_cell_by_cell(state: State, of_lines: LineWorth) -> None:
    found = open_lines(np.array([state], np.uint64), of_lines)[0]
    assert found == np.float32(lines_by_cell(state, of_lines)) / np.float32(10_000)


def test_a_line_of_four_is_worth_what_it_is_said_to_be() -> None:
    state, worth = GAME.after([0, 1, 0, 1, 0, 1, 0]), (1, 20, 300, 5000)
    assert lines_by_cell(state, worth) < -4000
    assert open_lines(np.array([state], np.uint64), worth)[0] == np.float32(lines_by_cell(state, worth)) / 10_000


def test_lines_that_are_still_open_count_more_with_every_stone() -> None:
    def worth(line: list[int]) -> float:
        return float(open_lines(RULES.start([line]))[0])

    assert worth([]) == 0
    assert worth([3]) < worth([0]) < 0, "whoever moves now has none, and the middle is worth more"
    assert worth([3, 0]) == pytest.approx(-worth([0, 3]))
    assert abs(worth([3, 0, 3, 0, 3])) > abs(worth([3, 0, 3, 0, 6]))


@given(st.lists(POSITIONS, min_size=1, max_size=6), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_compiled_minimax_says_what_minimax_says(states: list[State], depth: int) -> None:
    words = np.array(states, np.uint64)
    expected = MinimaxPlayer(RULES, depth, open_lines).worth(words)
    assert np.array_equal(ConnectFourMinimax(depth).worth(words), expected)


@pytest.mark.parametrize("stones", [41, 40, 37])
def test_compiled_minimax_looks_no_further_than_the_end(stones: int) -> None:
    random, found = np.random.default_rng(stones), list[State]()
    while len(found) < 5:
        state = after([int(number) for number in random.integers(0, COLUMNS, stones)])
        found += [state] if state[1].bit_count() == stones else []
    words = np.array(found, np.uint64)
    expected = MinimaxPlayer(RULES, 6, open_lines).worth(words)
    assert np.array_equal(ConnectFourMinimax(6).worth(words), expected)
    assert set(expected[np.isfinite(expected)]) <= set(range(-6, 7)), "all lines end"


def test_it_draws_among_equal_moves_as_minimax_does() -> None:
    random = np.random.default_rng(3)
    states = np.array([after([int(number) for number in random.integers(0, COLUMNS, 12)]) for _ in range(200)],
                      np.uint64)
    lines: list[list[int]] = [[]] * len(states)
    expected = MinimaxPlayer(RULES, 3, open_lines).choose(lines, states, keys(len(states)))
    assert np.array_equal(ConnectFourMinimax(3).choose(lines, states, keys(len(states))), expected)


def test_exact_play_keeps_what_a_position_is_worth_and_quick_play_wins_soonest() -> None:
    exact, quick, random = ExactPlayer(), ExactPlayer(quick=True), np.random.default_rng(0)
    scores = np.zeros(7)
    while len(set(scores[scores > 0])) < 2:  # until there are a quick win and a slow one
        line, position = list[int](), GAME.start()
        while len(line) < 22 and not GAME.terminal(position):
            line.append(int(random.choice(GAME.actions(position))))
            position = GAME.step(position, line[-1])
        scores = np.zeros(7) if GAME.terminal(position) else exact.solver.scores([position])[0]
    state = np.array([position], np.uint64)
    assert scores[quick.choose([line], state, keys(1))[0]] == scores.max() > 0
    kept = {int(exact.choose([line], state, np.array([key], np.uint64))[0]) for key in range(40)}
    assert kept == set(np.flatnonzero(scores > 0))
