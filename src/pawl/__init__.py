"""Pawl lets a model improve itself and keeps the gain.

    import pawl
    result = pawl.run("countdown", seed=1, out="runs/first")

Names are imported when first used, so that `import pawl` loads no torch, and next to nothing else.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pawl.config import settings
    from pawl.errors import (
        CheckpointError,
        ConfigError,
        DataError,
        LabelsWanted,
        LedgerError,
        MissingExtraError,
        PawlError,
        PlayerError,
        RunError,
        SamplerError,
        TaskError,
        TrainingError,
        UnknownNameError,
    )
    from pawl.evaluate_checkpoint import evaluate_model
    from pawl.interfaces import IllegalAction
    from pawl.records import (
        Attempt,
        Choice,
        Comparison,
        Completion,
        Cost,
        Decision,
        Demonstration,
        Evaluation,
        Event,
        Evidence,
        GameExample,
        Graded,
        Problem,
        Revision,
        Sampling,
        SearchTree,
        StepLabel,
        StepValues,
        Symmetry,
        TokenExample,
        TreeNode,
        TreeStep,
        Verdict,
        Views,
    )
    from pawl.tasks.splits import split_of

__version__ = "0.1.0"

__all__ = [
    "Attempt",
    "CheckpointError",
    "Choice",
    "Comparison",
    "Completion",
    "ConfigError",
    "Cost",
    "DataError",
    "Decision",
    "Demonstration",
    "Evaluation",
    "Event",
    "Evidence",
    "GameExample",
    "Graded",
    "IllegalAction",
    "LabelsWanted",
    "LedgerError",
    "MissingExtraError",
    "PawlError",
    "PlayerError",
    "Problem",
    "Revision",
    "RunError",
    "SamplerError",
    "Sampling",
    "SearchTree",
    "StepLabel",
    "StepValues",
    "Symmetry",
    "TaskError",
    "TokenExample",
    "TrainingError",
    "TreeNode",
    "TreeStep",
    "UnknownNameError",
    "Verdict",
    "Views",
    "__version__",
    "evaluate_model",
    "resume",
    "run",
    "settings",
    "split_of",
]

_HOMES = ("pawl.errors", "pawl.records", "pawl.interfaces", "pawl.tasks.splits", "pawl.config",
          "pawl.evaluate_checkpoint")
"""Where the names above are defined, the lightest first."""


def run(
    recipe: str | None = None,
    *,
    out: PathLike[str] | str | None = None,
    notify: Callable[[Event], None] | None = None,
    profile: bool = False,
    **values: Any,
) -> dict[str, Any]:
    """Run a recipe to its end and return what `pawl run RECIPE --json` prints.

    `values` are the recipe's and its task's settings, `task` among them; without a recipe it is expert iteration on
    that task. `out` is the run directory, which must be new or empty; `notify` hears of every step; with
    `profile` the directory says where the time went, too. Raises PawlError.
    """
    from pathlib import Path

    from pawl.plugins import DEFAULT_RECIPE
    from pawl.recipes.launch import launch

    return launch(recipe or DEFAULT_RECIPE, values, None if out is None else Path(out), notify or _silent,
                  profile=profile)


def resume(out: PathLike[str] | str, *, notify: Callable[[Event], None] | None = None,
           profile: bool = False) -> dict[str, Any]:
    """Take a run up where it stopped and return what `pawl resume DIR --json` prints. Raises PawlError."""
    from pathlib import Path

    from pawl.recipes import launch

    return launch.resume(Path(out), notify or _silent, profile=profile)


def _silent(event: Event) -> None:
    """Hears, and says nothing."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        for home in _HOMES:
            module = importlib.import_module(home)
            if name in vars(module):
                return vars(module)[name]
    raise AttributeError(f"module 'pawl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
