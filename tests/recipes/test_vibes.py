"""Policy gradient on a reward model, small: both curves, the labellers' truth, and what is stopped goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from stopping import carried_out, same_as_whole, silent

from pawl.errors import ConfigError
from pawl.ledger import Ledger
from pawl.recipes import vibes
from pawl.recipes.vibes import Settings
from pawl.report import render_report
from pawl.run_directory import RunDirectory
from pawl.tasks.connect_four import ConnectFour
from pawl.tasks.countdown import Countdown
from pawl.terminal import run_in_words

torch.set_num_threads(1)
GAME = ConnectFour()
SMALL = Settings(depth=1, teacher=1, expert_games=60, passes=2, comparisons=2000, comparison_passes=4, noise=0.1,
                 batch=64, rounds=2, round_steps=3, round_games=32, test_openings=10, device="cpu", dtype="float32")


def carry_out(path: Path, notify: Any = silent) -> dict[str, Any]:
    return carried_out(vibes, SMALL, GAME, path, notify)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = tmp_path_factory.mktemp("vibes") / "run"
    return path, carry_out(path)


def test_labellers_are_measured_against_the_truth(made: tuple[Path, dict[str, Any]]) -> None:
    labeller = made[1]["labeller"]
    assert 0.5 < labeller["agreement_low"] < labeller["agreement"] < labeller["agreement_high"] < 1
    assert labeller["decided"] > 50 and labeller["foreseen"] > 0.6


def test_both_curves_begin_with_the_same_policy(made: tuple[Path, dict[str, Any]]) -> None:
    liked, won = made[1]["curves"]["liked"], made[1]["curves"]["won"]
    assert [one["steps"] for one in liked] == [one["steps"] for one in won] == [0, 3, 6]
    assert liked[0] == won[0] and liked[0]["won"] == 0.5 and liked[-1] != won[-1]
    with Ledger.open(made[0] / "run.db", read_only=True) as ledger:
        rows = ledger.generations()
        assert [row.notes[0] for row in rows] == ["reward model", "liked 1", "liked 2", "won 1", "won 2"]
        assert ledger.champion == rows[-1].candidate


def test_the_result_is_in_the_report_and_in_the_terminal(made: tuple[Path, dict[str, Any]]) -> None:
    path, result = made
    assert result.keys() >= {"recipe", "task", "seed", "base", "final", "generations", "promoted", "refused", "seconds",
                             "truth_bits", "sentence"}
    words = run_in_words({**result, "report": "there"})
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        page = render_report(ledger)
    for said in ("How far the proxy carries", "Who says what is liked"):
        assert said in words and said in page
    assert result["sentence"] in words and "What the proxy says, and what is true" in page and "<svg" in page


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(made: tuple[Path, dict[str, Any]],
                                                             tmp_path: Path) -> None:
    stops = (("train", 0), ("score", 1), ("gate", 3), ("train", 5))
    assert same_as_whole(carry_out, made[0], tmp_path / "stopped", stops)


def test_a_game_whose_looks_are_not_known_is_refused(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path / "run") as directory:
        ledger = Ledger.create(directory.ledger_path, {})
        with ledger, pytest.raises(ConfigError, match="must have connect_four"):
            vibes.run(SMALL, Countdown(), directory, ledger, silent)
