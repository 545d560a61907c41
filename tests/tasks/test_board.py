"""Games of OpenSpiel as tasks."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from boards import random_game

from pawl.errors import ConfigError, MissingExtraError, UnknownNameError
from pawl.interfaces import Game
from pawl.tasks.board import Board

pytest.importorskip("pyspiel", reason="the games are OpenSpiel's")
NAMES = ("tic_tac_toe", "connect_four", "othello", "hex(board_size=5)", "go(board_size=5)", "breakthrough", "chess")


@pytest.mark.parametrize("name", NAMES)
def test_a_game_by_its_name(name: str) -> None:
    game = Board(game=name)
    assert isinstance(game, Game) and game.name == name
    line = random_game(game, np.random.default_rng(0))
    for state, move in line:
        board = game.observe(state)
        assert board.shape == game.shape and board.dtype == np.float32
        assert (board[-1] == game.player(state)).all()
        assert (move in game.actions(state)) == (move >= 0)
        if move >= 0:
            assert game.parse_move(state, game.move_name(state, move)) == move
    end = line[-1][0]
    assert game.terminal(end) and sum(game.returns(end)) == 0 and abs(game.returns(end)[0]) <= 1
    moves = " ".join(game.move_name(state, move) for state, move in line[:-1])
    assert game.score(game.problem([], "test"), moves) == (game.returns(end)[0] + 1) / 2


@pytest.mark.parametrize(("name", "count"), [("tic_tac_toe", 7), ("go(board_size=5)", 7), ("othello", 3),
                                             ("connect_four", 1), ("chess", 0)])
def test_symmetries_commute_with_moves(name: str, count: int) -> None:
    game, random = Board(game=name), np.random.default_rng(0)
    assert len(game.symmetries()) == count
    for symmetry in game.symmetries():
        new = np.argsort(symmetry.moves)
        state = turned = game.start()
        while not game.terminal(state):
            planes = game.observe(state).reshape(game.shape[0], -1)
            assert np.array_equal(planes[:, symmetry.cells], game.observe(turned).reshape(planes.shape))
            move = int(random.choice(game.actions(state)))
            state, turned = game.step(state, move), game.step(turned, int(new[move]))
        assert game.returns(state) == game.returns(turned)


def test_a_name_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as error:
        Board(game="ches")
    assert "chess" in str(error.value.hint)


@pytest.mark.parametrize("name", ["kuhn_poker", "backgammon", "matching_pennies_3p"])
def test_a_game_of_another_kind_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="two players who move in turn"):
        Board(game=name)


def test_parameters_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match="parameters"):
        Board(game="go(bord_size=7)")


def test_without_openspiel_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspiel", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pawl\[games\]'"):
        Board(game="chess")


@pytest.mark.parametrize(("name", "komi"), [("go(board_size=7,komi=9.0)", 9.0), ("go(board_size=5)", 7.5),
                                            ("chess", None)])
def test_go_says_its_komi_and_other_games_none(name: str, komi: float | None) -> None:
    assert Board(game=name).komi == komi
