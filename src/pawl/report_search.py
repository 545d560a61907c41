"""What search adds, in the report: beside the policy alone in every generation, and beside what its tokens buy without
it on the test split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pawl import report_plots as plots
from pawl.gate.statistics import wilson_interval
from pawl.report_figures import Figure, both_sizes, in_words, legend_of
from pawl.report_plots import Series
from pawl.report_story import Run
from pawl.report_text import MISSING, interval, number, pair, percent
from pawl.search.named import BASELINES_IN_WORDS, SEARCHES


def leading(run: Run) -> Figure | None:
    """Candidates alone and with search on the same gate problems, by generation."""
    shown = [one for one in (_line(run, "search_alone", "policy alone", "two", "s"),
                             _line(run, "search_accuracy", "the same policy with search", "one", "o")) if one]
    if len(shown) < 2:
        return None
    caption = ("Each candidate on the same gate problems, greedy and with search that never asks the truth. Search is "
               "ahead; what it finds in training, the next policy learns. Bars are 95% intervals.")
    return both_sizes("search", "Search leads, the policy follows", caption, in_words(shown, percent),
                      legend_of(shown), lambda name, size: plots.lines(name, shown, size, share=True))


def _line(run: Run, metric: str, name: str, colour: str, marker: str) -> Series | None:
    found = [(one.index, rate, count) for one in run.generations
             if (rate := number(one.metrics.get(metric))) is not None
             and (count := number(one.metrics.get("search_problems")))]
    if not found:
        return None
    return Series(name, [index for index, _, _ in found], [rate for _, rate, _ in found],
                  [wilson_interval(rate, int(count)) for _, rate, count in found], colour, marker)


@dataclass(frozen=True, slots=True)
class Row:
    """A way to answer the test problems."""

    name: str
    rate: str
    interval: str
    tokens: str
    """Forwarded, a problem."""


@dataclass(frozen=True, slots=True)
class Table:
    """The champion's ways to answer the test problems."""

    sentence: str
    rows: tuple[Row, ...]
    told: tuple[Row, ...]
    """Those that ask the truth."""


def table(run: Run) -> Table | None:
    """None where the run has no search."""
    final = (run.final or {}).get("final") or {}
    search = final.get("search")
    if not search:
        return None
    counts = SEARCHES[search["name"]].counts if search["name"] in SEARCHES else "budget"
    name = f"{search['name']}, {search['budget']} {counts}"
    rows = [_row(name, search), *(_row(f"{name}, uniform prior", rate) for rate in [search.get("uniform")] if rate),
            *_baselines(search.get("baselines") or {})]
    told = [_row(f"{name}{', uniform prior' if prior == 'uniform' else ''}, told the truth of its ends", rate)
            for prior, rate in (search.get("told") or {}).items()]
    said = str(search.get("sentence") or "")
    return Table(f"{said[:1].upper()}{said[1:]}", tuple(rows), tuple(told))


def _baselines(baselines: Mapping[str, Any]) -> Iterator[Row]:
    for name, rate in baselines.items():
        yield _row(BASELINES_IN_WORDS.get(name, name).format(rate.get("attempts")), rate)


def _row(name: str, rate: Mapping[str, Any]) -> Row:
    tokens, right = number(rate.get("tokens")), number(rate.get("pass@1"))
    return Row(name, MISSING if right is None else percent(right), interval(pair(rate.get("ci"))),
               "" if tokens is None else f"{tokens:,.0f}")
