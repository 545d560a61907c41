"""What the report says of a value: what came beside what it expected, and whether it can help as a filter."""

from __future__ import annotations

from collections.abc import Callable

from pawl.ledger import GenerationRecord, Ledger
from pawl.report import render_report

Make = Callable[..., Ledger]
Record = Callable[..., GenerationRecord]

TABLE = {"value_attempts": 200.0, "value_bin_1_expected": 0.15, "value_bin_1_came": 0.1, "value_bin_1_count": 150.0,
         "value_bin_8_expected": 0.85, "value_bin_8_came": 0.8, "value_bin_8_count": 50.0}
FILTER = {"value_phi": 0.9, "value_psi": 0.1, "value_errors": 0.7, "value_errors_low": 0.65, "value_errors_high": 0.75,
          "value_errors_count": 200.0, "value_break_even": 0.9, "value_break_even_low": 0.85,
          "value_break_even_high": 0.95}


def page(new_ledger: Make, record: Record, *metrics: dict[str, float]) -> str:
    ledger = new_ledger()
    ledger.set_base({}, {}, "c0")
    for index, those in enumerate(metrics, 1):
        ledger.commit(record(index, [("1+1=", f"{index}", 1.0)], metrics=those))
    return " ".join(render_report(ledger).split())


def test_the_last_table_is_drawn_and_told_in_words(new_ledger: Make, record: Record) -> None:
    html = page(new_ledger, record, TABLE | {"value_bin_1_came": 0.3}, TABLE, {})
    assert "Of 200 held-out attempts of generation 2" in html
    words = "of those valued 15.0% came 10.0% [6.2, 15.8], of those valued 85.0% came 80.0% [67.0, 88.8]"
    assert f"Right answers by value: {words}." in html


def test_it_says_whether_the_value_can_help_as_a_filter(new_ledger: Make, record: Record) -> None:
    html = page(new_ledger, record, TABLE | FILTER)
    assert "it keeps 90.0% of the right attempts and 10.0% of the wrong ones: filtering by this judge can help" in html
    assert "70.0% of attempts are wrong, and it breaks even at 90.0%." in html


def test_what_was_not_measured_is_left_out(new_ledger: Make, record: Record) -> None:
    assert "expected and came" not in page(new_ledger, record, {})
    assert "As a filter" not in page(new_ledger, record, TABLE)


def test_unfinished_solutions_have_a_line_for_each_step(new_ledger: Make, record: Record) -> None:
    html = page(new_ledger, record, {"value_auroc_step_1": 0.7, "value_auroc_step_2": 0.8, "value_auroc_step_3": 0.9})
    told = [f"the champion&#39;s, step {step}: generation 1 {share}.0%." for step, share in ((1, 70), (2, 80), (3, 90))]
    assert " ".join(told) in html
