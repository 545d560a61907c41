"""Runs of recipes, and whether those that are stopped, as if killed, go on as if they had not been."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pawl.interfaces import Task
from pawl.ledger import Ledger
from pawl.records import Event
from pawl.run_directory import RunDirectory


class Stopped(Exception):
    """As a kill, for whoever watches."""


def silent(event: Event) -> None:
    """Hears, and says nothing."""


def carried_out(recipe: ModuleType, settings: Any, task: Task, path: Path, notify: Any = silent) -> dict[str, Any]:
    """A run in a directory, new or begun before."""
    new, name = not path.exists(), recipe.__name__.rpartition(".")[2]
    with RunDirectory.create(path) if new else RunDirectory.open(path) as directory:
        if new:
            directory.write_config({"recipe": name})
            header = {"recipe": name, "task": task.name, "seed": settings.seed}
            Ledger.create(directory.ledger_path, header).close()
        with Ledger.open(directory.ledger_path) as ledger:
            result: dict[str, Any] = recipe.run(settings, task, directory, ledger, notify)
            return result


def same_as_whole(carry_out: Callable[..., Any], whole: Path, path: Path, stops: Sequence[tuple[str, int]]) -> bool:
    """Whether a run that is stopped in each of these stages and generations, and taken up again, comes to the ledger of
    one that was not."""
    for stop in stops:
        def notify(event: Event, stop: tuple[str, int] = stop) -> None:
            if (event.stage, event.generation) == stop:
                raise Stopped

        with pytest.raises(Stopped):
            carry_out(path, notify=notify)
    carry_out(path)
    return digest(whole) == digest(path)


def digest(path: Path) -> str:
    """Of a run's ledger."""
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        return ledger.digest()
