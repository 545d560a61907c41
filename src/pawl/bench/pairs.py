"""Two sides that do the same work, in one run, turn about."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pawl.models.precision import precision_of

Work = Callable[[], int]
"""A turn, which says how much was done."""
Speed = Callable[[], float]
"""A turn, which says how much was done in a second."""


def precisions() -> list[str]:
    """float32, and bfloat16 where the machine has units for it."""
    return ["float32"] + ["bfloat16"] * (precision_of("auto", torch.device("cpu")) == torch.bfloat16)


def compared(theirs: Work, ours: Work, *, work: int, repeats: int) -> dict[str, Any]:
    """Both sides' speed in units of `work` a second, and ours over theirs: median, and the range over the pairs.

    Each side says how much it did, which must be `work`. The first pair warms up and does not count.
    """
    seconds = np.array([[_seconds(side, work) for side in (theirs, ours)] for _ in range(repeats + 1)])[1:]
    return _speeds(seconds, work)


class TurnAbout:
    """The same where their side cannot be called: it has a loop of its own, which calls this."""

    def __init__(self, ours: Work, *, work: int, repeats: int, calls: int = 1) -> None:
        """A turn of theirs is over when they have called so many times."""
        self._ours, self._work, self._repeats, self._calls = ours, work, repeats, calls
        self._seconds: list[tuple[float, float]] = []
        self._called = 0
        self._begun: float | None = None
        """When their turn did; none before their first, with which their loop warms up, is over."""

    @property
    def calls(self) -> int:
        """That their loop must make in all. Two turns warm up and do not count."""
        return self._calls * (self._repeats + 2)

    def __call__(self) -> None:
        """Has our turn where theirs is over."""
        ended = time.perf_counter()
        self._called += 1
        if self._called % self._calls:
            return
        ours = _seconds(self._ours, self._work)
        if self._begun is not None:
            self._seconds.append((ended - self._begun, ours))
        self._begun = time.perf_counter()

    def compared(self) -> dict[str, Any]:
        """As `compared`, when their loop is over."""
        assert len(self._seconds) == self._repeats + 1
        return _speeds(np.array(self._seconds)[1:], self._work)


def in_turn(sides: Sequence[Speed], *, repeats: int) -> NDArray[np.float64]:
    """[repeats, sides] how fast each was in its turns. The first round warms up and does not count."""
    return np.array([[side() for side in sides] for _ in range(repeats + 1)])[1:]


def faster(theirs: NDArray[np.float64], ours: NDArray[np.float64]) -> dict[str, Any]:
    """Ours over theirs, of speeds [repeats] in the same rounds: median, and the range over the pairs."""
    ratios = ours / theirs
    return {"ratio": float(np.median(ratios)), "low": float(ratios.min()), "high": float(ratios.max()),
            "pawl": float(np.median(ours)), "theirs": float(np.median(theirs)), "repeats": len(ratios)}


def _speeds(seconds: NDArray[np.float64], work: int) -> dict[str, Any]:
    """Of pairs of seconds [repeats, 2], theirs and ours."""
    return faster(*(work / seconds).T)


def _seconds(side: Work, work: int) -> float:
    started = time.perf_counter()
    done = side()
    elapsed = time.perf_counter() - started
    assert done == work
    return elapsed
