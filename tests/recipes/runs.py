"""Runs of expert iteration on toy tasks, small enough for tests, with all that can be asked of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from pawl.interfaces import Judge, Trainable
from pawl.ledger import GenerationRow, Ledger
from pawl.models.checkpoint import fingerprint
from pawl.models.opening import open_policy
from pawl.recipes import expert_iteration
from pawl.recipes.settings import Settings
from pawl.records import Event
from pawl.run_directory import RunDirectory

torch.set_num_threads(1)

TINY: dict[str, Any] = {
    "tokenizer": "char", "depth": 1, "base_steps": 60, "batch": 32, "learning_rate": 1e-2, "generations": 4,
    "problems": 200, "attempts": 8, "max_tokens": 3, "gate_problems": 80, "device": "cpu",
}
"""For what must be learnt."""
SMALLER = {**TINY, "base_steps": 3, "generations": 2, "problems": 10, "attempts": 2, "gate_problems": 10}
"""For what needs no learning."""


@dataclass
class Run:
    """A run that has ended, with all that can be asked of it."""

    settings: Settings
    task: Any
    directory: RunDirectory
    ledger: Ledger
    result: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    recipe: Any = expert_iteration
    judge: Judge | None = None
    """What is learnt from; the truth where there is none."""

    def go_on(self) -> dict[str, Any]:
        judged = {"judge": self.judge} if self.judge else {}
        self.result = self.recipe.run(self.settings, self.task, self.directory, self.ledger, self.notify, **judged)
        return self.result

    def notify(self, event: Event) -> None:
        self.events.append(event)

    @property
    def rows(self) -> list[GenerationRow]:
        return self.ledger.generations()

    @property
    def base(self) -> str:
        assert self.ledger.base is not None
        return self.ledger.base.checkpoint

    @property
    def champion(self) -> str:
        assert self.ledger.champion is not None
        return self.ledger.champion

    def open(self, name: str) -> Trainable:
        return open_policy(self.directory.verify(name, fingerprint))


class Runs:
    """Makes runs of a recipe in a folder and closes them in the end."""

    def __init__(self, folder: Path, recipe: Any = expert_iteration) -> None:
        self.folder, self.recipe, self.made = folder, recipe, list[Run]()

    def __call__(self, task: Any, judge: Judge | None = None, **settings: Any) -> Run:
        made = self.recipe.Settings(**settings)
        directory = RunDirectory.create(self.folder / str(len(self.made)))
        ledger = Ledger.create(directory.ledger_path, {"recipe": self.recipe.__name__, "task": task.name})
        self.made.append(Run(made, task, directory, ledger, recipe=self.recipe, judge=judge))
        self.made[-1].go_on()
        return self.made[-1]

    def close(self) -> None:
        for run in self.made:
            run.ledger.close()
            run.directory.close()
