"""What a run of stages says: tables from its result, and a page that is no other kind of page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pawl.ledger import GenerationRecord, Ledger
from pawl.report import render_report
from pawl.report_plots import COLOURS, WIDE, Series, two_readings
from pawl.report_stages import sections

RESULT: dict[str, Any] = {
    "sentence": "Search is <b>200</b> Elo above.",
    "elo": [{"player": "policy", "elo": 0.0, "ci": [0.0, 0.0]},
            {"player": "search", "elo": 1200.4, "ci": [1100, 1300]}],
    "values": [{"learnt from": "one position a game", "positions": 60000.0, "train_error": 0.77, "test_error": 0.79,
                "error_ratio": 1.026, "common_error": 0.79}],
}


def stage(record: GenerationRecord, index: int) -> GenerationRecord:
    return replace(record, index=index, attempts=[], verdicts=[], examples=[], evidence=None, contest_ids=[],
                   decision=None, dropped=None, notes=[f"stage {index}", "something came of it"],
                   seconds={"train": 61.0})


def test_tables_are_those_that_the_result_has_the_strongest_first() -> None:
    elo, values = sections(RESULT)
    assert elo.rows == (("search", "1,200", "[1,100, 1,300]"), ("policy", "0", "[0, 0]"))
    assert values.rows == (("one position a game", "60,000", "0.770", "0.790", "1.03", "0.790"),)
    assert sections({}) == []


def test_principles_stand_in_one_column_which_is_read_from_the_left() -> None:
    [principles] = sections({"principles": ["Be brief.", "Say what is so."]})
    assert principles.heads == ("principle",) and principles.rows == (("Be brief.",), ("Say what is so.",))


def test_generations_are_whole_numbers_where_there_are_few() -> None:
    few = [Series("gold", [0, 1, 2], [0.1, 0.2, 0.3], [None] * 3, next(iter(COLOURS)))]
    figure = two_readings("two", few, few, WIDE, share="gold", of="generation")
    assert ">2</text>" in figure and ">0.5" not in figure and ">1.50</text>" not in figure


def test_the_page_tells_stages_and_no_gate(new_ledger: Callable[..., Ledger],
                                           record: Callable[..., GenerationRecord]) -> None:
    ledger = new_ledger()
    ledger.set_base({}, {}, "hash")
    for index in (1, 2):
        ledger.commit(stage(record(index), index))
    page = render_report(ledger)
    assert "This run is unfinished: 2 stages" in page and "Stage 2" in page and "Something came of it." in page
    ledger.set_final(RESULT, {"total": 122.0})
    page = render_report(ledger)
    assert "Search is &lt;b&gt;200&lt;/b&gt; Elo above." in page and "What each part is worth" in page
    assert "What the gate decided" not in page and "Attempts to read" not in page
