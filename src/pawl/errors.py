"""What can go wrong, as a tree.

    PawlError                  a user's mistake or a condition outside: one sentence, then a hint
    ├── ConfigError            a setting is unknown or out of range
    │   └── UnknownNameError   no task, recipe, key or column of that name; the nearest is offered
    ├── TaskError              a task, or a user's own task, breaks its contract
    ├── DataError              a row or a file cannot be read; says file, line and column
    ├── CheckpointError        a checkpoint is unsupported, incomplete or damaged
    ├── RunError               a run directory cannot be used: not empty, locked, or not a run
    │   └── LedgerError        a ledger of another version, or one that could not be written
    ├── TrainingError          learning cannot go on: the loss is not a number
    ├── SamplerError           what samples for a policy has other weights, or computes other numbers
    ├── PlayerError            another program that plays a game cannot be started, or breaks off
    └── MissingExtraError      an optional dependency is not installed; says which extra brings it

Our own bugs are not here: they are assertions.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PawlError(Exception):
    """A sentence that says what must hold and what came; `hint` says what to do."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}\nhint: {self.hint}" if self.hint else message


class ConfigError(PawlError):
    """A setting is unknown or out of range."""


class UnknownNameError(ConfigError):
    """Nothing of that name exists; the message names the nearest that does."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(known)}"
        super().__init__(f"unknown {kind}: {name!r}", hint=hint)


class TaskError(PawlError):
    """A task breaks its contract."""


class DataError(PawlError):
    """A file or a row of data cannot be read."""


class CheckpointError(PawlError):
    """A checkpoint is unsupported, incomplete or damaged."""


class RunError(PawlError):
    """A run directory cannot be used."""


class LabelsWanted(RunError):
    """A run waits for what a person says."""


class LedgerError(RunError):
    """A ledger is of another version, or could not be written."""


class TrainingError(PawlError):
    """Learning cannot go on."""


class SamplerError(PawlError):
    """What samples for a policy has other weights, or computes other numbers."""


class PlayerError(PawlError):
    """Another program that plays a game cannot be started, does not answer, or plays what the rules forbid."""


class MissingExtraError(PawlError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional dependency that is not installed",
                         hint=f"pip install 'pawl[{extra}]'")
