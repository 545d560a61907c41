"""Runs that are stopped, as if they had been killed, and whether they went on as if they had not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pawl.ledger import Ledger
from pawl.records import Event


class Stopped(Exception):
    """As a kill, for whoever watches."""


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
