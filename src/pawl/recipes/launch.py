"""From words to a run: find the parts, make the run directory, run the recipe, write the report."""

from __future__ import annotations

import inspect
import platform
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

import pawl
from pawl import plugins
from pawl.config import build, to_toml
from pawl.errors import ConfigError
from pawl.judges.adapters import Judging
from pawl.ledger import Ledger
from pawl.models.opening import device_of
from pawl.peak import measure_peak
from pawl.profile import profiled
from pawl.records import Event
from pawl.report import write_report
from pawl.run_directory import RunDirectory
from pawl.stages import stage


def launch(recipe: str, values: Mapping[str, Any], out: Path | None, notify: Callable[[Event], None], *,
           profile: bool = False) -> dict[str, Any]:
    """Run a recipe in a new run directory; `values` are its settings and its task's, `task` among them. With `profile`,
    say where the time went."""
    values = dict(values)
    module = plugins.find("recipes", recipe)
    name = values.pop("task", module.TASK)
    if name is None:
        raise ConfigError(f"recipe {recipe!r} must be given a task", hint="--task NAME; pawl tasks lists them")
    settings, task, judging = _parts(module, name, values)
    _judge(judging)  # what is wrong with it is said before anything is made
    path = out or Path("runs") / f"{recipe}-{datetime.now():%Y%m%d-%H%M%S}"
    with RunDirectory.create(path) as directory:
        directory.write_config({
            "recipe": recipe, "task": name, "settings": to_toml(settings), "task_settings": to_toml(task),
            "judge_settings": to_toml(judging), "threads": torch.get_num_threads(),
        })
        notify(Event("base", 0, 0, message=f"run directory: {path}"))
        return _run(module, (settings, task, judging), directory, notify, profile)


def resume(path: Path, notify: Callable[[Event], None], *, profile: bool = False) -> dict[str, Any]:
    """Take a run up where it stopped, with as many threads as it had; one that has ended gets its report again. With
    `profile`, say where the time went from there on."""
    with RunDirectory.open(path) as directory:
        config = directory.read_config()
        module = plugins.find("recipes", config["recipe"])
        parts = _parts(module, config["task"], config["settings"] | config["task_settings"]
                       | config.get("judge_settings", {}))
        torch.set_num_threads(config["threads"])
        return _run(module, parts, directory, notify, profile)


def _parts(module: Any, task: str, values: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """Settings, task and how it is judged, from one namespace; nothing for the last where a recipe has its own judge.
    Raises ConfigError."""
    takes_judge = "judge" in inspect.signature(module.run).parameters
    if "judge" in values and not takes_judge:
        raise ConfigError("a judge must be for a recipe that learns from one, "
                          f"{module.__name__.rpartition('.')[2]} has its own", hint="expert-iteration and rl take one")
    made = build([module.Settings, plugins.find("tasks", task), *([Judging] if takes_judge else [])], values)
    return made[0], made[1], made[2] if takes_judge else None


def _judge(judging: Any) -> dict[str, Any]:
    """The judge that is named, as a recipe takes it; nothing where none is. Raises what finding it raises."""
    judge = judging.made() if judging else None
    return {"judge": judge} if judge else {}


def _run(module: Any, parts: tuple[Any, Any, Any], directory: RunDirectory, notify: Callable[[Event], None],
         profile: bool) -> dict[str, Any]:
    settings, task, judging = parts
    judge = _judge(judging)
    recording = _profiled(settings, directory, notify) if profile else nullcontext(dict[str, Any]())
    with recording as found, _ledger(directory) as ledger:
        result = module.run(settings, task, directory, ledger, notify, **judge)
        with stage("report"):
            write_report(ledger, directory.report_path)
    told = {name: value for name, value in result.items() if name != "test"}  # a score a problem: for the report
    return {**told, "out": str(directory.path), "report": str(directory.report_path), **found}


def _profiled(settings: Any, directory: RunDirectory, notify: Callable[[Event], None]
              ) -> AbstractContextManager[dict[str, Any]]:
    """A profile of what is done within it, beside the peak of the device that the settings name."""
    peak = measure_peak(device_of(getattr(settings, "device", "cpu")))
    notify(Event("base", 0, 0, message=f"this machine, on {peak.sentence()}"))
    config = directory.read_config()
    return profiled(directory.path, {name: config[name] for name in ("recipe", "task")}, peak)


def _ledger(directory: RunDirectory) -> Ledger:
    """The run's ledger, new if the run was stopped before it had one."""
    if directory.ledger_path.exists():
        return Ledger.open(directory.ledger_path)
    config = directory.read_config()
    return Ledger.create(directory.ledger_path, config | {
        "seed": config["settings"].get("seed"), "pawl": pawl.__version__, "torch": torch.__version__,
        "python": platform.python_version(),
    })
