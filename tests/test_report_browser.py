"""The report in headless Chromium: nothing is complained of, the filters filter, and no page scrolls sideways."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pawl.ledger import GenerationRecord, Ledger
from pawl.report import write_report
from pawl.report_curve import write_curve

ATTACK = "document.title = 'owned'"
HOSTILE = f'<script>{ATTACK}</script><img src=x onerror="{ATTACK}"><style>* {{ display: none }}</style>'


@pytest.fixture(scope="module")
def demo_page(demo_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    with Ledger.open(demo_path, read_only=True) as ledger:
        write_report(ledger, path)
    return path


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_never_scrolls_sideways(visit: Callable[..., Any], demo_page: Path, width: int, scheme: str) -> None:
    page = visit(demo_page, width=width, color_scheme=scheme)
    page.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    inside = "e => e.closest('.scroll') || e.getBoundingClientRect().right <= innerWidth + 1"
    assert page.evaluate(f"[...document.querySelectorAll('main *:not(svg *)')].every({inside})")


def test_each_filter_shows_its_own_rows(visit: Callable[..., Any], demo_page: Path) -> None:
    page = visit(demo_page)
    rows = page.locator(".attempts tbody tr:visible")
    everything = rows.count()
    counts = {}
    for name in ("right", "wrong", "first solved", "all"):
        page.get_by_label(name, exact=True).check()
        verdicts = {text.partition(",")[0] for text in rows.locator(".verdict span").all_inner_texts()}
        counts[name] = rows.count()
        assert verdicts == {"right": {"right", "first solved"}, "wrong": {"wrong"}, "first solved": {"first solved"},
                            "all": {"right", "wrong", "first solved"}}[name]  # fmt: skip
    assert counts["right"] + counts["wrong"] == everything == counts["all"] > counts["right"] > counts["first solved"]


def test_the_filters_obey_the_keyboard(visit: Callable[..., Any], demo_page: Path) -> None:
    page = visit(demo_page)
    page.locator("#show-all").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#show-right").is_checked()
    assert page.locator("tr.wrong:visible").count() == 0


def test_one_of_two_sizes_of_a_plot_is_shown(visit: Callable[..., Any], demo_page: Path) -> None:
    for width, shown in ((1280, "first"), (360, "last")):
        pair = visit(demo_page, width=width).locator(".two-sizes").nth(1).locator("svg")
        assert [pair.first.is_visible(), pair.last.is_visible()] == [shown == "first", shown == "last"]


def test_text_stands_out_from_the_page_in_light_and_dark(visit: Callable[..., Any], demo_page: Path) -> None:
    luminances = []
    for scheme in ("light", "dark"):
        page = visit(demo_page, color_scheme=scheme)
        colours = page.evaluate(
            "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])"
            ".concat(getComputedStyle(document.querySelector('.plot svg text')).fill)"
        )
        luminances += [sum(map(int, colour.strip("rgb()").split(","))) / 765 for colour in colours]
    ink, paper, label, dark_ink, dark_paper, dark_label = luminances
    assert min(paper - ink, paper - label, dark_ink - dark_paper, dark_label - dark_paper) > 0.4


def test_hostile_text_stays_text(
    visit: Callable[..., Any], tmp_path: Path,
    new_ledger: Callable[..., Ledger], record: Callable[..., GenerationRecord],
) -> None:  # fmt: skip
    ledger = new_ledger(task=HOSTILE, notes=[HOSTILE])
    long = "(" * 100_000
    ledger.commit(record(1, [(HOSTILE, HOSTILE, 0.0), ("p", long, 0.0), ("q", "\u202e\u0336a" * 300, 1.0)]))
    page = visit(write_report(ledger, tmp_path / "report.html"), width=360)
    assert page.title().startswith("Pawl report: <script>")
    assert page.locator("script, img, body style").count() == 0
    assert HOSTILE in page.locator(".attempts pre").all_inner_texts()
    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_of_a_curve_never_scrolls_sideways(
    visit: Callable[..., Any], tmp_path: Path, width: int, scheme: str,
) -> None:  # fmt: skip
    rows = [{"method": "puct", "prior": prior, "budget": 2**i, "tokens": 90.0 * 2**i, "pass@1": 0.1 * i,
             "ci": [0.0, 0.9]} for prior in ("policy", "uniform") for i in range(8)]
    result = {"task": HOSTILE, "split": "gate", "problems": 200, "search": {"name": "puct", "budget": 128},
              "curve": rows, "curve_sentence": "more search helps", "sentence": "search helps"}
    page = visit(write_curve(result, tmp_path / "curve.html"), width=width, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.locator("script, img, body style").count() == 0
    pair = page.locator(".two-sizes svg")
    assert [pair.first.is_visible(), pair.last.is_visible()] == [width > 640, width <= 640]
