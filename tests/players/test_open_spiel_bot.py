"""OpenSpiel's bots as players."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from pawl.errors import ConfigError, MissingExtraError, UnknownNameError
from pawl.interfaces import Game
from pawl.match import match
from pawl.players.connect_four import ConnectFourMinimax
from pawl.players.open_spiel_bot import OpenSpielBot
from pawl.players.simple import RandomPlayer
from pawl.tasks.board import Board
from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.one_by_one import many_boards

sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))
from boards import TicTacToe

GAME = ConnectFour()
with_open_spiel = pytest.mark.skipif(find_spec("pyspiel") is None, reason="the bots are OpenSpiel's")


def keys(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.uint64)


def test_without_open_spiel_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspiel", None)
    with pytest.raises(MissingExtraError, match="pawl\\[games\\]"):
        OpenSpielBot("mcts", GAME)


def test_a_game_of_ones_own_is_none_of_open_spiels() -> None:
    with pytest.raises(ConfigError, match="must have a game of OpenSpiel, got three"):
        OpenSpielBot("mcts", TicTacToe())


@with_open_spiel
def test_its_search_takes_a_win_and_prevents_a_loss() -> None:
    lines = [[0, 1, 0, 1, 0, 1], [0, 1, 0, 1, 0], [6, 5, 6, 5, 6]]
    bot = OpenSpielBot("mcts", GAME, simulations=500)
    assert bot.name == "OpenSpiel's mcts with 500 simulations"
    assert bot.choose(lines, GAME.many().start(lines), keys(3)).tolist() == [0, 0, 6]


@with_open_spiel
@pytest.mark.parametrize("game", [GAME, "tic_tac_toe", "go(board_size=5)"], ids=str)
def test_it_plays_whole_games_by_the_rules(game: Game | str) -> None:
    game = Board(game=game) if isinstance(game, str) else game
    rules = many_boards(game)
    played = match(OpenSpielBot("mcts", game, simulations=100), RandomPlayer(rules), rules, [[]] * 4, key=1)
    assert played.scores.mean() >= 0.75


@with_open_spiel
def test_more_simulations_play_better() -> None:
    rules, openings = GAME.many(), [list(problem.data["moves"]) for problem in GAME.problems("test", 20, 0)]
    few, many = (match(OpenSpielBot("mcts", GAME, simulations=count), ConnectFourMinimax(2), rules, openings, key=1)
                 for count in (10, 1000))
    assert many.pairs.mean() > few.pairs.mean() + 0.2


@with_open_spiel
@pytest.mark.parametrize("bot", ["mcts", "uniform_random"])
def test_its_luck_is_the_moves_key(bot: str) -> None:
    player, rules = OpenSpielBot(bot, GAME, simulations=10), GAME.many()
    lines: list[list[int]] = [[]] * 60
    moves = player.choose(lines, rules.start(lines), keys(60))
    assert np.array_equal(player.choose(lines, rules.start(lines), keys(60)), moves)
    assert np.array_equal(player.choose(lines[:9], rules.start(lines[:9]), keys(60)[::-1][:9]), moves[::-1][:9])
    assert len(set(moves.tolist())) >= 5


@with_open_spiel
def test_a_bot_that_it_does_not_have_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'uniform_random'"):
        OpenSpielBot("uniform_randon", GAME)


@with_open_spiel
def test_a_bot_that_cannot_play_the_game_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be able to play connect_four"):
        OpenSpielBot("uniform_restricted_actions", GAME)
