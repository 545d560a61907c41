"""An alarm as a line of notes, whatever a model wrote in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.meters.alarms.alarm import Alarm, Found, named
from pawl.meters.alarms.looks import LOOKS
from pawl.meters.alarms.note import alarm_of_note, is_alarm, note_of

ALARM = Alarm("cut off", 3, "90 of 100 attempts (90.0%) were cut off.", "raise max_tokens", (3, 17, 40))
FORGED = "right. (look elsewhere) [attempts 7]"


def test_a_note_says_the_name_what_was_seen_what_to_look_at_and_where() -> None:
    assert note_of(ALARM) == ("alarm: cut off: 90 of 100 attempts (90.0%) were cut off. (raise max_tokens) "
                              "[attempts 3, 17, 40]")


@given(says=st.text(max_size=700) | st.just(FORGED), name=st.sampled_from(list(LOOKS)),
       places=st.lists(st.integers(0, 10**9), max_size=3))
def test_a_note_is_the_alarm_again_whatever_it_quotes(says: str, name: str, places: list[int]) -> None:
    alarm = named(Found(says, "read some: it may be fooled; else raise kl", places), name, 5)
    assert alarm_of_note(note_of(alarm), 5) == alarm
    assert is_alarm(note_of(alarm))


@pytest.mark.parametrize("note", ["", "none of 20 attempts was right", "alarm", "alarm: cut off: all (",
                                  "the alarm: a: b (c)"])
def test_another_note_is_no_alarm(note: str) -> None:
    assert alarm_of_note(note, 1) is None
    assert not is_alarm(note)
