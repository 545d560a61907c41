"""Real text of a task and of a file: what is held out is never learnt, and what is new is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pawl.errors import ConfigError, DataError
from pawl.recipes.real_text import PASSAGE, RealText, passages_of
from pawl.tasks.countdown import Countdown
from pawl.tasks.world import World


def lines(count: int) -> str:
    return "".join(f"line {number} of a text that goes on and on, as texts do\n" for number in range(count))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(lines(1000), encoding="utf-8")
    return path


def test_a_world_has_as_much_as_is_asked_for() -> None:
    text = RealText(World(), "", 100, 0)
    assert text.known is not None and len(text.pool) == 100
    assert text.new(100, 0) != text.new(100, 1) != text.pool
    assert text.pool == RealText(World(), "", 100, 0).pool != RealText(World(), "", 100, 1).pool


def test_a_file_is_dealt_out_so_that_nothing_is_in_two_parts(file: Path) -> None:
    text = RealText(World(), str(file), 50, 0)
    new = text.new(50, 0) + text.new(50, 1)
    assert text.known is None and len(text.pool) == 50 and len(text.held_out) > 10
    parts = [set(text.pool), set(text.held_out), set(new)]
    assert sum(map(len, parts)) == len(set.union(*parts))


def test_a_short_file_gives_its_other_half_again(file: Path) -> None:
    text = RealText(World(), str(file), 10_000, 0)
    other = set(text.new(10_000, 0))
    assert not other & set(text.pool) and abs(len(other) - len(text.pool)) <= 1
    assert set(text.new(10_000, 5)) == other


def test_passages_end_with_a_line_and_hold_all_of_the_text(file: Path) -> None:
    passages = passages_of(file)
    assert all(PASSAGE <= len(passage) < PASSAGE + 80 for passage in passages)
    assert lines(1000).startswith("\n".join(passages))


@pytest.mark.parametrize(("content", "said"), [
    (None, "must be a file that can be read"), (b"", "must have 20 passages"), (b"\xff\xfe\x00", "byte 0 is not"),
    (b"one line" * 10_000, "got 1 in")])
def test_what_is_no_text_is_told(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "odd"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        RealText(World(), str(path), 10, 0)


def test_a_task_without_documents_is_refused() -> None:
    with pytest.raises(ConfigError, match="must have documents"):
        RealText(Countdown(), "", 10, 0)
