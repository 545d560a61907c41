"""The made-up game of two: it is one game, as a table, as Pawl plays it and as OpenSpiel reads it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from pawl.bench.match import MOVES, Match, played_out

MATCH = Match(trees=1, actions=3, simulations=8)


def looked_at(states: list[int], actions: list[int], luck: int = 1) -> tuple[np.ndarray, ...]:
    """What is found where actions lead from states, a tree each."""
    rows, nodes = np.arange(len(states), dtype=np.int32), np.zeros(len(states), np.int32)
    seen, sizes = np.zeros((len(states), 2), np.int32), np.ones(len(states), np.int32)
    seen[:, 0] = states
    return played_out(MATCH.ends, MATCH.first_end, 3, seen, sizes, np.full(1, luck, np.uint64), rows, nodes,
                      np.array(actions, np.int32))


def test_openspiel_reads_the_same_ends() -> None:
    pyspiel = pytest.importorskip("pyspiel", reason="a peer is OpenSpiel")
    game = pyspiel.load_efg_game(MATCH.text)
    for end, moves in enumerate(product(range(3), repeat=MOVES)):
        state = game.new_initial_state()
        for move in moves:
            state.apply_action(move)
        assert state.is_terminal()
        assert state.returns() == pytest.approx([MATCH.ends[end], -MATCH.ends[end]], abs=1e-6)


def test_players_take_turns_until_it_is_over() -> None:
    position, states = 0, list[int]()
    for _ in range(MOVES):
        states.append(position)
        position = 3 * position + 2
    priors, _, players, over = looked_at(states, [1] * MOVES)
    assert players.tolist() == [1, 0, 1, 0, 1] and over.tolist() == [False] * 4 + [True]
    np.testing.assert_allclose(priors, np.where(over[:, None], 0, [[1 / 3] * 3]))


def test_a_playout_comes_to_any_end_below_and_is_worth_it_to_who_moves() -> None:
    """Two moves on, the first player moves: 27 ends are below."""
    _, values, players, _ = looked_at([1] * 2000, [0] * 2000)
    assert not players.any() and set(values.tolist()) == set(MATCH.ends[:27].tolist())
    np.testing.assert_allclose(values.mean(), MATCH.ends[:27].mean(), atol=4 * MATCH.ends.std() / 2000**0.5)


def test_an_end_is_worth_to_the_second_player_what_the_first_loses() -> None:
    _, values, players, _ = looked_at([MATCH.first_end - 1], [2])
    assert players.tolist() == [1] and values.tolist() == [-MATCH.ends[-1]]
