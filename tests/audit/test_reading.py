"""Documents of files as they come: by line, by paragraph, by row; and what is odd."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pawl.audit import reading
from pawl.audit.reading import Documents
from pawl.errors import DataError


def documents(path: Path, content: str | bytes, column: str | None = None) -> Documents:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Documents(path, column)


def texts(found: Documents) -> list[str]:
    return [document.text for document in found]


def test_lines_are_documents_where_no_blank_lines_part_them(tmp_path: Path) -> None:
    found = documents(tmp_path / "a.txt", "one\ntwo\r\n  \nthree")
    assert texts(found) == ["one", "two", "three"] and not found.odd
    assert [document.place for document in found] == [f"{found.path}, line {line}" for line in (1, 2, 4)]


def test_paragraphs_are_documents_where_they_do(tmp_path: Path) -> None:
    found = documents(tmp_path / "a.txt", "\none\ntwo\n\n\nthree\n\nfour\nfive")
    assert texts(found) == ["one\ntwo", "three", "four\nfive"]
    assert [document.place.rpartition(" ")[2] for document in found] == ["2", "6", "8"]


def test_rows_have_a_text_a_label_and_a_split(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": 1, "split": "train"}, {"text": ""}, {"text": "b", "label": None}, {"other": 1}]
    found = documents(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)) + "\n{no json")
    assert [(one.text, one.label, one.split) for one in found] == [("a", "1", "train"), ("b", None, None)]
    assert found.odd == {"rows without text": 2, "rows that cannot be read": 1}
    assert texts(documents(tmp_path / "b.csv", "id,content\n1,c\n2,d\n")) == ["c", "d"]
    assert texts(documents(tmp_path / "c.jsonl", '{"text": "a", "mine": "b"}\n', "mine")) == ["b"]


def test_what_is_too_long_comes_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LONGEST", 10)
    for name, content in (("a.txt", "x" * 25 + "\nshort"), ("b.jsonl", json.dumps({"text": "x" * 25}))):
        found = documents(tmp_path / name, content)
        assert "".join(texts(found)).startswith("x" * 25) and max(map(len, texts(found))) == 10
        assert found.odd["pieces of documents that are too long"] > 1
    paragraphs = documents(tmp_path / "c.txt", "abcdefgh\nabcdefgh\n\nx\n\ny\n")
    assert texts(paragraphs) == ["abcdefgh\nabcdefgh", "x", "y"]


def test_bytes_of_another_encoding_are_counted(tmp_path: Path) -> None:
    found = documents(tmp_path / "a.txt", b"caf\xe9\ncaf\xc3\xa9\n")
    assert texts(found) == ["caf\ufffd", "café"]
    assert found.odd == {"documents with bytes that are no UTF-8": 1}


@pytest.mark.parametrize(("name", "content", "said"), [
    ("a.txt", b"", "is empty"), ("a.txt", bytes(range(256)) * 10, "is binary"), ("a.txt", None, "can be read"),
    ("a.jsonl", b'{"x": 1}\n', "must have one of the columns"), ("a.jsonl", None, "must exist")])
def test_what_holds_no_text_is_told(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        texts(Documents(path))
    if name == "a.jsonl" and content:
        with pytest.raises(DataError, match="must have column 'text'"):
            texts(Documents(path, "text"))
