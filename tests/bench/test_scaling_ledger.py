"""The ledger's works of the measurement of growth: they do what is said, and no more of it than in proportion."""

from __future__ import annotations

from pathlib import Path

import pytest

from pawl.bench.scaling_ledger import (
    ATTEMPTS,
    CONTEST,
    EACH,
    Works,
    commit_attempts,
    commit_generations,
    generation,
    list_generations,
    read_attempts,
    report_generations,
)
from pawl.ledger import Ledger


def done(works: Works) -> list[object]:
    return [work() for work in works]


def test_what_was_committed_is_read_as_often_as_asked(tmp_path: Path) -> None:
    done(commit_attempts(20, tmp_path, 2))
    assert done(read_attempts(20, tmp_path, 3)) == [20, 20, 20]


def test_generations_are_committed_listed_and_reported(tmp_path: Path) -> None:
    done(commit_generations(2, tmp_path, 1))
    ((first, second),) = done(list_generations(2, tmp_path, 1))
    assert (first.index, second.index, len(second.contest_ids)) == (1, 2, CONTEST)
    (page,) = done(report_generations(2, tmp_path, 1))
    assert f"{2 * ATTEMPTS:,} attempts" in page


def test_a_made_up_generation_is_the_same_each_time_and_one_in_four_is_right(tmp_path: Path) -> None:
    digests = []
    for name in ("one", "other"):
        with Ledger.create(tmp_path / name, {}) as ledger:
            ledger.commit(generation(1, 64, contest=3))
            digests.append(ledger.digest())
            assert [attempt.index for attempt, _ in ledger.attempts(1)] == [*range(EACH)] * 8
            assert sum(verdict.score or 0 for _, verdict in ledger.attempts(1)) == 16
    assert digests[0] == digests[1]


@pytest.mark.parametrize("work", ["commit", "read"])
def test_ten_times_the_attempts_are_ten_times_the_work(tmp_path: Path, work: str) -> None:
    def steps(size: int) -> int:
        """Of SQLite's machine, in thousands."""
        count = 0

        def step() -> None:
            nonlocal count
            count += 1

        with Ledger.create(tmp_path / f"{size}.db", {}) as ledger:
            record = generation(1, size)
            if work == "read":
                ledger.commit(record)
            ledger._connection.set_progress_handler(step, 100)
            done([lambda: ledger.commit(record) if work == "commit" else list(ledger.attempts(1))])
            ledger._connection.set_progress_handler(None, 0)
        return count

    assert steps(20_000) == pytest.approx(10 * steps(2_000), rel=0.05)
