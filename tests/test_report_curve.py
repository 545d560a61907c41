"""The page of a curve: it holds every number, works offline, and text of others stays text."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from pawl.gate.statistics import wilson_interval
from pawl.report_curve import render_curve, write_curve

HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)"> \x1b[2J\u202e'


def row(method: str, tokens: float, rate: float, **more: Any) -> dict[str, Any]:
    return {"method": method, "tokens": tokens, "pass@1": rate, "ci": list(wilson_interval(rate, 200)), **more}


ROWS = [
    *(row("puct", 110.0 * budget, 0.5 + 0.05 * budget, prior="policy", budget=budget) for budget in (1, 2, 4)),
    *(row("puct", 30.0 * budget, 0.1 * budget, prior="uniform", budget=budget) for budget in (1, 2, 4)),
    row("greedy", 13.4, 0.64, attempts=1), row("best_of_n", 105.0, 0.76, attempts=5),
    row("majority", 108.0, 0.65, attempts=13), row("weighted", 105.0, 0.75, attempts=5),
]


def result(task: str = "countdown", rows: Any = ROWS) -> dict[str, Any]:
    return {"task": task, "split": "gate", "problems": 200, "search": {"name": "puct", "budget": 4, "prior": "policy"},
            "curve": rows, "curve_sentence": "more search helps; a budget of 4 against 1: +15.0 points",
            "sentence": "search helps; against greedy"}


def test_every_row_stands_in_the_table_and_every_line_in_the_plot() -> None:
    page = render_curve(result())
    assert page.count('<tr><th scope="row">') == len(ROWS)
    assert '<td>65.0% <span class="interval">[58.2, 71.3]</span></td><td>13 attempts</td><td>108</td>' in page
    assert "<h1>More search helps; a budget of 4 against 1: +15.0 points.</h1>" in page
    for name in ("search: puct", "puct, uniform prior", "greedy", "best of n by value", "weighted majority"):
        assert f"</i>{name}</li>" in page
    assert "search: puct: 55.0% [48.1, 61.7] for 110 tokens, 60.0%" in page


def test_the_page_asks_nothing_of_the_network_and_is_the_same_bytes_each_time() -> None:
    page = render_curve(result())
    assert page == render_curve(result())
    assert not re.search(r"<script|<link|<img|@import|url\((?!#)|src=", page)
    assert all("www.w3.org" in address for address in re.findall(r"https?://[^\"' <]+", page))


def test_text_of_others_stays_text() -> None:
    page = render_curve(result(task=HOSTILE))
    assert "<script>" not in page and "<img" not in page and "\x1b" not in page and "\u202e" not in page
    assert "&lt;script&gt;" in page


def test_one_budget_and_tokens_of_none_make_a_page_too() -> None:
    rows = [row("puct", 0.0, 0.0, prior="uniform", budget=1), row("greedy", 0.0, 1.0, attempts=1)]
    page = render_curve(result(rows=rows))
    assert page.count('<tr><th scope="row">') == 2 and "<svg" in page


def test_the_page_is_written_whole(tmp_path: Path) -> None:
    path = write_curve(result(), tmp_path / "curve.html")
    assert path.read_text(encoding="utf-8") == render_curve(result())
    assert [file.name for file in tmp_path.iterdir()] == ["curve.html"]
