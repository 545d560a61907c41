"""Games and players by the words that name them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pawl.cli import main
from pawl.errors import CheckpointError, ConfigError, UnknownNameError
from pawl.ledger import Ledger
from pawl.models.board_net import BoardArchitecture
from pawl.models.board_policy import BoardPolicy
from pawl.models.checkpoint import fingerprint
from pawl.opponents import open_game, open_model, open_network, open_player
from pawl.run_directory import RunDirectory
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
    assert player.name == f"{network.name} with 8 simulations"
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


OWN = """
from boards import TicTacToe
from pawl.config import settings


@settings
class Own(TicTacToe):
    length: int = 1
    name = "own"
"""


@pytest.fixture
def own_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run on a game of one's own with a setting, before its first generation."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "tasks"))
    monkeypatch.delitem(sys.modules, "own_game", raising=False)
    (tmp_path / "own_game.py").write_text(OWN)
    header = {"recipe": "alphazero", "task": "own_game:Own", "seed": 0, "task_settings": {"length": 4}}
    policy = BoardPolicy.fresh(BoardArchitecture(2, 3, 3, 9, 1), "own", seed=0)
    with RunDirectory.create(tmp_path / "run") as directory:
        directory.write_config(header)
        with Ledger.create(directory.ledger_path, header) as ledger:
            ledger.set_base({}, {}, directory.store(policy.save, fingerprint))
    return tmp_path / "run"


def test_a_run_knows_its_own_game_and_its_settings(own_run: Path) -> None:
    game, network = open_model(own_run)
    assert game.name == network.game == "own" and game.length == 4  # type: ignore[attr-defined]  # of this game


def test_a_checkpoint_must_be_told_a_game_of_ones_own(own_run: Path, tmp_path: Path) -> None:
    checkpoint = next((own_run / "checkpoints").iterdir())
    shutil.copytree(checkpoint, tmp_path / "alone")
    with pytest.raises(ConfigError, match="only says 'own'\nhint: name the game with --task"):
        open_model(tmp_path / "alone")
    game, _ = open_model(tmp_path / "alone", "own_game:Own")
    assert game.name == "own" and game.length == 1  # type: ignore[attr-defined]  # of this game
    with pytest.raises(ConfigError, match="which learnt own, for connect_four"):
        open_model(tmp_path / "alone", "connect_four")
    with pytest.raises(UnknownNameError):
        open_model(tmp_path / "alone", "conect_five")


def test_the_command_speaks_gtp_about_a_game_of_ones_own(own_run: Path) -> None:
    asked = "list_commands\nplay b 4\ngenmove w\nquit\n"
    done = CliRunner().invoke(main, ["gtp", "--model", str(own_run), "--simulations", "4"], input=asked)
    assert done.exit_code == 0 and "genmove" in done.output
    assert done.output.split("=")[-2].strip() in {"0", "1", "2", "3", "5", "6", "7", "8"}
