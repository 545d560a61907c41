"""Parts are found by name, the user's own by module:name, and mistakes are told with what was meant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pawl import plugins
from pawl.errors import ConfigError, TaskError, UnknownNameError
from pawl.tasks.countdown import Countdown


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory, with sys.path put back afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    return tmp_path


def test_built_in_tasks_and_recipes_are_found_by_entry_point() -> None:
    assert plugins.find("tasks", "countdown") is Countdown
    assert set(plugins.names("tasks")) >= {"countdown", "dataset", "reasoning"}
    assert set(plugins.names("recipes")) >= {"countdown", plugins.DEFAULT_RECIPE}


def test_every_name_comes_with_one_sentence() -> None:
    for sentence in (*plugins.names("tasks").values(), *plugins.names("recipes").values()):
        assert sentence.endswith(".")
        assert "\n" not in sentence


def test_listing_names_imports_no_part() -> None:
    program = (
        "import sys; from pawl.plugins import names; names('tasks'); names('recipes'); "
        "print([m for m in sys.modules if m == 'torch' or m.startswith(('pawl.tasks.', 'pawl.recipes.'))])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="unknown task: 'countdwn'\nhint: did you mean 'countdown'"):
        plugins.find("tasks", "countdwn")


def test_a_users_own_part_is_found_in_the_current_directory(here: Path) -> None:
    (here / "own_part_here.py").write_text("task = 7\n")
    assert plugins.find("tasks", "own_part_here:task") == 7


def test_a_name_that_is_not_in_the_module_offers_the_nearest(here: Path) -> None:
    (here / "own_part_named.py").write_text("spelling = 7\n_hidden = 8\n")
    with pytest.raises(UnknownNameError, match=r"in module own_part_named: 'speling'\nhint: .* 'spelling'"):
        plugins.load("own_part_named:speling")


def test_a_module_that_is_not_there_offers_the_nearest_file(here: Path) -> None:
    (here / "my_task.py").write_text("")
    with pytest.raises(ConfigError, match="unknown module: 'my_tsk'\nhint: did you mean 'my_task'"):
        plugins.load("my_tsk:task")
    with pytest.raises(ConfigError, match=r"hint: run this in the folder that holds elsewhere\.py"):
        plugins.load("elsewhere:task")


@pytest.mark.parametrize(
    ("source", "said", "line"),
    [
        ("x = 1\n\nraise ValueError('no [/b] luck')\n", "ValueError: no [/b] luck", 3),
        ("import sys\nsys.exit('bye')\n", "SystemExit: bye", 2),
        ("def broken(:\n", "SyntaxError: ", 1),
        ("import a_module_nobody_has\n", "ModuleNotFoundError: No module named 'a_module_nobody_has'", 1),
    ],
)
def test_a_module_that_raises_is_told_with_its_line(here: Path, source: str, said: str, line: int) -> None:
    name = f"own_part_raises_{line}_{len(source)}"
    (here / f"{name}.py").write_text(source)
    with pytest.raises(TaskError) as caught:
        plugins.load(f"{name}:task")
    assert str(caught.value).startswith(f"module {name} must import without an error, got {said}")
    assert caught.value.hint == f"look at {name}.py, line {line}"


@pytest.mark.parametrize("path", ["", ":", "a:", ":b", "a b:c", "../a:b", ".a:b", "a:b:c", "a:b.c", "a-b:c"])
def test_a_path_of_another_form_is_an_error(path: str) -> None:
    with pytest.raises(ConfigError, match="must be named module:name, got"):
        plugins.load(path)


def test_a_file_name_is_told_as_a_module() -> None:
    with pytest.raises(ConfigError, match=r"hint: write tasks\.mine:task"):
        plugins.load("tasks/mine.py:task")
