"""The alarms of a run in its report."""

from __future__ import annotations

import re
from collections.abc import Callable

from pawl.ledger import GenerationRecord, Ledger
from pawl.meters.alarms.alarm import Alarm
from pawl.meters.alarms.note import note_of
from pawl.report import render_report
from pawl.report_alarms import MOST, alarms

Make = Callable[..., Ledger]
Record = Callable[..., GenerationRecord]

ROWS = [("one?", "yes", 1.0), ("two?", "no", 0.0), ("three?", "<b>maybe</b>", 0.5)]
ALARM = Alarm("cut off", 1, "2 of 3 attempts (66.7%) were cut off.", "raise max_tokens", (2, 0))
HEADING = "<h2>Alarms</h2>"


def test_an_alarm_is_told_with_what_to_look_at_and_the_attempts_that_show_it(new_ledger: Make, record: Record) -> None:
    ledger = new_ledger()
    ledger.commit(record(1, ROWS, notes=["all is well", note_of(ALARM)]))
    section = render_report(ledger).partition(HEADING)[2].partition("</section>")[0]
    for words in ("Generation 1", "cut off", ALARM.says, "What to look at: raise max_tokens"):
        assert words in section
    assert re.findall("<pre[^>]*>(.*?)</pre>", section) == ["three?", "&lt;b&gt;maybe&lt;/b&gt;", "one?", "yes"]
    assert "all is well" not in section


def test_an_alarm_does_not_stand_among_the_gates_notes_too(new_ledger: Make, record: Record) -> None:
    ledger = new_ledger()
    ledger.commit(record(1, ROWS, notes=["all is well", note_of(ALARM)]))
    page = render_report(ledger)
    assert page.count(ALARM.says) == 1 and "All is well." in page


def test_a_run_without_an_alarm_has_no_section_of_them(new_ledger: Make, record: Record) -> None:
    ledger = new_ledger()
    ledger.commit(record(1, ROWS, notes=["all is well"]))
    assert HEADING not in render_report(ledger)


def test_places_at_which_there_is_no_attempt_are_left_out(new_ledger: Make, record: Record) -> None:
    ledger = new_ledger()
    ledger.commit(record(1, ROWS, notes=["alarm: cut off: all. (look) [attempts 1, 999999999999999]"]))
    (row,) = alarms(ledger.generations(), ledger.attempts).rows
    assert row.attempts == (("two?", "no"),)


def test_a_bounded_number_of_alarms_is_shown_and_the_rest_counted(new_ledger: Make, record: Record) -> None:
    ledger = new_ledger()
    for index in range(1, 4):
        ledger.commit(record(index, ROWS, notes=[note_of(ALARM)] * 20))
    found = alarms(ledger.generations(), ledger.attempts)
    assert (len(found.rows), found.left) == (MOST, 20)
    assert "20 more stand in the notes of the ledger." in render_report(ledger)
