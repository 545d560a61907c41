"""A recording: whose the time is, what tokens cost, and what is written in the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from pawl.peak import Peak
from pawl.profile import Recording, profiled
from pawl.stages import Work, stage

PEAK = Peak("cpu", 2, float32=100.0, bfloat16=400.0, memory=10.0)


@pytest.fixture
def record() -> Iterator[Callable[..., Recording]]:
    """Makes recordings whose clock shows these seconds, one after the other, and then stands still."""
    made: list[Recording] = []

    def start(*seconds: float) -> Recording:
        shown = chain(seconds, repeat(seconds[-1]))
        made.append(Recording(clock=lambda: next(shown)))
        return made[-1]

    yield start
    for recording in made:
        recording.stop()


def rows(recording: Recording) -> dict[str, dict[str, float]]:
    return {row["name"]: row for row in recording.summary(PEAK)["stages"]}


def test_a_stage_within_a_stage_takes_its_time_from_the_outer_one(record: Callable[..., Recording]) -> None:
    recording = record(0.0, 1.0, 3.0, 7.0, 15.0, 31.0)
    recording.enter("train")
    recording.enter("ledger")
    recording.leave()
    recording.leave()
    recording.stop()
    found = rows(recording)
    assert {name: row["seconds"] for name, row in found.items()} == {
        "other": 1.0 + 16.0, "train": 2.0 + 8.0, "ledger": 4.0, "all": 31.0}
    assert sum(row["share"] for name, row in found.items() if name != "all") == pytest.approx(1)


def test_stages_come_the_longest_first_and_all_of_them_last(record: Callable[..., Recording]) -> None:
    recording = record(0.0, 1.0, 3.0, 3.5)
    recording.enter("train")
    recording.leave()
    recording.stop()
    assert list(rows(recording)) == ["train", "other", "all"]


def test_a_token_costs_two_operations_a_parameter_and_six_when_learnt(record: Callable[..., Recording]) -> None:
    recording = record(0.0, 0.0, 2.0)
    recording.enter("train")
    recording.count(Work(10**6, sampled=1000, read=500))
    recording.count(Work(10**6, learnt=2000))
    recording.leave()
    recording.stop()
    row = rows(recording)["train"]
    operations = 10**6 * (2 * 1500 + 6 * 2000)
    assert (row["sampled"], row["read"], row["learnt"], row["operations"]) == (1000, 500, 2000, operations)
    assert row["gflops"] == pytest.approx(operations / 2.0 / 1e9)
    assert row["of_float32"] == pytest.approx(row["gflops"] / 100)
    assert row["of_bfloat16"] == pytest.approx(row["gflops"] / 400)


def test_tokens_belong_to_the_innermost_stage(record: Callable[..., Recording]) -> None:
    recording = record(0.0)
    recording.enter("gate")
    recording.enter("search")
    recording.count(Work(1, read=5))
    recording.leave()
    recording.count(Work(1, sampled=3))
    recording.leave()
    assert (recording.stages["search"].read, recording.stages["gate"].sampled) == (5, 3)


def test_a_profile_is_written_however_the_work_ends(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), profiled(tmp_path, {"recipe": "toy"}, PEAK), stage("train"):
        raise KeyboardInterrupt
    written = json.loads((tmp_path / "profile.json").read_text())
    assert {row["name"] for row in written["stages"]} == {"train", "other", "all"}
    assert written["peak"]["float32"] == 100.0
    assert (tmp_path / "profile.html").read_text().startswith("<!DOCTYPE html>")


def test_what_is_told_is_the_table_and_where_the_page_is(tmp_path: Path) -> None:
    with profiled(tmp_path, {}, PEAK) as found:
        pass
    told = found["profile"]
    assert told["page"] == str(tmp_path / "profile.html")
    assert told.keys() == {"machine", "peak", "seconds", "moments", "stages", "page"}
