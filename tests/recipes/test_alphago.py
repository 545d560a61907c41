"""AlphaGo's pipeline, small: every stage makes its network, the tables are whole, and what is stopped goes on."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from stopping import carried_out, same_as_whole, silent

from pawl.errors import ConfigError
from pawl.interfaces import Game
from pawl.ledger import Ledger
from pawl.recipes import alphago
from pawl.recipes.alphago import Settings
from pawl.report import render_report
from pawl.run_directory import RunDirectory
from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.countdown import Countdown
from pawl.terminal import run_in_words

sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))
from boards import TicTacToe

torch.set_num_threads(1)
GAME = ConnectFour()
SMALL = Settings(depth=1, teacher=1, expert_games=300, passes=6, batch=64, rounds=2, round_steps=3, round_games=32,
                 value_games=300, value_passes=10, simulations=2, prior_simulations=(1,), test_openings=4,
                 pool_openings=1, device="cpu", dtype="float32")


def carry_out(path: Path, notify: Any = silent, settings: Settings = SMALL, game: Game = GAME) -> dict[str, Any]:
    return carried_out(alphago, settings, game, path, notify)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = tmp_path_factory.mktemp("alphago") / "run"
    return path, carry_out(path)


def test_every_stage_makes_its_network(made: tuple[Path, dict[str, Any]]) -> None:
    with Ledger.open(made[0] / "run.db", read_only=True) as ledger:
        rows = ledger.generations()
        assert ledger.base is not None
        assert [row.notes[0] for row in rows] == [
            "cheap policy", "policy gradient 1", "policy gradient 2", "value, one position a game",
            "value, all positions of a game"]
        assert len({ledger.base.checkpoint, *(row.candidate for row in rows)}) == 6
        assert ledger.champion == rows[2].candidate, "the policy plays, a value does not"
        foreseen = [ledger.base.metrics["accuracy"], rows[0].metrics["accuracy"]]
        assert min(foreseen) > 0.2, "one move in seven by chance"
        assert rows[0].metrics["flops"] < ledger.base.metrics["flops"] / 4


def test_who_is_shown_whole_games_remembers_them(made: tuple[Path, dict[str, Any]]) -> None:
    one, all_ = made[1]["values"]
    assert one["positions"] == 300 <= all_["positions"] < 350
    assert all_["error_ratio"] > 1.3 * one["error_ratio"] > 0


def test_the_result_is_as_other_recipes_tell_it(made: tuple[Path, dict[str, Any]]) -> None:
    result = made[1]
    assert result.keys() >= {"recipe", "task", "seed", "base", "final", "generations", "promoted", "refused", "seconds",
                             "truth_bits", "sentence"}
    for rate in (result["base"], result["final"], result["final"]["search"], *result["matches"], *result["priors"]):
        assert 0 <= rate["ci"][0] <= rate.get("pass@1", rate.get("score")) <= rate["ci"][1] <= 1
    elo = {row["player"]: row["elo"] for row in result["elo"]}
    assert elo["policy"] == 0 and elo.keys() > {"teacher", "random", "rollouts, value, policy", "policy gradient"}
    assert [row["other_simulations"] for row in result["priors"]] == [8, 2, 8]


def test_every_table_is_in_the_report_and_in_the_terminal(made: tuple[Path, dict[str, Any]]) -> None:
    path, result = made
    words = run_in_words({**result, "report": "there"})
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        page = render_report(ledger)
    for title in ("What each part is worth", "What policy gradient won", "Two values", "What a prior is worth",
                  "Whose moves are foreseen"):
        assert title in words and title in page
    assert result["sentence"] in words and "Stage by stage" in page and "What the gate decided" not in page


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(made: tuple[Path, dict[str, Any]],
                                                             tmp_path: Path) -> None:
    stops = (("sample", 0), ("train", 2), ("train", 4), ("test", 5))
    assert same_as_whole(carry_out, made[0], tmp_path / "stopped", stops)


def test_any_game_will_do(tmp_path: Path) -> None:
    settings = replace(SMALL, expert_games=30, passes=1, batch=32, rounds=1, round_steps=1, round_games=8,
                       value_games=40, value_passes=1, test_openings=2)
    result = carry_out(tmp_path / "run", settings=settings, game=TicTacToe())
    assert result["teacher"].startswith("mcts") and len(result["elo"]) == 12


def test_a_task_that_is_no_game_is_refused(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path / "run") as directory:
        ledger = Ledger.create(directory.ledger_path, {})
        with ledger, pytest.raises(ConfigError, match="must have a board game"):
            alphago.run(SMALL, Countdown(), directory, ledger, silent)
