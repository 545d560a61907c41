"""OMP_NUM_THREADS=1 pytest tests/recipes/test_pupil.py"""

from __future__ import annotations

from pathlib import Path

import pytest

import pawl
from pawl.errors import TaskError
from pawl.ledger import Ledger
from pawl.recipes import pupil
from pawl.run_directory import RunDirectory

TINY = {"numbers": 2, "max_number": 12, "depth": 1, "base_steps": 20, "batch": 32, "test_problems": 40}


def test_the_pupil_learns_the_solvers_steps_better_the_longer_it_sees_them(tmp_path: Path) -> None:
    losses = []
    for epochs in (1, 12):
        out = tmp_path / str(epochs)
        result = pawl.run("pupil", out=out, epochs=epochs, **TINY)
        assert result["generations"] == 0
        with Ledger.open(out / "run.db", read_only=True) as ledger:
            assert ledger.base is not None
            losses.append(ledger.base.metrics["pupil_train_loss"])
    assert losses[1] < 0.8 * losses[0]


def test_a_task_without_a_solver_has_no_pupil(tmp_path: Path) -> None:
    class Task:
        name = "unsolved"

    with (
        RunDirectory.create(tmp_path / "run") as directory,
        Ledger.create(directory.ledger_path, {}) as ledger,
        pytest.raises(TaskError, match="must have `solutions`"),
    ):
        pupil.run(pupil.Settings(), Task(), directory, ledger, lambda event: None)  # type: ignore[arg-type]
