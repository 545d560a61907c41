"""How time and memory grow with the size of a piece of work: every size in a process of its own, and the exponents.

Time is that of the work alone. Memory is the most that the process held at any moment, what the work was made ready
with included, less what it held before. Not covered: memory of processes that the work starts itself.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from pawl.memory import memory

Measure: TypeAlias = Callable[[int, Path, int], Iterator[Callable[[], object]]]
"""(size, folder, times) -> the work that many times, each made ready when it is asked for. The measures of one size
share the folder."""


class Cost(NamedTuple):
    """What work of one size takes."""

    seconds: list[float]
    """Each time that counts."""
    bytes: int
    """1 at least: it has a logarithm."""


def in_own_process(measure: Measure, size: int, folder: Path, repeats: int) -> Cost:
    """`cost` in a new process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(cost, measure, size, folder, repeats).result()


def cost(measure: Measure, size: int, folder: Path, repeats: int) -> Cost:
    """What work of this size takes, in this process. The first time warms up and does not count."""
    before = memory("now")
    seconds = [_seconds(work) for work in measure(size, folder, repeats + 1)]
    return Cost(seconds[1:], max(1, memory("most") - before))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def growth(sizes: Sequence[int], costs: Sequence[Cost]) -> dict[str, Any]:
    """How the costs of sizes, which rise, grow: exponents, the figures of the largest, and every point.

    Exponents are fitted to the upper half of the sizes, two at least, where what costs the same at every size shows
    least. `ratio` is the time for one at the first of these over the time for one at the last: 1 where time grows in
    proportion, above 1 where it grows more slowly. Medians over the repeats, and their range.
    """
    points = [{"size": size, "seconds": float(np.median(found.seconds)), "low": min(found.seconds),
               "high": max(found.seconds), "bytes": found.bytes} for size, found in zip(sizes, costs, strict=True)]
    upper = points[min(len(points) // 2, len(points) - 2) :]
    first, last = upper[0], upper[-1]
    scale = last["size"] / first["size"]
    return {
        "ratio": scale * first["seconds"] / last["seconds"], "low": scale * first["low"] / last["high"],
        "high": scale * first["high"] / last["low"],
        "unit": f"time for one of {first['size']:,} over one of {last['size']:,}",
        "exponent": exponent(upper, "seconds"), "memory_exponent": exponent(upper, "bytes"),
        "per_second": last["size"] / last["seconds"], "bytes": last["bytes"], "points": points,
    }


def exponent(points: Sequence[dict[str, float]], what: str) -> float:
    """The b of what = a size^b, by least squares in logarithms."""
    sizes, values = ([point[name] for point in points] for name in ("size", what))
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])
