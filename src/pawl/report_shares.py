"""The stacked figures of the report: what a run learnt from, by source, and where its time went, by stage."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from pawl import report_plots as plots
from pawl.report_figures import Figure, both_sizes
from pawl.report_plots import PARTS, SMALL
from pawl.report_story import Run, total_seconds
from pawl.report_text import duration, large, listed, number, percent


def sources(run: Run) -> list[Figure]:
    """Share of examples, tokens and truth bits by source; the base's real data is generation 0."""
    figures = [
        _shares(run, "examples", "Examples by source", "In all: {}."),
        _shares(run, "tokens", "Tokens by source", "Learnt from, in all: {}."),
        _shares(
            run,
            "truth_bits",
            "Truth bits by source",
            "What the outside world told the loop, in bits: {}. A loop without any learns nothing new of it.",
        ),
    ]
    return [figure for figure in figures if figure is not None]


_SOURCES = {
    "self": "own answers",
    "hindsight": "own failures, relabelled",
    "real": "real data",
    "search": "search",
    "teacher": "teacher",
    "person": "person",
}
"""What the reader calls each source."""
_STAGES = ("base", "sample", "score", "search", "select", "train", "gate")


def _shares(run: Run, prefix: str, title: str, caption: str) -> Figure | None:
    rows = {0: run.base, **{one.index: one.metrics for one in run.generations}}
    by_source = {
        index: {name: metrics.get(f"{prefix}_{source}") for source, name in _SOURCES.items()}
        for index, metrics in rows.items()
    }
    known = tuple(_SOURCES.values())
    amounts, names = _stack(by_source, known)
    if not amounts:
        return None
    totals = {name: sum(parts.get(name, 0.0) for parts in amounts.values()) for name in names}
    colours = [PARTS[known.index(name)] for name in names]
    shares = [[parts.get(name, 0.0) / sum(parts.values()) for parts in amounts.values()] for name in names]
    whole = sum(totals.values())
    words = listed(f"{large(total)} {name} ({percent(total / whole)})" for name, total in totals.items())
    bars = list(zip(colours, shares, strict=True))
    svg = plots.stacked(prefix.replace("_", "-"), list(amounts), bars, SMALL, unit="share")
    return Figure(
        prefix, title, caption.format(words), f"{title}, over the run: {words}.", _legend(colours, names), Markup(svg)
    )


def time(run: Run) -> Figure | None:
    """Seconds by stage; the making of the base is generation 0."""
    seconds = {0: run.base_seconds, **{one.index: one.seconds for one in run.generations}}
    amounts, names = _stack(seconds, _STAGES)
    if not amounts:
        return None
    colours = list(itertools.islice(itertools.cycle(PARTS), len(names)))
    heights = [[parts.get(name, 0.0) for parts in amounts.values()] for name in names]
    totals = {name: sum(values) for name, values in zip(names, heights, strict=True)}
    if test := number(((run.final or {}).get("seconds") or {}).get("test")):
        totals["final test"] = test
    words = listed(f"{name} {duration(total)}" for name, total in totals.items())
    caption = f"{duration(total_seconds(run))} in all: {words}."
    caption += " Generation 0 is the making of the first model." if 0 in amounts else ""
    bars = list(zip(colours, heights, strict=True))
    return both_sizes(
        "time",
        "Where the time went",
        caption,
        f"Seconds by stage: {words}.",
        _legend(colours, names),
        lambda name, size: plots.stacked(name, list(amounts), bars, (size[0], 2.4), unit="seconds"),
    )


def _stack(
    rows: Mapping[int, Mapping[str, float | None]], order: Sequence[str]
) -> tuple[dict[int, dict[str, float]], list[str]]:
    """The positive amounts of each generation that has any, and all their names: the ordered ones, then the others."""
    finite = {index: {name: number(value) or 0.0 for name, value in row.items()} for index, row in rows.items()}
    positive = {index: {name: value for name, value in row.items() if value > 0} for index, row in finite.items()}
    amounts = {index: row for index, row in positive.items() if row}
    names = {name for row in amounts.values() for name in row}
    return amounts, [name for name in order if name in names] + sorted(names.difference(order))


def _legend(colours: Sequence[str], names: Sequence[str]) -> tuple[tuple[str, str, str], ...]:
    return tuple((colour, "block", name) for colour, name in zip(colours, names, strict=True))
