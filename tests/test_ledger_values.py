"""Single values on their way into SQLite and back, through SQLite itself."""

import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import LedgerError
from pawl.ledger_values import (
    finite_value,
    float_blob,
    floats_of,
    int_blob,
    ints_of,
    json_of,
    json_value,
    text_of,
    text_value,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
FLOATS = st.lists(st.floats(width=32))
INTS = st.lists(st.integers(-(2**31), 2**31 - 1))


def through_sqlite(value: object) -> sqlite3.Row:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.execute("CREATE TABLE one (value)")
    connection.execute("INSERT INTO one VALUES (?)", (value,))
    row: sqlite3.Row = connection.execute("SELECT value FROM one").fetchone()
    connection.close()
    return row


@given(ANY_TEXT)
def test_any_text_comes_back_with_nulls_and_lone_surrogates(text: str) -> None:
    assert text_of(through_sqlite(text_value(text))["value"]) == text


@given(JSON)
def test_any_json_value_comes_back(value: object) -> None:
    assert json_of(through_sqlite(json_value(value, "value"))["value"]) == value


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_json_does_not_depend_on_the_order_of_keys(value: dict[str, int]) -> None:
    assert json_value(value, "value") == json_value(dict(reversed(value.items())), "value")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), np.float32("nan")])
def test_a_number_that_is_not_finite_is_refused_with_its_place(number: float) -> None:
    with pytest.raises(LedgerError, match=r"metrics\.losses\[1\] must be a finite number, got -?(nan|inf)"):
        json_value({"losses": [0.0, number]}, "metrics")
    with pytest.raises(LedgerError, match="score must be a finite number"):
        finite_value(number, "score")


def test_numpy_numbers_in_json_become_plain_ones() -> None:
    value = {"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True), "d": np.float64(0.1)}
    assert json_value(value, "value") == '{"a": 0.5, "b": 3, "c": true, "d": 0.1}'


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {1, 2}}, r"data\.a must be a JSON value, got set"),
        ({"a": b"x"}, r"data\.a must be a JSON value, got bytes"),
        ({"a": {1: 2}}, r"keys of data\.a must be text, got 1"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_place(value: object, message: str) -> None:
    with pytest.raises(LedgerError, match=message):
        json_value(value, "data")


def test_json_nested_too_deeply_is_refused() -> None:
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(LedgerError, match="must be JSON values"):
        json_value(value, "data")


@given(INTS, FLOATS)
def test_arrays_come_back_bit_for_bit_and_writable(ints: list[int], floats: list[float]) -> None:
    tokens, weights = np.array(ints, np.int32), np.array(floats, np.float32)
    tokens_read = ints_of(through_sqlite(int_blob(tokens)), "value", len(tokens))
    weights_read = floats_of(through_sqlite(float_blob(weights)), "value", len(weights))
    assert (tokens_read.dtype, weights_read.dtype) == (np.int32, np.float32)
    assert tokens_read.tobytes() == tokens.tobytes()
    assert weights_read.tobytes() == weights.tobytes()
    assert tokens_read.flags.writeable and weights_read.flags.writeable


def test_arrays_are_little_endian() -> None:
    assert int_blob(np.array([1, -2], np.int32)) == b"\x01\x00\x00\x00\xfe\xff\xff\xff"
    assert float_blob(np.array([1.0], np.float32)) == b"\x00\x00\x80\x3f"


@pytest.mark.parametrize("array", [np.zeros(2), np.zeros((1, 2), np.float32), np.zeros(2, np.int32)])
def test_an_array_of_another_type_or_shape_is_a_bug(array: np.ndarray) -> None:
    with pytest.raises(AssertionError, match="expected"):
        float_blob(array)


@pytest.mark.parametrize("value", [b"\x00" * 7, b"\x00" * 12, "text", None])
def test_a_blob_of_another_length_is_damage(value: object) -> None:
    with pytest.raises(LedgerError, match="damaged: value of a row must be 8 bytes"):
        ints_of(through_sqlite(value), "value", 2)


def test_a_row_that_is_not_json_is_damage() -> None:
    with pytest.raises(LedgerError, match="damaged: a row must hold JSON"):
        json_of('{"a": ')
