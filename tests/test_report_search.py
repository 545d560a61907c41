"""What the report says of search: the figure of policy and search, and the table of prices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pawl.ledger import GenerationRecord, Ledger
from pawl.report import render_report

Make = Callable[..., Ledger]
Record = Callable[..., GenerationRecord]

BEGUN: dict[str, float] = {"search_alone": 0.5, "search_accuracy": 0.7, "search_problems": 100.0}
LATER: dict[str, float] = {"search_alone": 0.6, "search_accuracy": 0.8, "search_problems": 100.0}


def rate(share: float, tokens: float, **more: Any) -> dict[str, Any]:
    return {"pass@1": share, "ci": [share - 0.1, share + 0.1], "tokens": tokens, **more}


SEARCH = rate(0.8, 186.0, name="gumbel", budget=16, sentence="search helps; by 5 points", uniform=rate(0.6, 90.0),
              baselines={"greedy": rate(0.5, 13.0, attempts=1), "majority": rate(0.55, 180.0, attempts=22)},
              told={"policy": rate(0.9, 180.0), "uniform": rate(0.99, 95.0)})


def page(new_ledger: Make, record: Record, *metrics: dict[str, float], search: dict[str, Any] | None = None) -> str:
    ledger = new_ledger()
    ledger.set_base({}, {}, "c0")
    for index, those in enumerate(metrics, 1):
        ledger.commit(record(index, [("1+1=", f"{index}", 1.0)], metrics=those))
    if search is not None:
        ledger.set_final({"base": rate(0.1, 1.0), "final": rate(0.5, 1.0, search=search)}, {"total": 1.0})
    return " ".join(render_report(ledger).split())


def test_policy_and_search_stand_side_by_side_by_generation(new_ledger: Make, record: Record) -> None:
    html = page(new_ledger, record, BEGUN, LATER)
    assert "policy alone: generation 1 50.0% [40.4, 59.6], generation 2 60.0% [50.2, 69.1]." in html
    assert "the same policy with search: generation 1 70.0% [60.4, 78.1], generation 2 80.0% [71.1, 86.7]." in html


def test_the_table_has_every_way_to_spend_the_tokens(new_ledger: Make, record: Record) -> None:
    html = page(new_ledger, record, LATER, search=SEARCH)
    assert "Search helps; by 5 points." in html
    assert "With search that never asks the truth: 80.0%" in html
    for name, share, tokens in (("gumbel, 16 simulations a step", "80.0%", "186"),
                                ("gumbel, 16 simulations a step, uniform prior", "60.0%", "90"),
                                ("greedy", "50.0%", "13"), ("majority of 22", "55.0%", "180")):
        row = html[html.index(f'<th scope="row">{name}</th>'):][:200]
        assert f"<td>{share}</td>" in row and f"<td>{tokens}</td>" in row


def test_rows_that_ask_the_truth_are_named_so(new_ledger: Make, record: Record) -> None:
    html = page(new_ledger, record, LATER, search=SEARCH)
    assert "gumbel, 16 simulations a step, told the truth of its ends" in html
    assert "gumbel, 16 simulations a step, uniform prior, told the truth of its ends" in html
    assert "it proves nothing of the model" in html
    assert "told the truth" not in page(new_ledger, record, LATER, search=SEARCH | {"told": {}})


def test_the_story_counts_what_search_looked_at_and_found(new_ledger: Make, record: Record) -> None:
    html = page(new_ledger, record, {"searched": 40.0, "examples_search": 30.0, "examples_self": 20.0},
                {"searched": 10.0, "examples_search": 5.0})
    assert "50 searches" in html and "20 its own and 35 found by search" in html


def test_a_run_without_search_says_nothing_of_it(new_ledger: Make, record: Record) -> None:
    html = page(new_ledger, record, {"examples_self": 20.0})
    assert not [words for words in ("What search adds", "searches", "found by search") if words in html]
