"""Games and players by the words that name them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pawl.errors import CheckpointError, ConfigError, UnknownNameError
from pawl.models.board_net import BoardArchitecture
from pawl.models.board_policy import BoardPolicy
from pawl.opponents import open_game, open_network, open_player
from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.one_by_one import many_boards

GAME = ConnectFour()
RULES = GAME.many()


@pytest.fixture
def network(tmp_path: Path) -> Path:
    BoardPolicy.fresh(BoardArchitecture(*GAME.shape, GAME.moves, 1), GAME.name, seed=0).save(tmp_path / "net")
    return tmp_path / "net"


def test_games_by_name() -> None:
    assert isinstance(open_game("connect_four"), ConnectFour)
    pytest.importorskip("pyspiel", reason="other games are OpenSpiel's")
    assert open_game("go(board_size=5)").moves == 26
    with pytest.raises(UnknownNameError):
        open_game("conect_five")
    with pytest.raises(ConfigError, match="must have players and boards"):
        open_game("countdown")


@pytest.mark.parametrize(("words", "name"), [
    ("random", "random"), ("mcts:7", "mcts with 7 playouts"), ("minimax:3", "minimax 3"), ("exact", "exact")])
def test_players_by_sort(words: str, name: str) -> None:
    player = open_player(words, GAME, RULES)
    assert player.name == name
    line = [0, 1, 0, 1, 0, 1]
    move = int(player.choose([line], RULES.start([line]), np.zeros(1, np.uint64))[0])
    assert move in GAME.actions(GAME.after(line))


def test_a_network_plays_the_game_that_it_learnt(network: Path) -> None:
    player = open_player(str(network), GAME, RULES, simulations=8)
    assert player.name == "with 8 simulations"
    pytest.importorskip("pyspiel", reason="the other game is OpenSpiel's")
    other = open_game("tic_tac_toe")
    with pytest.raises(ConfigError, match="which learnt connect_four, for tic_tac_toe"):
        open_player(str(network), other, RULES)


@pytest.mark.parametrize("words", ["minimax:3", "exact"])
def test_players_who_think_ahead_play_any_small_game(words: str) -> None:
    pytest.importorskip("pyspiel", reason="the game is OpenSpiel's")
    game = open_game("tic_tac_toe")
    rules = many_boards(game)
    line = [0, 4, 8, 2]  # who moves must play 6
    assert open_player(words, game, rules).choose([line], rules.start([line]), np.zeros(1, np.uint64)).tolist() == [6]


@pytest.mark.parametrize(("words", "name"), [("open_spiel:mcts:50", "OpenSpiel's mcts with 50 simulations"),
                                             ("open_spiel:uniform_random", "OpenSpiel's uniform_random")])
def test_bots_of_open_spiel(words: str, name: str) -> None:
    pytest.importorskip("pyspiel", reason="the bots are OpenSpiel's")
    assert open_player(words, GAME, RULES).name == name


@pytest.mark.parametrize("words", ["", "exact:3", "mcts", "mcts:", "mcts:-3", "minimax:many", "random:3", "gtp:",
                                   "nobody", "open_spiel:mcts", "open_spiel:uniform_random:3"])
def test_what_names_no_player_is_refused(words: str) -> None:
    with pytest.raises(ConfigError, match="a player must"):
        open_player(words, GAME, RULES)


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        open_network(tmp_path)
