"""What is learnt from of games: positions played again, turned, weighted, and how many of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.records import GameExample
from pawl.selection.window import joined, moves_as_examples, positions_of, surprise_weights, turned, window_size
from pawl.tasks.connect_four import ConnectFour

GAME = ConnectFour()
RULES = GAME.many()


def game(opening: list[int], moves: list[int], result: float, seed: int = 0) -> GameExample:
    random = np.random.default_rng(seed)
    policies = random.random((len(moves), 7)).astype(np.float32)
    return GameExample("g", np.array(opening, np.int32), np.array(moves, np.int32),
                       policies / policies.sum(axis=1, keepdims=True),
                       random.uniform(-1, 1, len(moves)).astype(np.float32), np.ones(len(moves), np.float32), result)


GAMES = [game([3], [2, 3, 2, 3, 2, 3], -1.0), game([], [0, 1, 0, 1, 0, 1, 0], 1.0, seed=1),
         game([5, 5], [4], 0.0, seed=2)]


def test_positions_are_those_of_the_games_in_their_order() -> None:
    positions = positions_of(GAMES, RULES)
    assert len(positions) == 14
    place = 0
    for one in GAMES:
        line = one.opening.tolist()
        for ply, move in enumerate(one.moves.tolist()):
            state = GAME.after(line)
            assert np.array_equal(positions.boards[place], GAME.observe(state))
            assert np.array_equal(positions.policies[place], one.policies[ply])
            got = one.result if GAME.player(state) == 0 else -one.result
            assert positions.values[place] == (got + 1) / 2
            last = ply == len(one.moves) - 1
            assert np.array_equal(positions.replies[place], np.zeros(7) if last else one.policies[ply + 1])
            line.append(move)
            place += 1
    assert positions.boards.dtype == np.uint8


def test_the_moves_that_were_made_can_be_what_is_learnt() -> None:
    examples = moves_as_examples([[3], [], [2]], [[2, 3], [], [1]], [1.0, 0.0, -1.0], choices=7)
    assert len(examples) == 2, "a game without moves teaches none"
    positions = positions_of(examples, RULES)
    assert positions.policies.argmax(axis=1).tolist() == [2, 3, 1] and (positions.policies.sum(axis=1) == 1).all()
    assert positions.values.tolist() == [0, 1, 1]


def test_part_of_the_value_may_be_what_search_expected() -> None:
    plain, mixed, searched = (positions_of(GAMES[:1], RULES, searched=share) for share in (0.0, 0.25, 1.0))
    assert searched.values == pytest.approx((GAMES[0].values + 1) / 2)
    assert mixed.values == pytest.approx(0.75 * plain.values + 0.25 * searched.values)


def test_a_window_holds_the_last() -> None:
    both = joined([positions_of(GAMES[:2], RULES), positions_of(GAMES[2:], RULES)])
    assert np.array_equal(both.boards, positions_of(GAMES, RULES).boards)
    assert np.array_equal(both.last(3).policies, both.policies[-3:])
    assert len(both.last(10**6)) == 14


def test_mirrored_positions_are_those_of_the_mirrored_game() -> None:
    mirrored = [GameExample(one.problem_id, 6 - one.opening, 6 - one.moves, one.policies[:, ::-1], one.values,
                            one.weights, one.result) for one in GAMES]
    expected, plain = positions_of(mirrored, RULES), positions_of(GAMES, RULES)
    found = turned(plain, GAME.symmetries(), np.zeros(14, np.int32))
    for name in ("boards", "policies", "replies", "values", "weights"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    some = np.where(np.arange(14) % 2 == 0, 0, -1).astype(np.int32)
    half = turned(plain, GAME.symmetries(), some)
    assert np.array_equal(half.boards[::2], expected.boards[::2])
    assert np.array_equal(half.boards[1::2], plain.boards[1::2])


@given(st.integers(1, 10**7), st.integers(100, 10**6))
def test_the_window_grows_slower_than_what_was_played(total: int, smallest: int) -> None:
    size = window_size(total, smallest)
    assert min(total, smallest) <= size <= total
    assert window_size(total + 1000, smallest) >= size


def test_the_window_is_katagos() -> None:
    """250,000 at first; after a hundred times as many positions 250,000 (1 + 0.4 (100^0.75 - 1) / 0.75)."""
    assert window_size(25_000_000, 250_000) == pytest.approx(250_000 * (1 + 0.4 * (100**0.75 - 1) / 0.75), abs=1)


def test_surprise_is_where_search_changed_its_mind() -> None:
    priors = np.array([[0.5, 0.5], [0.9, 0.1], [0.9, 0.1]], np.float32)
    policies = np.array([[0.5, 0.5], [0.9, 0.1], [0.1, 0.9]], np.float32)
    weights = surprise_weights(policies, priors, share=0.5)
    assert weights == pytest.approx([0.5, 0.5, 2.0])
    assert (surprise_weights(policies, priors, share=0) == 1).all()
    assert (surprise_weights(policies, policies, share=0.5) == 1).all()
