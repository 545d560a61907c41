"""The command's words: what it prints, where, and how it ends. Runs are those of a toy recipe from another package."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pawl.cli import main
from pawl.ledger import Ledger
from pawl.models.opening import fresh_policy
from pawl.run_directory import RunDirectory
from pawl.search.named import SEARCHES
from pawl.terminal import run_in_words

RECIPE = '''
"""A recipe that learns nothing. It is a toy."""

from typing import Annotated

from pydantic import Field

from pawl.config import settings
from pawl.records import Event

TASK = "countdown"


@settings
class Settings:
    seed: int = 0
    """Names the streams."""
    ends: str = "well"
    """How it ends."""
    step_size: Annotated[float, Field(gt=0)] = 0.5
    """Of nothing."""


def run(settings, task, directory, ledger, notify):
    notify(Event("base", 0, 2, message="a base [/b]\\x1b[2J"))
    if settings.ends == "interrupted":
        raise KeyboardInterrupt
    rates = {"pass@1": 0.25, "ci": [0.2, 0.3], "pass@8": 0.5}
    seconds = dict.fromkeys(("total", "sample", "score", "search", "train", "gate"), 1.0)
    return {
        "recipe": "toy", "task": task.name, "seed": settings.seed, "base": rates, "final": rates, "generations": 0,
        "promoted": 0, "refused": 0, "seconds": seconds, "truth_bits": {}, "max": task.max_number,
    }
'''


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a package installed beside it that offers the recipe `toy`."""
    site = tmp_path / "site"
    (site / "toy-1.0.dist-info").mkdir(parents=True)
    (site / "toy-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (site / "toy-1.0.dist-info" / "entry_points.txt").write_text("[pawl.recipes]\ntoy = toy_recipe\n")
    (site / "toy_recipe.py").write_text(RECIPE)
    monkeypatch.setattr(sys, "path", [str(site), *sys.path])
    monkeypatch.delitem(sys.modules, "toy_recipe", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pawl(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def last_line(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    value: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return value


def test_help_lists_every_command_that_exists() -> None:
    shown = pawl("--help").stdout
    for command in ("run", "resume", "report", "eval", "export", "tasks", "recipes", "check", "bench",
                    "play", "match", "gtp"):
        assert f"\n  {command} " in shown
    assert not [line for line in shown.splitlines() if line.endswith("...") and not line.startswith("Usage")]


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_has_help_and_json(command: str) -> None:
    result = pawl(command, "--help")
    assert result.exit_code == 0
    assert "--json" in result.stdout


def test_an_unknown_command_offers_the_nearest() -> None:
    result = pawl("exprot")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: unknown command: 'exprot'\nhint: did you mean 'export'?\n"


def test_tasks_and_recipes_are_listed_with_a_sentence() -> None:
    assert "countdown     Countdown: combine all the numbers" in pawl("tasks").stdout
    names = {row["name"]: row["sentence"] for row in last_line(pawl("recipes", "--json"))["recipes"]}
    assert names.keys() >= {"countdown", "expert-iteration"}


def test_a_run_prints_its_result_as_json_on_the_last_line(toy: Path) -> None:
    result = pawl("run", "toy", "--seed", 3, "--max-number=9", "--out", "first", "--json")
    printed = last_line(result)
    assert (printed["seed"], printed["max"], printed["out"]) == (3, 9, "first")
    assert (toy / "first" / "report.html").is_file()


def test_a_run_in_words_says_what_it_came_to(toy: Path) -> None:
    lines = pawl("run", "toy", "--out", "first").stdout.splitlines()
    assert lines[:2] == [f"{name:<5}  pass@1 25.0% [20.0%, 30.0%]  pass@8 50.0%" for name in ("base", "final")]
    assert lines[2:] == ["0 generations, 0 promoted, 0 refused, 0:01", "first/report.html"]


@pytest.mark.usefixtures("quick_peak")
def test_a_profile_is_a_table_on_stderr_and_in_json(toy: Path) -> None:
    result = pawl("run", "toy", "--out", "first", "--profile", "--json")
    assert "\nstage " in result.stderr and "of bfloat16" in result.stderr
    assert last_line(result)["profile"]["page"] == "first/profile.html"
    assert (toy / "first" / "profile.html").is_file()
    assert "first/profile.html" in pawl("resume", "first", "--profile").stderr


def test_a_run_in_words_tells_what_search_adds_and_what_was_told() -> None:
    rate = {"pass@1": 0.8, "ci": [0.7, 0.9], "tokens": 186.2}
    search = rate | {"name": "gumbel", "budget": 16, "sentence": "search helps", "uniform": rate | {"pass@1": 0.6},
                     "told": {"uniform": rate | {"pass@1": 1.0}}}
    words = run_in_words({"base": rate, "final": rate | {"search": search}, "generations": 2,
                          "seconds": {"total": 61.0}, "report": "report.html"})
    for line in ("gumbel, 16  ", "gumbel, 16, uniform prior", "told the truth of its ends, uniform prior"):
        assert line in words
    assert "186 tokens a problem" in words and "search helps\n" in words


def test_progress_goes_to_stderr_as_plain_text(toy: Path) -> None:
    result = pawl("run", "toy", "--out", "first", "--json")
    assert "a base [/b][2J" in result.stderr
    assert len(result.stdout.splitlines()) == 1


def test_settings_come_from_toml_and_the_command_line_goes_before_it(toy: Path) -> None:
    (toy / "my.toml").write_text('recipe = "toy"\nseed = 4\nmax-number = 8\n')
    printed = last_line(pawl("run", "--config", "my.toml", "--seed", 5, "--out", "first", "--json"))
    assert (printed["seed"], printed["max"]) == (5, 8)


def test_the_config_that_a_run_wrote_starts_the_same_run_again(toy: Path) -> None:
    first = last_line(pawl("run", "toy", "--seed", 3, "--max-number", 9, "--out", "first", "--json"))
    again = last_line(pawl("run", "--config", "first/config.toml", "--out", "again", "--json"))
    assert {**again, "out": "", "report": ""} == {**first, "out": "", "report": ""}


def test_a_run_that_was_stopped_says_how_to_go_on(toy: Path) -> None:
    result = pawl("run", "toy", "--ends", "interrupted", "--out", "first")
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1].endswith("pawl resume first")
    config = toy / "first" / "config.toml"
    config.write_text(config.read_text().replace("interrupted", "well"))
    assert last_line(pawl("resume", "first", "--json"))["out"] == "first"


def test_a_report_is_written_again(toy: Path) -> None:
    pawl("run", "toy", "--out", "first")
    (toy / "first" / "report.html").unlink()
    assert last_line(pawl("report", "first", "--json")) == {"report": "first/report.html"}
    assert (toy / "first" / "report.html").is_file()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["toys"], "error: unknown recipe: 'toys'\nhint: did you mean 'toy'?\n"),
        (["toy", "--sede", "1"], "error: unknown key: 'sede'\nhint: did you mean 'seed'?\n"),
        (["toy", "--max-numbr", "1"], "error: unknown key: 'max_numbr'\nhint: did you mean 'max_number'?\n"),
        (["toy", "--seed", "x"], "error: seed must be a whole number, got 'x'\n"),
        (["toy", "--step-size", "-1"], "error: step_size must be more than 0, got '-1'\n"),
        (["toy", "--task", "contdown"], "error: unknown task: 'contdown'\nhint: did you mean 'countdown'?\n"),
        (["toy", "stray"], "error: settings must be written --key value, got 'stray'\n"),
        (["--config", "no.toml"], "error: settings file must exist, got 'no.toml'\n"),
        ([], "error: a recipe or a task must be named\nhint: pawl recipes and pawl tasks list them\n"),
    ],
)
def test_a_mistake_is_told_in_words(toy: Path, words: list[str], error: str) -> None:
    result = pawl("run", *words)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", error)
    assert not (toy / "runs").exists()


def test_a_directory_in_use_is_left_alone(toy: Path) -> None:
    (toy / "first").mkdir()
    (toy / "first" / "mine.txt").write_text("mine")
    result = pawl("run", "toy", "--out", "first")
    assert (result.exit_code, [path.name for path in (toy / "first").iterdir()]) == (2, ["mine.txt"])


def test_the_help_of_a_recipe_lists_its_keys_and_its_tasks(toy: Path) -> None:
    shown = pawl("run", "toy", "--help").stdout
    assert "  --step-size float  0.5   Of nothing.\n" in shown
    assert "Keys of the task countdown:\n  --numbers int " in shown
    assert "Recipes:" in pawl("run", "--help").stdout


def test_hostile_words_are_printed_without_what_a_terminal_obeys() -> None:
    result = pawl("run", "\x1b[2J[/b]\u202e", "--task", "countdown")
    assert result.exit_code == 2
    assert "\x1b" not in result.stderr
    assert "\u202e" not in result.stderr


def test_a_run_is_evaluated_under_its_own_settings_unless_others_are_given(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    policy = fresh_policy(["0123456789+-*/=\n"], tokenizer="char", depth=1, context=48, seed=0)
    policy.save(tmp_path / "checkpoints" / "b")
    with Ledger.create(tmp_path / "run.db", {"settings": {"max_tokens": 5, "stop": ["="]}}) as ledger:
        ledger.set_base({}, {}, "b")
    words = ["eval", tmp_path, "--task", "countdown", "--numbers", 2, "--problems", 4, "--attempts", 2, "--json"]
    own = last_line(pawl(*words))
    assert own["problems"] == 4
    assert own == last_line(pawl(*words, "--max-tokens", 5, "--stop", "="))
    assert own != last_line(pawl(*words, "--max-tokens", 9, "--stop", "x"))
    assert pawl(*words, "--max-tokens", 0).exit_code == 2


def test_the_trees_of_a_search_become_a_page_and_without_a_search_there_are_none(tmp_path: Path) -> None:
    policy = fresh_policy(["0123456789+-*/=\n"], tokenizer="char", depth=1, context=48, seed=0)
    policy.save(tmp_path / "model")
    page = tmp_path / "tree.html"
    words = ["eval", tmp_path / "model", "--task", "countdown", "--numbers", 2, "--max-number", 6, "--problems", 3,
             "--attempts", 1, "--max-tokens", 5, "--prior", "uniform", "--budget", 2, "--tree", page]
    refused = pawl(*words)
    assert (refused.exit_code, page.exists()) == (2, False)
    assert refused.stderr.startswith("error: a tree must come from a search that grows one, got no search\nhint: ")
    assert last_line(pawl(*words, "--search", "mcts", "--json"))["tree"] == str(page)
    assert "With 2 simulations a step" in page.read_text(encoding="utf-8")


def test_check_names_what_is_wrong_with_a_task_of_ones_own(toy: Path) -> None:
    (toy / "own_liar.py").write_text("class Liar:\n    name = 'liar'\n")
    result = pawl("check", "own_liar:Liar", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["findings"]
    assert pawl("check", "countdown").exit_code == 0


def test_an_export_for_a_trainer_says_what_is_in_it(tmp_path: Path, record: Any) -> None:
    with RunDirectory.create(tmp_path / "run") as run:
        run.write_config({"recipe": "toy"})
        champion = run.store(lambda path: (path / "config.json").write_text("{}"), lambda path: "c0ffee")
        with Ledger.create(run.ledger_path, {"recipe": "toy"}) as ledger:
            ledger.set_base({}, {}, champion)
            rows = [("p", "right", 1.0), ("p", "wrong", 0.0), ("p", "odd", None)]
            ledger.commit(record(rows=rows, champion=champion))
    told = pawl("export", tmp_path / "run", "--to", "dpo").stdout.splitlines()
    assert told[0] == "rows: 1, of problems: 1, of attempts: 3; left out: 1 without a score"
    assert json.loads(Path(told[1]).read_text()) == {"prompt": "p", "chosen": "right", "rejected": "wrong"}
    refused = pawl("export", tmp_path / "run", "--to", "dpo", "--out", tmp_path / "out", "--margin", 2)
    assert (refused.exit_code, (tmp_path / "out").exists()) == (2, False)


def test_check_names_what_is_wrong_with_a_reward_function_of_another_framework(toy: Path) -> None:
    (toy / "own_reward.py").write_text("def reward(completions, **columns):\n    return [0.5] * len(completions)\n")
    result = pawl("check", "trl:own_reward:reward", "--task", "countdown", "--json")
    assert result.exit_code == 1
    [finding] = json.loads(result.stdout)["findings"]
    assert finding.endswith("0.5: nothing can be learnt from that")


def test_the_command_works_as_a_process() -> None:
    script = Path(sys.executable).with_name("pawl")
    done = subprocess.run([script, "tasks", "--json"], capture_output=True, text=True)
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[-1])["tasks"]
    assert subprocess.run([script, "--version"], capture_output=True, text=True).stdout.startswith("0.")


def test_a_curve_is_drawn_into_a_file(tmp_path: Path) -> None:
    fresh_policy(["0123456789+-*/=\n"], tokenizer="char", depth=1, context=48, seed=0).save(tmp_path / "model")
    words = ["eval", tmp_path / "model", "--task", "countdown", "--numbers", 2, "--problems", 4, "--attempts", 1,
             "--max-tokens", 5, "--search", "best_of_n", "--budget", 2]
    page = tmp_path / "curve.html"
    found = last_line(pawl(*words, "--curve", page, "--json"))
    assert [row["budget"] for row in found["curve"] if "budget" in row] == [1, 2]
    assert found["curve_page"] == str(page) and "<svg" in page.read_text()
    lines = pawl(*words, "--curve", page).stdout.splitlines()
    assert any(line.startswith("best_of_n, 2 answers ") for line in lines) and lines[-1] == str(page)


def test_a_curve_into_no_folder_is_told_before_the_work_begins(tmp_path: Path) -> None:
    result = pawl("eval", "no model", "--task", "countdown", "--search", "mcts", "--curve", tmp_path / "no" / "c.html")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: --curve must name a file in a folder that exists, got ")


def test_the_help_of_eval_names_every_search_and_what_its_budget_counts() -> None:
    shown = pawl("eval", "--help").stdout
    for name, search in SEARCHES.items():
        assert re.search(rf"\n +{name} .* {search.counts}\n", shown)
