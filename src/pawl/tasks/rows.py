"""Rows of data from a JSONL, CSV or Parquet file, or from a Hugging Face dataset, one at a time.

A row that cannot be read comes as a DataError instead, so that the reader can raise it or skip it; a file that cannot
be read raises. Not covered: compressed files, a `.json` file that is one array, datasets that need remote code.
"""

from __future__ import annotations

import csv
import importlib
import importlib.util
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pawl.errors import DataError, MissingExtraError

SUFFIXES = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet")

LONGEST_LINE = 2**25
"""Characters of a row of JSONL; what is longer would not fit into memory several times over."""

LONGEST_NUMBER = 4000
"""Characters of one; Python reads no whole number of many more."""

Cells = dict[str, Any]


class Number(str):
    """A number of a JSONL file as it was written: 0.10 is not to become a binary fraction."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row, and where it stands."""

    place: str
    """`FILE, line 3`; for Parquet and Hugging Face data `NAME, row 3`. Counted from 1."""
    cells: Cells | DataError


def as_json(value: Any) -> Any:
    """A cell in what JSON has, its numbers as numbers. Raises ValueError where it holds anything else, such as a date
    or a number that is not finite."""
    match value:
        case Number() if len(value) < LONGEST_NUMBER:
            return as_json(json.loads(value))
        case Number():
            raise ValueError(f"got a number of {len(value):,} characters")
        case None | bool() | int() | str():
            return value
        case float() if math.isfinite(value):
            return value
        case list() | tuple():
            return [as_json(one) for one in value]
        case Mapping() if all(isinstance(name, str) for name in value):
            return {name: as_json(one) for name, one in value.items()}
    raise ValueError(f"got {value}" if isinstance(value, float) else f"got a {type(value).__name__}")


def read_rows(data: str, *, subset: str | None = None, part: str = "train") -> Iterator[Row]:
    """The rows of a file, or of the part of a Hugging Face dataset when no file has that name.

    Raises DataError for a file that is missing or of another kind, MissingExtraError where pyarrow or datasets is
    needed and not installed.
    """
    path = Path(data)
    if not path.exists() and path.suffix.lower() not in SUFFIXES:
        return _hugging_face(data, subset, part)
    if not path.is_file():
        problem = "be a file" if path.exists() else "exist"
        raise DataError(f"data must {problem}, got {data!r}", hint="paths are relative to the current directory")
    match path.suffix.lower():
        case ".jsonl" | ".ndjson":
            return _jsonl(path)
        case ".csv":
            return _csv(path, ",")
        case ".tsv":
            return _csv(path, "\t")
        case ".parquet":
            return _parquet(path)
    raise DataError(f"data file must end in one of {', '.join(SUFFIXES)}, got {data!r}")


def _jsonl(path: Path) -> Iterator[Row]:
    # Bytes that are no UTF-8 become lone surrogates, which spoil their own row and no other.
    with _open(path) as file:
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            place, whole = f"{path}, line {number}", True
            while len(line) == LONGEST_LINE and not line.endswith(("\n", "\r")):  # read over, not kept
                line, whole = file.readline(LONGEST_LINE), False
            if not whole:
                yield Row(place, DataError(f"a line must be shorter than {LONGEST_LINE:,} characters: {place}"))
            elif line.strip():
                yield Row(place, _json_object(line.rstrip("\r\n"), place))


def _json_object(line: str, place: str) -> Cells | DataError:
    try:
        cells = json.loads(line, parse_int=Number, parse_float=Number)
    except json.JSONDecodeError as error:
        return DataError(f"a line must be JSON, got a line that is not: {place}, column {error.colno}: {error.msg}")
    except RecursionError:
        return DataError(f"a line must be a JSON object of values, got one nested too deep: {place}")
    if not isinstance(cells, dict):
        return DataError(f"a line must be a JSON object, got a {type(cells).__name__}: {place}")
    return cells


def _csv(path: Path, delimiter: str) -> Iterator[Row]:
    with _open(path) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        header = next(reader, [])
        while True:
            place = f"{path}, line {reader.line_num + 1}"
            try:
                values = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(place, DataError(f"a line must be CSV, got a line that is not: {place}: {error}"))
                continue
            if not values:
                continue
            if len(values) > len(header):
                problem = f"a line must have the header's {len(header)} columns, got {len(values)}: {place}"
                yield Row(place, DataError(problem))
            else:
                yield Row(place, dict(zip(header, values, strict=False)))


def _open(path: Path) -> Any:
    try:
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise DataError(f"data file must be readable, got {str(path)!r}: {error.strerror}") from error


def _parquet(path: Path) -> Iterator[Row]:
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError(f"reading {path}", "hf")
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    number = 0
    try:
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=1024):
            for cells in batch.to_pylist():
                number += 1
                yield Row(f"{path}, row {number}", cells)
    except (arrow.ArrowException, OSError) as error:
        raise DataError(f"data file must be Parquet, got {str(path)!r}: {error}") from error


def _hugging_face(name: str, subset: str | None, part: str) -> Iterator[Row]:
    if importlib.util.find_spec("datasets") is None:
        raise MissingExtraError(f"data {name!r} is no file; loading it as a Hugging Face dataset", "hf")
    library = importlib.import_module("datasets")
    try:
        dataset = library.load_dataset(name, subset, split=part)
    except Exception as error:  # not found, no network, no such part: each has a class of its own
        said = f"{type(error).__name__}: {error}"
        hint = "is it a file? then its path is wrong; else see --subset and --part"
        raise DataError(f"data must be a file or a Hugging Face dataset, got {name!r}: {said}", hint=hint) from error
    for number, cells in enumerate(dataset, start=1):
        yield Row(f"{name}, row {number}", cells)
