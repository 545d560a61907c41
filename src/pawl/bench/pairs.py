"""Two sides that do the same work, in one run, turn about."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

Work = Callable[[], int]


def compared(theirs: Work, ours: Work, *, work: int, repeats: int) -> dict[str, Any]:
    """Both sides' speed in units of `work` a second, and ours over theirs: median, and the range over the pairs.

    Each side says how much it did, which must be `work`. The first pair warms up and does not count.
    """
    seconds = np.array([[_seconds(side, work) for side in (theirs, ours)] for _ in range(repeats + 1)])[1:]
    ratios, speeds = seconds[:, 0] / seconds[:, 1], work / np.median(seconds, axis=0)
    return {"ratio": float(np.median(ratios)), "low": float(ratios.min()), "high": float(ratios.max()),
            "pawl": float(speeds[1]), "theirs": float(speeds[0]), "repeats": repeats}


def _seconds(side: Work, work: int) -> float:
    started = time.perf_counter()
    done = side()
    elapsed = time.perf_counter() - started
    assert done == work
    return elapsed
