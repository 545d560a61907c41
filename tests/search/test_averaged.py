"""Boards seen from all sides."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pawl.models.board_net import BoardArchitecture
from pawl.models.board_policy import BoardPolicy
from pawl.search.averaged import Averaged
from pawl.search.boards import uniform
from pawl.tasks.board import Board
from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.one_by_one import many_boards

torch.set_num_threads(1)
CONNECT_FOUR = ConnectFour()


def lopsided(shape: tuple[int, int, int], moves: int, game: str) -> BoardPolicy:
    """A network that sees sides differently."""
    policy = BoardPolicy.fresh(BoardArchitecture(*shape, moves, 1), game, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in policy.net.parameters():
            tensor.add_(torch.randn(tensor.shape, generator=generator) * 0.3)
    return policy


def test_mirrored_positions_are_judged_alike_and_their_moves_mirrored() -> None:
    network = lopsided(CONNECT_FOUR.shape, CONNECT_FOUR.moves, CONNECT_FOUR.name)
    rules, averaged = CONNECT_FOUR.many(), Averaged(network, CONNECT_FOUR.symmetries())
    lines = [[0, 1, 1], [3, 3, 2, 6], [5]]
    states, mirrored = rules.start(lines), rules.start([[6 - move for move in line] for line in lines])
    (plain, value), (other, same) = (averaged(each, rules.view(each)) for each in (states, mirrored))
    np.testing.assert_allclose(plain, other[:, ::-1], atol=1e-6)
    np.testing.assert_allclose(value, same, atol=1e-6)
    raw = network(states, rules.view(states))[1], network(mirrored, rules.view(mirrored))[1]
    assert np.abs(raw[0] - raw[1]).max() > 1e-3  # which the network alone does not
    np.testing.assert_allclose(value, (raw[0] + raw[1]) / 2, atol=1e-6)


def test_moves_that_are_turned_come_back_to_where_they_are_legal() -> None:
    pytest.importorskip("pyspiel", reason="the game is OpenSpiel's")
    game = Board(game="go(board_size=5)")
    rules = many_boards(game)
    states = rules.start([[0, 7, 3], [12, 1, 24, 8]])
    views = rules.view(states)
    priors, _ = Averaged(lopsided(game.shape, game.moves, game.name), game.symmetries())(states, views)
    np.testing.assert_allclose(priors.sum(axis=1), 1, atol=1e-5)
    assert (priors[~views.legal] == 0).all() and (priors[views.legal] > 0).all()


def test_a_game_without_symmetries_is_seen_as_it_is() -> None:
    rules = CONNECT_FOUR.many()
    states = rules.start([[1], [2, 2]])
    found, expected = Averaged(uniform, ())(states, rules.view(states)), uniform(states, rules.view(states))
    assert np.array_equal(found[0], expected[0]) and np.array_equal(found[1], expected[1])
