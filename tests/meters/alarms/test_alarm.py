"""Alarms as plain data, and texts that are safe to keep."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import DataError
from pawl.meters.alarms.alarm import LONGEST, Alarm, Found, alarm_of, as_record, named, plain

ALARM = Alarm("cut off", 3, "All were cut off.", "raise max_tokens", (4, 7))


def test_an_alarm_is_a_record_and_back() -> None:
    record = as_record(ALARM)
    assert record == {"name": "cut off", "generation": 3, "says": "All were cut off.", "hint": "raise max_tokens",
                      "shown": [4, 7]}
    assert alarm_of(record) == ALARM


@pytest.mark.parametrize("change", [
    {"name": None}, {"generation": "3"}, {"says": 5}, {"shown": "47"}, {"shown": [1.5]}, {"shown": [-1]},
    {"shown": [True]}])
def test_what_is_no_alarm_is_refused_in_a_sentence(change: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="an alarm must have a name, a generation, says, hint and shown, got"):
        alarm_of(as_record(ALARM) | change)
    with pytest.raises(DataError):
        alarm_of({})


def test_texts_of_a_record_are_made_plain() -> None:
    assert alarm_of(as_record(replace(ALARM, says="a\x1b[31mb\nc‮d"))).says == "a [31mb c d"


def test_at_most_three_attempts_are_shown() -> None:
    assert named(Found("a", "b", range(9)), "c", 1).shown == (0, 1, 2)


@given(st.text(alphabet=st.characters(), max_size=700), st.integers(1, 700))
def test_a_plain_text_is_one_printable_line_and_as_long_as_it_may_be(text: str, most: int) -> None:
    made = plain(text, most=most)
    assert made.isprintable()
    assert len(made) == min(len(text), most)
    assert made.endswith("…") or len(text) <= most
    assert plain(made, most=most) == made


def test_a_long_sentence_is_cut() -> None:
    assert named(Found("x" * 10_000, "y"), "z", 1).says == "x" * (LONGEST - 1) + "…"
