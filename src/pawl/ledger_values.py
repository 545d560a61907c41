"""Single values of the ledger and back: text, JSON with finite numbers, arrays as little-endian blobs.

What is read back equals what was written, but for tuples inside JSON, which come back as lists, and numpy
numbers there, which come back as Python's.
"""

from __future__ import annotations

import json
import math
import sqlite3
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawl.errors import LedgerError
from pawl.records import FloatArray, IntArray

_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True)
_INT, _FLOAT = np.dtype(np.int32), np.dtype(np.float32)
_LITTLE_INT, _LITTLE_FLOAT = np.dtype("<i4"), np.dtype("<f4")


def text_value(text: str) -> str | bytes:
    """The text as SQLite can keep it: bytes when it holds a lone surrogate, which odd JSON data can."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")
    return text


def optional_text_value(text: str | None) -> str | bytes | None:
    return None if text is None else text_value(text)


def text_of(value: str | bytes) -> str:
    return value.decode(errors="surrogatepass") if isinstance(value, bytes) else value


def optional_text_of(value: str | bytes | None) -> str | None:
    return None if value is None else text_of(value)


def finite_value(value: float, what: str) -> float:
    """The number itself. SQLite would keep NaN as NULL, and a NULL score is a judge that abstained."""
    if not math.isfinite(value):
        raise LedgerError(f"{what} must be a finite number, got {value}")
    return float(value)


def optional_finite_value(value: float | None, what: str) -> float | None:
    return None if value is None else finite_value(value, what)


def json_value(value: object, what: str) -> str | bytes:
    """JSON with sorted keys. Raises LedgerError, with the place, where a value is not JSON or not finite."""
    try:
        plain = _plain(value, what)
        return text_value(_JSON.encode(plain))
    except (RecursionError, ValueError) as error:
        raise LedgerError(f"{what} must be JSON values, got some that cannot be written: {error}") from error


def json_of(value: str | bytes) -> Any:
    try:
        return json.loads(text_of(value))
    except (RecursionError, ValueError) as error:
        raise LedgerError(f"the ledger is damaged: a row must hold JSON, got {value[:40]!r}") from error


def _plain(value: object, where: str) -> object:
    """The value in Python's own types, checked."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return finite_value(value, where)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise LedgerError(f"keys of {where} must be text, got {key!r}")
        return {key: _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    raise LedgerError(f"{where} must be a JSON value, got {type(value).__name__}")


def int_blob(array: IntArray) -> bytes:
    """[T] int32 as little-endian bytes."""
    return _blob(array, _INT)


def float_blob(array: FloatArray) -> bytes:
    """[T] float32 as little-endian bytes; any float, NaN included, bit for bit."""
    return _blob(array, _FLOAT)


def _blob(array: NDArray[Any], dtype: np.dtype[Any]) -> bytes:
    # Another dtype would come back rounded, and a resumed run would learn from other numbers than this one.
    assert array.ndim == 1 and array.dtype == dtype, f"expected [T] {dtype}, got {array.shape} {array.dtype}"
    return (array if sys.byteorder == "little" else array.byteswap()).tobytes()


def ints_of(row: sqlite3.Row, column: str, count: int) -> IntArray:
    """[count] int32, a writable copy. Raises LedgerError when the blob has another length."""
    return np.frombuffer(_blob_of(row, column, count), _LITTLE_INT).astype(_INT)


def floats_of(row: sqlite3.Row, column: str, count: int) -> FloatArray:
    """[count] float32, a writable copy. Raises LedgerError when the blob has another length."""
    return np.frombuffer(_blob_of(row, column, count), _LITTLE_FLOAT).astype(_FLOAT)


def _blob_of(row: sqlite3.Row, column: str, count: int) -> bytes:
    blob = row[column]
    if not isinstance(blob, bytes) or len(blob) != 4 * count:
        raise LedgerError(f"the ledger is damaged: {column} of a row must be {4 * count} bytes, got {blob!r:.40}")
    return blob
