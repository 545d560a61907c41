from __future__ import annotations

import importlib.util
import json
import sys
from datetime import date
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pawl.errors import DataError, MissingExtraError
from pawl.tasks.rows import LONGEST_NUMBER, Number, Row, as_json, read_rows


def written(folder: Path, name: str, content: str | bytes) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def error_of(row: Row) -> str:
    assert isinstance(row.cells, DataError)
    return str(row.cells)


def test_jsonl_gives_a_row_a_line_and_its_place(tmp_path: Path) -> None:
    data = written(tmp_path, "a.jsonl", '\ufeff{"q": "1"}\r\n\n{"q": 0.10, "n": 12}\n')
    assert list(read_rows(data)) == [
        Row(f"{data}, line 1", {"q": "1"}),
        Row(f"{data}, line 3", {"q": "0.10", "n": "12"}),
    ]


CELLS = [None, True, 3, -0.5, 1e300, "3", "", [1, ["2", 3.0]], {"a": {"b": [None, 4]}}]


def test_cells_in_what_json_has_are_what_json_says(tmp_path: Path) -> None:
    [row] = read_rows(written(tmp_path, "a.jsonl", json.dumps({"cells": CELLS})))
    assert not isinstance(row.cells, DataError)
    found = as_json(row.cells["cells"])
    assert found == CELLS and list(map(type, found)) == list(map(type, CELLS))
    assert type(found[7][1][0]) is str and type(found[8]["a"]["b"][1]) is int


@pytest.mark.parametrize(("value", "said"), [
    (date(2024, 1, 1), "got a date"), ([b"x"], "got a bytes"), ({1: 2}, "got a dict"), (float("nan"), "got nan"),
    (Number("1e999"), "got inf"), ([Number("9" * LONGEST_NUMBER)], "got a number of 4,000 characters")])
def test_what_json_does_not_have_is_refused(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        as_json(value)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [('{"q": ', "column 7"), ("[1, 2]", "got a list"), ("[" * 100_000, "nested too deep"), ('"text"', "got a str")],
)
def test_a_bad_line_is_a_row_of_its_own(tmp_path: Path, line: str, sentence: str) -> None:
    data = written(tmp_path, "a.jsonl", f'{{"q": 1}}\n{line}\n{{"q": 2}}\n')
    first, bad, last = read_rows(data)
    assert first.cells == {"q": "1"} and last.cells == {"q": "2"}
    assert sentence in error_of(bad) and "line 2" in error_of(bad)


def test_bytes_that_are_no_utf_8_spoil_their_own_row_only(tmp_path: Path) -> None:
    data = written(tmp_path, "a.jsonl", b'{"q": "\xff"}\n{"q": "good"}\n')
    bad, good = read_rows(data)
    assert bad.cells == {"q": "\udcff"}  # the task refuses it: no Unicode
    assert good.cells == {"q": "good"}


def test_a_line_that_is_too_long_is_read_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pawl.tasks.rows.LONGEST_LINE", 20)
    long = '{"q": "' + "x" * 100 + '"}'
    first, bad, last, end = read_rows(written(tmp_path, "a.jsonl", f'{{"q": 1}}\n{long}\n{{"q": 2}}\r\n{long}'))
    assert first.cells == {"q": "1"} and last.cells == {"q": "2"} and last.place.endswith("line 3")
    for row in (bad, end):
        assert "a line must be shorter than 20 characters" in error_of(row)


def test_csv_gives_the_line_on_which_a_row_begins(tmp_path: Path) -> None:
    data = written(tmp_path, "a.csv", 'q,a\n"two\nlines",1\nx,2\n\ny\n')
    assert list(read_rows(data)) == [
        Row(f"{data}, line 2", {"q": "two\nlines", "a": "1"}),
        Row(f"{data}, line 4", {"q": "x", "a": "2"}),
        Row(f"{data}, line 6", {"q": "y"}),
    ]


def test_csv_with_too_many_columns_or_a_broken_quote_is_a_bad_row(tmp_path: Path) -> None:
    data = written(tmp_path, "a.csv", 'q,a\n1,2,3\n"x"y,2\n4,5\n')
    long, quote, good = read_rows(data)
    assert "the header's 2 columns, got 3" in error_of(long)
    assert "line 3" in error_of(quote)
    assert good.cells == {"q": "4", "a": "5"}


def test_tabs_part_the_columns_of_tsv(tmp_path: Path) -> None:
    assert [row.cells for row in read_rows(written(tmp_path, "a.tsv", "q\ta\n1,5\t2\n"))] == [{"q": "1,5", "a": "2"}]


def test_parquet_gives_typed_cells_and_counts_rows(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet

    data = str(tmp_path / "a.parquet")
    pyarrow.parquet.write_table(arrow.table({"q": ["x", None], "a": [1, 2]}), data)
    assert list(read_rows(data)) == [
        Row(f"{data}, row 1", {"q": "x", "a": 1}),
        Row(f"{data}, row 2", {"q": None, "a": 2}),
    ]


def test_a_file_that_is_no_parquet_is_said_to_be_none(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with pytest.raises(DataError, match="must be Parquet"):
        list(read_rows(written(tmp_path, "a.parquet", "no")))


@pytest.mark.parametrize(
    ("name", "sentence"), [("none.jsonl", "must exist"), ("", "must be a file"), ("a.xlsx", "must end in")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, sentence: str) -> None:
    written(tmp_path, "a.xlsx", "")
    with pytest.raises(DataError, match=sentence):
        list(read_rows(str(tmp_path / name)))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """A `datasets` that knows one dataset, since the real one needs the network."""

    def load_dataset(name: str, subset: str | None, *, split: str) -> list[dict[str, str]]:
        if (name, subset, split) != ("someone/sums", "easy", "train"):
            raise FileNotFoundError(f"{name} is not on the hub")
        return [{"q": "x"}, {"q": "y"}]

    library = ModuleType("datasets")
    library.__spec__ = ModuleSpec("datasets", None)
    library.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", library)


@pytest.mark.usefixtures("hub")
def test_what_is_no_file_is_a_hugging_face_name() -> None:
    rows = list(read_rows("someone/sums", subset="easy"))
    assert rows == [Row("someone/sums, row 1", {"q": "x"}), Row("someone/sums, row 2", {"q": "y"})]


@pytest.mark.usefixtures("hub")
def test_a_dataset_that_is_not_found_may_have_been_meant_as_a_file() -> None:
    with pytest.raises(DataError, match="FileNotFoundError: data/sums is not on the hub\nhint: is it a file"):
        list(read_rows("data/sums"))


@pytest.mark.parametrize(("data", "missing"), [("someone/dataset", "datasets"), ("a.parquet", "pyarrow")])
def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str, missing: str) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "a.parquet", "")
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else find(name))
    with pytest.raises(MissingExtraError, match=r"pip install 'pawl\[hf\]'"):
        list(read_rows(data))


def test_a_file_without_leave_is_said_to_be_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    data = written(tmp_path, "a.jsonl", "{}")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"must be readable.*Permission denied"):
        list(read_rows(data))
