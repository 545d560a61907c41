"""A student learns from a teacher, on its own text or on the teacher's, in either direction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from letters import Letters
from runs import Run, Runs

from pawl.errors import ConfigError
from pawl.meters.alarms.note import is_alarm
from pawl.models.opening import fresh_policy
from pawl.recipes import distill, rl

torch.set_num_threads(1)

TAUGHT: dict[str, Any] = {
    "tokenizer": "char", "depth": 1, "base_steps": 60, "batch": 32, "generations": 1, "rounds": 60, "problems": 32,
    "attempts": 8, "max_tokens": 3, "device": "cpu", "alpha": 1, "test_problems": 100, "learning_rate": 3e-3,
}
STUDENT = {**TAUGHT, "attempts": 2, "problems": 64, "rounds": 40}


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    runs = Runs(tmp_path_factory.mktemp("teacher"), rl)
    yield runs(Letters(), **TAUGHT)
    runs.close()


@pytest.fixture
def students(tmp_path: Path) -> Iterator[Runs]:
    made = Runs(tmp_path, distill)
    yield made
    made.close()


def paths(run: Run) -> dict[str, str]:
    return {"teacher": str(run.directory.checkpoint(run.champion)), "model": str(run.directory.checkpoint(run.base))}


@pytest.mark.parametrize(("own", "divergence"), [
    (1.0, "reverse"), (1.0, "forward"), (0.0, "forward"), (0.5, "reverse")])
def test_a_student_comes_near_its_teacher(teacher: Run, students: Runs, own: float, divergence: str) -> None:
    run = students(Letters(), **STUDENT, **paths(teacher), own=own, divergence=divergence)
    assert run.result["base"]["pass@1"] < 0.2 < teacher.result["final"]["pass@1"] - 0.3
    assert run.result["final"]["pass@1"] > teacher.result["final"]["pass@1"] - 0.3
    assert run.rows[0].metrics["train_kl"] < 0.3 and not [note for note in run.rows[0].notes if is_alarm(note)]


def test_the_student_writes_the_share_that_it_is_told_to(teacher: Run, students: Runs) -> None:
    writers = []
    for own in (0.0, 1.0):
        run = students(Letters(), **STUDENT | {"rounds": 1}, **paths(teacher), own=own)
        writers.append(run.rows[0].metrics["sampled_accuracy"])
    assert writers[0] > 0.5 > 0.3 > writers[1]


def test_a_teacher_with_other_tokens_is_refused(teacher: Run, students: Runs, tmp_path: Path) -> None:
    fresh_policy(["9876543210abc"], tokenizer="bpe-300", depth=1, context=32, seed=0).save(tmp_path / "other")
    with pytest.raises(ConfigError, match="a teacher must have the student's tokens"):
        students(Letters(), **STUDENT, **paths(teacher) | {"teacher": str(tmp_path / "other")})


def test_a_teacher_must_be_named() -> None:
    with pytest.raises(ConfigError, match="teacher must be given"):
        distill.Settings(rounds=2)
