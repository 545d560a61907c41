"""Ways of the recipe self-consume, small, for the claims about models that learn from models."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from pawl.ledger import Ledger
from pawl.recipes.launch import launch
from pawl.records import Event
from pawl.run_directory import RunDirectory

SMALL: dict[str, Any] = {"depth": 2, "documents": 2048, "epochs": (8, 1), "generations": 4, "temperature": 1.0,
                         "kl": 0.0, "real": 0.0, "keeps": "replace"}


class Consuming:
    """Ways that begin with the same first model. To be opened with `with`: what they write is dropped at the end."""

    def __init__(self, seed: int, **settings: Any) -> None:
        self._settings = SMALL | {"seed": seed} | settings
        self._folder = tempfile.TemporaryDirectory(prefix="pawl-claim-")
        self._first = ""
        """Where the first model is."""

    def __enter__(self) -> Consuming:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._folder.cleanup()

    def readings(self, name: str, *, anchored: bool = True, **settings: Any) -> list[dict[str, float]]:
        """Every reading of each generation of a way, the first model's first. `anchored` as the settings say, or
        alone."""
        arm = "anchored" if anchored else "alone"
        path = Path(self._folder.name) / name
        values = self._settings | settings | {"arms": arm, "model": self._first}
        result = launch("self-consume", values, path, _silent)
        if not self._first:
            run = RunDirectory.open(path, read_only=True)
            with Ledger.open(run.ledger_path, read_only=True) as ledger:
                assert ledger.base is not None
                self._first = str(run.checkpoint(ledger.base.checkpoint))
        found: list[dict[str, float]] = result["readings"][arm]
        return found


def rise(readings: list[dict[str, float]]) -> float:
    """Of the loss on real text, in nats a token."""
    return readings[-1]["real_loss"] - readings[0]["real_loss"]


def _silent(event: Event) -> None:
    """Claims tell what they came to, not how they get there."""
