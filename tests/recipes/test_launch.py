"""From words to a run, and back to it after a kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import pawl
from pawl.config import read_toml
from pawl.errors import ConfigError, RunError, UnknownNameError
from pawl.ledger import Ledger
from pawl.recipes.launch import launch, resume
from pawl.records import Event

torch.set_num_threads(1)

HERE = Path(__file__).parent
TINY: dict[str, Any] = {
    "task": "letters:Few", "tokenizer": "char", "depth": 1, "base_steps": 2, "batch": 16, "generations": 2,
    "problems": 8, "attempts": 2, "max_tokens": 3, "gate_problems": 5, "device": "cpu",
}


def silent(event: Event) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run and what it printed."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    return out, launch("expert-iteration", TINY, out, silent)


def test_a_run_leaves_its_settings_its_ledger_its_weights_and_its_report(finished: tuple[Path, dict[str, Any]]) -> None:
    out, result = finished
    assert {path.name for path in out.iterdir()} >= {"config.toml", "run.db", "checkpoints", "report.html"}
    assert (result["out"], result["report"]) == (str(out), str(out / "report.html"))
    json.dumps(result)


def test_the_ledger_says_what_was_run(finished: tuple[Path, dict[str, Any]]) -> None:
    with Ledger.open(finished[0] / "run.db", read_only=True) as ledger:
        header = ledger.header
    assert (header["recipe"], header["task"], header["seed"]) == ("expert-iteration", "letters:Few", 0)
    assert (header["pawl"], header["torch"]) == (pawl.__version__, torch.__version__)
    assert header["settings"]["attempts"] == 2


def test_a_runs_own_settings_start_the_same_run(finished: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    values = read_toml(finished[0] / "config.toml")
    recipe = values.pop("recipe")
    values.pop("threads", None)
    launch(recipe, values, tmp_path / "again", silent)
    digests = set()
    for path in (finished[0], tmp_path / "again"):
        with Ledger.open(path / "run.db", read_only=True) as ledger:
            digests.add(ledger.digest())
    assert len(digests) == 1


@pytest.mark.usefixtures("quick_peak")
def test_a_profile_changes_nothing_in_the_ledger_and_names_every_stage(
    finished: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    out, events = tmp_path / "profiled", list[Event]()
    result = launch("expert-iteration", TINY, out, events.append, profile=True)
    theirs = finished[0] / "run.db"
    with Ledger.open(out / "run.db", read_only=True) as ours, Ledger.open(theirs, read_only=True) as one:
        assert ours.digest() == one.digest()
    stages = {row["name"]: row for row in result["profile"]["stages"]}
    assert stages.keys() >= {"base", "select", "sample", "score", "ledger", "checkpoint", "test", "report", "all"}
    assert stages["sample"]["sampled"] > 0 and stages["base"]["learnt"] > 0
    assert {path.name for path in out.iterdir()} >= {"profile.json", "profile.html"}
    assert any("GFLOP/s" in event.message for event in events)


@pytest.mark.usefixtures("quick_peak")
def test_a_resumed_run_can_be_profiled(finished: tuple[Path, dict[str, Any]]) -> None:
    out, result = finished
    found = resume(out, silent, profile=True)
    assert found.pop("profile")["page"] == str(out / "profile.html")
    assert found == result


def test_a_run_that_has_ended_gets_its_report_again(finished: tuple[Path, dict[str, Any]]) -> None:
    out, result = finished
    (out / "report.html").unlink()
    assert resume(out, silent) == result
    assert (out / "report.html").is_file()


def test_a_run_does_not_start_where_one_is(finished: tuple[Path, dict[str, Any]]) -> None:
    with pytest.raises(RunError, match="must be new or empty"):
        launch("expert-iteration", TINY, finished[0], silent)


def test_there_is_nothing_to_resume_where_no_run_is(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"config\.toml"):
        resume(tmp_path, silent)


@pytest.mark.parametrize(("recipe", "values", "error", "said"), [
    ("expert-iteratoin", {"task": "countdown"}, UnknownNameError, "did you mean 'expert-iteration'"),
    ("expert-iteration", {}, ConfigError, "must be given a task"),
    ("expert-iteration", {"task": "countdwon"}, UnknownNameError, "did you mean 'countdown'"),
    ("countdown", {"atempts": 3}, UnknownNameError, "did you mean 'attempts'"),
    ("countdown", {"attempts": 0}, ConfigError, "attempts must be 1 or more, got 0"),
])
def test_a_word_that_is_wrong_is_refused_before_anything_is_made(
    tmp_path: Path, recipe: str, values: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as caught:
        launch(recipe, values, tmp_path / "out", silent)
    assert said in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("recipe", ["expert-iteration", "reason"])
def test_a_run_killed_ten_times_ends_as_one_that_nobody_interrupted(recipe: str, tmp_path: Path) -> None:
    """Five times at an event, five times at any moment; see `killed.py`."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, HERE / "killed.py", tmp_path, recipe], cwd=HERE, env=environment,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    deaths = [run.pop("deaths") for run in found.values()]
    assert sum(deaths) >= 9  # a run may end before its last killer comes
    assert found["by event"] == found["whole"] == found["by time"]
    assert found["whole"]["promoted"] >= 1 and found["whole"]["report"]
