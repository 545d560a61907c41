"""Exponents of known power laws, and what a process of its own says of its time and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pawl.bench.growth import Cost, cost, growth, in_own_process
from pawl.bench.scaling_ledger import commit_attempts

SIZES = [1, 10, 100, 1000]


@pytest.mark.parametrize("power", [0.0, 1.0, 1.5])
def test_a_power_law_has_its_exponent(power: float) -> None:
    found = growth(SIZES, [Cost([size**power], 7 * size**2) for size in SIZES])
    assert found["exponent"] == pytest.approx(power)
    assert found["memory_exponent"] == pytest.approx(2)


def test_the_lower_half_of_the_sizes_does_not_count() -> None:
    costs = [Cost([5.0], 10**6), Cost([5.0], 10**6), Cost([100.0], 100), Cost([1000.0], 1000)]
    found = growth(SIZES, costs)
    assert (found["exponent"], found["memory_exponent"]) == (pytest.approx(1), pytest.approx(1))


def test_the_ratio_is_the_time_for_one_at_first_over_that_at_last_with_its_range() -> None:
    found = growth([10, 100], [Cost([1.0, 2.0, 4.0], 1), Cost([10.0, 40.0, 80.0], 1)])
    assert (found["ratio"], found["low"], found["high"]) == (0.5, 10 * 1 / 80, 10 * 4 / 10)
    assert found["unit"] == "time for one of 10 over one of 100"


def test_the_largest_size_gives_the_figures() -> None:
    found = growth([10, 100], [Cost([1.0], 1), Cost([5.0, 4.0, 20.0], 70)])
    assert (found["per_second"], found["bytes"]) == (20, 70)
    assert found["points"][-1] == {"size": 100, "seconds": 5.0, "low": 4.0, "high": 20.0, "bytes": 70}


def test_the_first_time_does_not_count(tmp_path: Path) -> None:
    done = []

    def work(size: int, folder: Path, times: int) -> Iterator[Callable[[], object]]:
        return (lambda: done.append(size) for _ in range(times))

    assert len(cost(work, 4, tmp_path, 3).seconds) == 3
    assert done == [4] * 4


def test_memory_is_that_of_the_process_itself_with_what_the_work_was_made_ready_with(tmp_path: Path) -> None:
    ballast = b"x" * 10**9  # what this process holds is nothing to the other
    small, large = (in_own_process(commit_attempts, size, tmp_path, 1).bytes for size in (3_000, 30_000))
    assert len(ballast) / 10 > large > 3 * small > 3 * 1000 * 3_000
