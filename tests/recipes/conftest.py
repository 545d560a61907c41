"""The toy task as a user would have it, a module that can be imported by its name; and runs of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from letters import Letters
from runs import TINY, Run, Runs


@pytest.fixture(scope="session")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The run in which a model learns the task."""
    runs = Runs(tmp_path_factory.mktemp("learnt"))
    yield runs(Letters(), **TINY)
    runs.close()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    made = Runs(tmp_path)
    yield made
    made.close()
