"""Accuracy against budget as one HTML page that works offline, with no script in it.

It shows the `curve` rows of `pawl.evaluate_model`: a search at rising budgets, and what the tokens that it
spent buy without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pawl.report import page_environment, write_whole
from pawl.report_text import count, interval, percent

if TYPE_CHECKING:
    from pawl.report_figures import Figure
    from pawl.report_plots import Series

_LOOKS = {"best_of_n": ("three", "s", "-"), "majority": ("four", "v", "-"), "weighted": ("five", "^", "-"),
          "greedy": ("six", "D", "-")}
_SEARCH, _UNIFORM = ("one", "o", "-"), ("two", "o", "--")
_NAMES = {"best_of_n": "best of n by value", "majority": "majority", "weighted": "weighted majority",
          "greedy": "greedy"}

_CAPTION = (
    "Every point is the same problems once more; bars are 95% intervals. A problem's tokens are all that a model "
    "forwarded for it: prompts, what was sampled, and what a value read. The scale of tokens is logarithmic."
)


def write_curve(result: Mapping[str, Any], path: Path) -> Path:
    """Write the page of an evaluation with a curve to a file; the file is there whole or not at all."""
    return write_whole(render_curve(result), path)


def render_curve(result: Mapping[str, Any]) -> str:
    """The page itself."""
    from pawl.search.named import SEARCHES

    search, rows = result["search"], result["curve"]
    facts = (("task", result["task"]), (result["split"], count(result["problems"], "problem")),
             ("search", search["name"]), ("budget", f"up to {search['budget']}"))
    known = (result.get(name) for name in ("curve_sentence", "prior_sentence", "sentence"))
    sentences = [f"{said[:1].upper()}{said[1:]}." for said in known if said]
    return page_environment().get_template("curve.html.j2").render(
        task=result["task"], facts=facts, sentences=sentences, counts=SEARCHES[search["name"]].counts,
        figure=_figure(_lines(rows)), rows=[_cells(row) for row in rows])


def _figure(lines: Sequence[Series]) -> Figure:
    # These bring matplotlib, which only a page with a plot needs.
    from pawl import report_plots as plots
    from pawl.report_figures import both_sizes, legend_of

    words = [f"{line.name}: " + ", ".join(
        f"{percent(value)} {interval(bounds)} for {tokens:,.0f} tokens"
        for tokens, value, bounds in zip(line.places, line.values, line.intervals, strict=True)) for line in lines]
    return both_sizes("curve", "Right answers by tokens spent", _CAPTION, f"{'. '.join(words)}.", legend_of(lines),
                      lambda name, size: plots.over_counts(name, lines, size, "tokens a problem"))


def _lines(rows: Sequence[Mapping[str, Any]]) -> list[Series]:
    """A line for each method, by rising tokens."""
    from pawl.report_plots import Series

    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(_name(row), []).append(row)
    lines = []
    for name, points in found.items():
        points = sorted(points, key=lambda row: float(row["tokens"]))
        lines.append(Series(name, [row["tokens"] for row in points], [row["pass@1"] for row in points],
                            [(row["ci"][0], row["ci"][1]) for row in points], *_look(points[0])))
    return lines


def _name(row: Mapping[str, Any]) -> str:
    if "prior" not in row:
        return _NAMES[row["method"]]
    return f"{row['method']}, uniform prior" if row["prior"] == "uniform" else f"search: {row['method']}"


def _look(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Colour, marker and dash."""
    if "prior" not in row:
        return _LOOKS[row["method"]]
    return _UNIFORM if row["prior"] == "uniform" else _SEARCH


def _cells(row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """A row of the table."""
    spent = count(row["attempts"], "attempt") if "attempts" in row else str(row["budget"])
    return _name(row), f"{percent(row['pass@1'])} {interval(tuple(row['ci']))}", spent, f"{row['tokens']:,.0f}"
