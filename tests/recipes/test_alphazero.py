"""AlphaZero on three in a row: it learns, it is honest, and what is stopped goes on as if it had not been."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stopping import Stopped, carried_out, silent

from pawl.errors import ConfigError
from pawl.ledger import Ledger
from pawl.models.board_policy import BoardPolicy
from pawl.models.checkpoint import fingerprint
from pawl.recipes import alphazero
from pawl.recipes.alphazero import Settings
from pawl.records import Event
from pawl.report import render_report
from pawl.run_directory import RunDirectory
from pawl.selection.window import positions_of
from pawl.tasks.countdown import Countdown
from pawl.tasks.one_by_one import many_boards

sys.path.insert(0, str(Path(__file__).parents[1] / "tasks"))
from boards import TicTacToe, worth

torch.set_num_threads(1)
GAME = TicTacToe()
SMALL = Settings(depth=2, generations=4, games=150, simulations=16, batch=128, gate_openings=40, test_openings=20,
                 test_simulations=32, explore=5, passes=8.0, openings=0.5, device="cpu", dtype="float32")


def carry_out(path: Path, settings: Settings, notify: Any = silent) -> dict[str, Any]:
    return carried_out(alphazero, settings, GAME, path, notify)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    path = tmp_path_factory.mktemp("alphazero") / "run"
    return path, carry_out(path, SMALL)


def opened(path: Path, name: str) -> BoardPolicy:
    from pawl.models.board_policy import load_board_policy

    with RunDirectory.open(path, read_only=True) as directory:
        return load_board_policy(directory.verify(name, fingerprint))


def mistakes(policy: BoardPolicy) -> float:
    """Share of the positions of the game in which the likeliest move gives away what the position is worth."""
    known: dict[Any, float] = {}
    worth(GAME, GAME.start(), known)
    states = [state for state in known if not GAME.terminal(state)]
    rules = many_boards(GAME)
    array = np.array(states, dtype=object)
    moves = policy(array, rules.view(array))[0].argmax(axis=1)
    return float(np.mean([known[GAME.step(state, int(move))] != known[state]
                          for state, move in zip(states, moves, strict=True)]))


def test_it_learns_to_play(learnt: tuple[Path, dict[str, Any]]) -> None:
    path, result = learnt
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        assert ledger.base is not None and ledger.champion is not None
        before, after = (mistakes(opened(path, name)) for name in (ledger.base.checkpoint, ledger.champion))
    assert result["promoted"] >= 1
    assert before > 0.25 and after < 0.6 * before
    strongest = {who: rows[-1]["score"] for who, rows in result["players"].items()}
    assert strongest["search"] > strongest["base"] + 0.15
    elo = {row["player"]: row["elo"] for row in result["elo"]}
    assert elo["random"] == 0 and max(elo[name] for name in elo if name.startswith("generation")) > elo["base"] > 0


def test_the_result_is_as_other_recipes_tell_it(learnt: tuple[Path, dict[str, Any]]) -> None:
    _, result = learnt
    assert result.keys() >= {"recipe", "task", "seed", "base", "final", "generations", "promoted", "refused", "seconds",
                             "truth_bits"}
    for rate in (result["base"], result["final"], result["final"]["search"]):
        assert 0 <= rate["ci"][0] <= rate["pass@1"] <= rate["ci"][1] <= 1
    assert result["generations"] == 4 == result["promoted"] + result["refused"]
    assert result["seconds"].keys() >= {"total", "sample", "score", "train", "gate", "test"}


def test_games_stand_in_the_ledger_and_give_back_what_was_learnt(learnt: tuple[Path, dict[str, Any]]) -> None:
    path, _ = learnt
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        for row in ledger.generations():
            games, attempts = ledger.games([row.index]), list(ledger.attempts(row.index))
            assert len(games) == len(attempts) == SMALL.games
            for game, (attempt, verdict) in zip(games, attempts, strict=True):
                assert game.problem_id == attempt.problem.id
                assert GAME.score(attempt.problem, attempt.completion.text) == verdict.score == (game.result + 1) / 2
                assert np.array_equal(game.moves, attempt.completion.tokens)
            positions = positions_of(games, many_boards(GAME))
            assert len(positions) == row.metrics["positions"]
        first = [attempt for attempt, _ in ledger.attempts(1) if attempt.problem.id.endswith("from the start")]
        assert len(first) == 75 and [attempt.index for attempt in first] == list(range(75))


def test_openings_are_of_their_splits(learnt: tuple[Path, dict[str, Any]]) -> None:
    path, _ = learnt
    gate, train = ({problem.id for problem in GAME.problems(split, 10**6, 0)} for split in ("gate", "train"))
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        for row in ledger.generations():
            assert {name.split(": ", 1)[1] for name in row.contest_ids} <= gate
            played = {attempt.problem.id for attempt, _ in ledger.attempts(row.index)}
            assert played - {"three: from the start"} <= train


def test_every_network_is_kept_and_what_is_refused_is_learnt_on(learnt: tuple[Path, dict[str, Any]]) -> None:
    path, _ = learnt
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        for row in ledger.generations():
            assert row.candidate is not None
            opened(path, row.candidate)


def test_every_generation_says_what_it_must_be_able_to_say(learnt: tuple[Path, dict[str, Any]]) -> None:
    path, _ = learnt
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        for row in ledger.generations():
            assert row.metrics.keys() >= {"games", "positions", "simulations", "game_length", "first_wins", "draws",
                                          "search_kl", "prior_entropy", "policy_loss", "value_loss", "window",
                                          "gate_candidate", "gate_games", "truth_bits_self"}
        page = render_report(ledger)
    for words in ("How strong is it?", "Games to read", "Elo", "simulations a second", "Who wins", "of self-play",
                  "every position", "of 4,520 solved positions"):
        assert words in page


def test_mistakes_are_counted_in_every_position_of_a_small_game(learnt: tuple[Path, dict[str, Any]]) -> None:
    path, result = learnt
    rows = {row["player"]: row for row in result["mistakes"]}
    assert {row["kind"] for row in rows.values()} == {"every position"}
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        assert ledger.base is not None
        assert rows["base"]["rate"] == pytest.approx(mistakes(opened(path, ledger.base.checkpoint)))
    assert rows["search"]["rate"] < rows["policy"]["rate"] < rows["base"]["rate"]


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    settings = replace(SMALL, generations=2, games=40, gate_openings=6, test_openings=4)
    carry_out(tmp_path / "whole", settings)

    def stop(at: int) -> Any:
        heard: list[Event] = []

        def notify(event: Event) -> None:
            heard.append(event)
            if len(heard) == at:
                raise Stopped

        return notify

    for at in (3, 12, 25):
        with pytest.raises(Stopped):
            carry_out(tmp_path / "stopped", settings, stop(at))
    carry_out(tmp_path / "stopped", settings)
    digests = []
    for name in ("whole", "stopped"):
        with Ledger.open(tmp_path / name / "run.db", read_only=True) as ledger:
            digests.append(ledger.digest())
    assert digests[0] == digests[1]


def test_a_task_that_is_no_game_is_refused(tmp_path: Path) -> None:
    with RunDirectory.create(tmp_path / "run") as directory:
        ledger = Ledger.create(directory.ledger_path, {})
        with ledger, pytest.raises(ConfigError, match="must have a board game"):
            alphazero.run(SMALL, Countdown(), directory, ledger, silent)


def test_options_of_the_recipe_run(tmp_path: Path) -> None:
    """KataGo's targets and weights, PUCT with temperature, giving up, no gate."""
    options = replace(SMALL, generations=1, games=30, rule="puct", reply=True, surprise=0.5, resign=-0.9, alpha=1.0,
                      keep_tree=False, plays="champion", test_openings=2, gate_openings=4)
    result = carry_out(tmp_path / "run", options)
    assert result["promoted"] == 1
    with Ledger.open(tmp_path / "run" / "run.db", read_only=True) as ledger:
        row, = ledger.generations()
        assert "reply_loss" in row.metrics and row.decision is not None
        assert row.decision.reasons[0].startswith("promoted without a gate")
        assert len({round(float(weight), 4) for game in ledger.games([1]) for weight in game.weights}) > 10
