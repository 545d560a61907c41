"""Matches between players that are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pawl.cli import main
from pawl.errors import ConfigError
from pawl.models.board_net import BoardArchitecture
from pawl.models.board_policy import BoardPolicy
from pawl.opponents_match import named_match


def test_who_is_stronger_scores_more() -> None:
    found = named_match("connect_four", "minimax:4", "random", openings=10)
    assert found["games"] == 20 == found["won"] + found["drawn"] + found["lost"]
    assert found["score"] > 0.9 and found["ci"][0] < found["score"]


def test_sides_swapped_are_scores_swapped() -> None:
    ours, theirs = (named_match("connect_four", *players, openings=20, seed=3)
                    for players in (("minimax:1", "random"), ("random", "minimax:1")))
    assert ours["score"] == pytest.approx(1 - theirs["score"])


def test_a_checkpoint_plays(tmp_path: Path) -> None:
    BoardPolicy.fresh(BoardArchitecture(2, 6, 7, 7, 1), "connect_four", seed=0).save(tmp_path / "net")
    found = named_match("connect_four", str(tmp_path / "net"), "random", openings=4, simulations=8)
    assert found["first"] == "net with 8 simulations" and found["games"] == 8


def test_a_player_that_is_none_is_named() -> None:
    with pytest.raises(ConfigError, match="nobody"):
        named_match("connect_four", "random", "nobody")


def test_the_command_says_it_in_words_and_as_json() -> None:
    words = ["match", "connect_four", "minimax:2", "random", "--openings", "3"]
    told, data = (CliRunner().invoke(main, [*words, *more]) for more in ([], ["--json"]))
    assert told.exit_code == data.exit_code == 0
    assert "minimax 2 scores" in told.stdout and "6 games from 3 openings" in told.stdout
    assert json.loads(data.stdout.splitlines()[-1])["games"] == 6
