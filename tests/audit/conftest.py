"""Texts to audit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from pawl.audit.sketch import Passage
from pawl.tasks.world import World

Written = Callable[..., Path]


@pytest.fixture(scope="session")
def world() -> list[str]:
    """4,000 documents."""
    return World().documents(4000, 11)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Writes documents as rows of JSONL, with other columns where they are given."""
    def write(name: str, texts: Sequence[str], **columns: Sequence[str]) -> Path:
        path = tmp_path / f"{name}.jsonl"
        rows = ({"text": text, **{column: values[place] for column, values in columns.items()}}
                for place, text in enumerate(texts))
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path
    return write


def passages(texts: Sequence[str], seed: int = 0) -> list[Passage]:
    """In a random order, as a sample is."""
    order = np.random.default_rng(seed).permutation(len(texts))
    return [Passage(texts[place], f"line {place + 1}") for place in order]
