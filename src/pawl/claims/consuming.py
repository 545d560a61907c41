"""One way of the recipe self-consume, small, for the claims about models that learn from models."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from pawl.recipes.launch import launch
from pawl.records import Event

SMALL: dict[str, Any] = {"depth": 2, "documents": 4096, "base_epochs": 4, "generations": 4, "arms": "anchored",
                         "temperature": 1.0, "keeps": "replace"}
QUICK: dict[str, Any] = SMALL | {"documents": 2048, "generations": 3}


def readings(seed: int, quick: bool, **settings: Any) -> list[dict[str, float]]:
    """Every reading of each generation, the first model's first."""
    values = (QUICK if quick else SMALL) | settings | {"seed": seed}
    with tempfile.TemporaryDirectory(prefix="pawl-claim-") as folder:
        result = launch("self-consume", values, Path(folder) / "run", _silent)
    found: list[dict[str, float]] = result["readings"][values["arms"]]
    return found


def _silent(event: Event) -> None:
    """Claims tell what they came to, not how they get there."""
