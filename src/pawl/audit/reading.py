"""Documents of a data set of any size, one at a time and in bounded memory.

A text file is paragraphs where blank lines part them, else lines; a table is rows of which a column holds the text. A
document that is longer than a bound is read in pieces. What is odd is counted, not raised: bytes that are no UTF-8,
rows without text, pieces of what was too long. Of a folder every such file is read. Not covered: compressed files; what
cannot be read as one of these raises DataError.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pawl.errors import DataError
from pawl.tasks.rows import SUFFIXES, read_rows

LONGEST = 65_536
"""Bytes of a piece of a document."""
LOOKED_AT = 1 << 20
"""Bytes at the beginning of a text file that say what parts its documents."""
BINARY = 0.02
"""Share of control bytes among these from which on a file is no text."""
COLUMNS = ("text", "content", "completion", "answer", "response", "output", "document")
"""In which a row's text is looked for, in this order."""
IN_FOLDERS = (*SUFFIXES, ".txt", ".md")
"""Files of a folder that are read."""
SPLITS = ("train", "test", "validation", "valid", "dev", "eval")
LABELS = ("label", "labels", "class", "category")


@dataclass(frozen=True, slots=True)
class Text:
    """A document, or a piece of one."""

    text: str
    place: str
    """Where it stands: `FILE, line 3`."""
    label: str | None = None
    split: str | None = None


@dataclass(slots=True)
class Documents:
    """What is read of a data set; what was odd is known when all is read."""

    path: Path
    """A file, or a folder of some."""
    column: str | None = None
    """That holds the text of a row; none looks for one of `COLUMNS`."""
    odd: Counter[str] = field(default_factory=Counter)
    """How many documents were odd, by what was."""

    @property
    def size(self) -> int:
        """Bytes of what is read; 0 where there is nothing."""
        return sum(file.stat().st_size for file in self._files() if file.is_file())

    def __iter__(self) -> Iterator[Text]:
        """Raises DataError where there is no such file, no text in it, or no such column."""
        self.odd.clear()
        files = self._files()
        if not files:
            raise DataError(f"a folder of data must hold files that end in {', '.join(IN_FOLDERS)}, got none in "
                            f"{str(self.path)!r}")
        for file in files:
            part = split_of(file.name) if self.path.is_dir() else None
            for text in _rows(self, file) if file.suffix.lower() in SUFFIXES else _passages(self, file):
                yield text if text.split or part is None else replace(text, split=part)

    def _files(self) -> list[Path]:
        if not self.path.is_dir():
            return [self.path]
        return sorted(file for file in self.path.rglob("*") if file.suffix.lower() in IN_FOLDERS and file.is_file())


def split_of(name: str) -> str | None:
    """The split that a file's name speaks of, as in train-00000-of-00003.parquet."""
    return next((part for part in SPLITS if re.search(rf"(?<![a-z]){part}(?![a-z])", name.lower())), None)


def _rows(documents: Documents, path: Path) -> Iterator[Text]:
    column = documents.column
    for row in read_rows(str(path)):
        if isinstance(row.cells, DataError):
            documents.odd["rows that cannot be read"] += 1
            continue
        column = column or _column(row.cells, row.place)
        if column not in row.cells and documents.column:
            raise DataError(f"a row must have column {column!r}, got {', '.join(row.cells) or 'nothing'}: {row.place}",
                            hint="name the column of the text with --column")
        text = row.cells.get(column)
        if not isinstance(text, str) or not text.strip():
            documents.odd["rows without text"] += 1
            continue
        label = next((str(row.cells[name]) for name in LABELS if row.cells.get(name) is not None), None)
        split = row.cells.get("split")
        for piece in _pieces(text, documents):
            yield Text(piece, row.place, label, None if split is None else str(split))


def _column(cells: dict[str, Any], place: str) -> str:
    """The column of the text. Raises DataError where none is known by its name."""
    for name in COLUMNS:
        if isinstance(cells.get(name), str):
            return name
    raise DataError(f"a row must have one of the columns {', '.join(COLUMNS)}, got {', '.join(cells) or 'nothing'}: "
                    f"{place}", hint="name the column of the text with --column")


def _passages(documents: Documents, path: Path) -> Iterator[Text]:
    try:
        with path.open("rb") as file:
            start = file.read(LOOKED_AT)
            _must_be_text(start, path)
            file.seek(0)
            parted = start.count(b"\n\n") + start.count(b"\r\n\r\n") > 0.01 * start.count(b"\n")
            yield from _paragraphs(file, path, documents) if parted else _lines(file, path, documents)
    except OSError as error:
        raise DataError(f"data must be a file that can be read, got {str(path)!r}: {error.strerror}") from error


def _must_be_text(start: bytes, path: Path) -> None:
    if not start:
        raise DataError(f"data must hold text, {str(path)!r} is empty")
    odd = sum(start.count(bytes([byte])) for byte in range(32) if byte not in b"\t\n\r\f")
    if odd > BINARY * len(start):
        raise DataError(f"data must be text, JSONL, CSV or Parquet, {str(path)!r} is binary")


def _lines(file: Any, path: Path, documents: Documents) -> Iterator[Text]:
    """A document a line. A line without end is read piece by piece."""
    number, goes_on = 0, False
    while line := file.readline(LONGEST):
        number += not goes_on
        goes_on = not line.endswith(b"\n")
        if goes_on and len(line) == LONGEST:
            documents.odd["pieces of documents that are too long"] += 1
        if line.strip():
            yield Text(_decoded(line, documents).strip("\r\n"), f"{path}, line {number}")


def _paragraphs(file: Any, path: Path, documents: Documents) -> Iterator[Text]:
    """A document a paragraph, or a piece of one."""
    held, size, first, number = list[bytes](), 0, 1, 0
    while line := file.readline(LONGEST):
        number += line.endswith(b"\n")
        if line.strip():
            held.append(line)
            size += len(line)
        if held and (size >= LONGEST or not line.strip()):
            documents.odd["pieces of documents that are too long"] += size >= LONGEST
            yield Text(_decoded(b"".join(held), documents).strip("\r\n"), f"{path}, line {first}")
            held, size = [], 0
        if not held:
            first = number + 1
    if held:
        yield Text(_decoded(b"".join(held), documents).strip("\r\n"), f"{path}, line {first}")


def _decoded(text: bytes, documents: Documents) -> str:
    """As UTF-8; what is none is replaced and counted."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        documents.odd["documents with bytes that are no UTF-8"] += 1
        return text.decode("utf-8", "replace")


def _pieces(text: str, documents: Documents) -> Iterator[str]:
    """A text in pieces of `LONGEST` characters at most."""
    if len(text) > LONGEST:
        documents.odd["pieces of documents that are too long"] += -(-len(text) // LONGEST)
    for start in range(0, len(text), LONGEST):
        yield text[start:start + LONGEST]
