"""Plots as inline SVG that take their colours from the page, so that they are legible in light, dark and print.

Matplotlib draws with stand-in colours, which are then replaced by CSS variables (`--ink`, `--one`, ...). Text stays
text, in the page's own font. No text that comes from a run is drawn: legends and captions are HTML, where they are
escaped. The same data gives the same bytes. Importing this module imports matplotlib, so `pawl.report` imports it late.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

COLOURS = {
    name: f"#0a0b{place:02x}"
    for place, name in enumerate(
        ("ink", "quiet", "rule", "paper", "one", "two", "three", "four", "five", "six", "promoted", "refused"), start=16
    )
}
"""Stand-ins that occur nowhere else, by the name of the CSS variable that replaces them."""

WIDE, NARROW, SMALL = (9.4, 4.0), (3.4, 3.1), (3.4, 2.1)
"""Inches (width, height): the column of a desktop page, a phone, a cell of a grid of small plots."""

Size = tuple[float, float]

FEW = 24
"""Generations up to which each point has a mark and its own error bar; more get bands."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pawl",
    "figure.dpi": 72,
    "font.family": "sans-serif",
    "font.size": 9.5,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "axes.linewidth": 0.8,
    "axes.edgecolor": COLOURS["rule"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": COLOURS["rule"],
    "grid.linewidth": 0.7,
    "text.color": COLOURS["ink"],
    "axes.labelcolor": COLOURS["quiet"],
    "xtick.color": COLOURS["rule"],
    "xtick.labelcolor": COLOURS["quiet"],
    "ytick.color": COLOURS["rule"],
    "ytick.labelcolor": COLOURS["quiet"],
    "ytick.major.size": 0,
    "path.simplify": False,
    "text.parse_math": False,
}


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a plot. Its lists are parallel and hold a value for each place that has one."""

    name: str
    places: Sequence[float]
    """Generations, or tokens."""
    values: list[float]
    intervals: list[tuple[float, float] | None]
    colour: str
    """A name in COLOURS."""
    marker: str = "o"
    dash: str = "-"


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of the before-and-after plot."""

    label: str
    value: float
    interval: tuple[float, float] | None
    colour: str


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the reliability plot."""

    expected: float
    came: float
    interval: tuple[float, float]
    """Of what came."""


def lines(
    name: str, series: Sequence[Series], size: Size, *, share: bool = False, outcomes: Mapping[int, str] | None = None
) -> str:
    """Lines over generations as SVG. `share`: values are shares, shown in per cent. `outcomes`: the strip of the
    gate's decisions under the plot."""
    with matplotlib.rc_context():
        figure, axes = _canvas(size)
        few = max(len(one.places) for one in series) <= FEW
        for place, one in enumerate(series):
            shift = (place - (len(series) - 1) / 2) * 0.06 if few else 0.0
            _draw_series(axes, one, [generation + shift for generation in one.places], few=few)
        if outcomes:
            _draw_outcomes(axes, outcomes, size)
        _label_generations(
            axes, [int(g) for one in series for g in one.places] + list(outcomes or ()), 18.0 if outcomes else 1.0
        )
        if share:
            axes.set_ylim(bottom=0.0, top=min(1.0, max(axes.get_ylim()[1], 0.1)))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g}%"))
        else:
            _keep_calm(axes, [value for one in series for value in one.values])
        axes.yaxis.set_major_locator(MaxNLocator(4 if size == SMALL else 5, steps=[1, 2, 2.5, 5, 10]))
        return _svg(name, figure)


def over_counts(name: str, series: Sequence[Series], size: Size, of: str) -> str:
    """Shares over counts `of` something, on a logarithmic scale, as SVG; less than one is drawn as one."""
    with matplotlib.rc_context():
        figure, axes = _canvas(size)
        axes.set_xscale("log")
        for one in reversed(series):  # what is named first lies on top
            _draw_series(axes, one, [max(place, 1.0) for place in one.places], few=True)
        places = [max(place, 1.0) for one in series for place in one.places]
        axes.set_xlim(min(places) / 1.25, max(places) * 1.25)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if size == WIDE else (1, 3)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(of, loc="right", fontsize=8.5, labelpad=1.0)
        low, high = axes.get_ylim()
        axes.set_ylim(max(0.0, low), min(1.0, max(high, low + 0.1)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g}%"))
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        return _svg(name, figure)


def two_readings(name: str, shares: Sequence[Series], scores: Sequence[Series], size: Size, *, share: str,
                 of: str) -> str:
    """Shares of something, and below them what a reward model says of the same things, over counts `of` something, as
    SVG."""
    with matplotlib.rc_context():
        figure, whole = _canvas(size)
        whole.remove()
        above, below = figure.subplots(2, 1, sharex=True)
        for axes, series, said in ((above, shares, share), (below, scores, "what the reward model says")):
            for one in series:
                _draw_series(axes, one, one.places, few=True)
            axes.set_title(said, loc="left", fontsize=8.5)
            axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        above.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g}%"))
        below.xaxis.set_major_locator(MaxNLocator(integer=True))
        below.set_xlabel(of, loc="right", fontsize=8.5, labelpad=1.0)
        return _svg(name, figure)


def _keep_calm(axes: Axes, values: Sequence[float]) -> None:
    """Widens the scale to a tenth of the values or a thousandth, so that a trifle does not look like a landslide."""
    low, high = axes.get_ylim()
    missing = max(1e-3, 0.1 * max(abs(value) for value in values)) - (high - low)
    if missing > 0:
        axes.set_ylim(low - missing / 2, high + missing / 2)


def _draw_series(axes: Axes, one: Series, x: Sequence[float], *, few: bool) -> None:
    colour = COLOURS[one.colour]
    known = [(at, bounds) for at, bounds in zip(x, one.intervals, strict=True) if bounds]
    if known and few:
        axes.vlines([at for at, _ in known], [b[0] for _, b in known], [b[1] for _, b in known], colour, alpha=0.45)
    elif known:
        axes.fill_between(
            [at for at, _ in known],
            [b[0] for _, b in known],
            [b[1] for _, b in known],
            color=colour,
            alpha=0.15,
            linewidth=0,
        )
    axes.plot(
        x,
        one.values,
        color=colour,
        linestyle=one.dash,
        marker=one.marker if few or len(x) == 1 else "",
        markeredgecolor=COLOURS["paper"],
        markeredgewidth=0.8,
    )


def _draw_outcomes(axes: Axes, outcomes: Mapping[int, str], size: Size) -> None:
    """A strip of marks just below the generation numbers: a triangle for a promotion, a bar for a refusal, a cross."""
    below = -0.5 / size[1]
    for word, marker, colour in (("promoted", "^", "promoted"), ("refused", "_", "refused"), ("dropped", "x", "quiet")):
        at = [generation for generation, outcome in outcomes.items() if outcome == word]
        axes.plot(
            at,
            [below] * len(at),
            transform=axes.get_xaxis_transform(),
            clip_on=False,
            linestyle="",
            marker=marker,
            markersize=6,
            markeredgewidth=1.8,
            color=COLOURS[colour],
        )


def stacked(
    name: str, generations: Sequence[int], parts: Sequence[tuple[str, Sequence[float]]], size: Size, *, unit: str
) -> str:
    """Stacked bars as SVG, a bar a generation. `parts`: colour and heights, bottom first. `unit`: share or seconds."""
    with matplotlib.rc_context():
        figure, axes = _canvas(size)
        bottom = [0.0] * len(generations)
        for colour, heights in parts:
            axes.bar(
                generations,
                heights,
                bottom=bottom,
                width=0.74,
                color=COLOURS[colour],
                edgecolor=COLOURS["paper"],
                linewidth=0.8 if len(generations) <= FEW else 0.0,
            )
            bottom = [low + high for low, high in zip(bottom, heights, strict=True)]
        _label_generations(axes, generations)
        if unit == "share":
            axes.set_ylim(0, 1)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:g}%"))
        else:
            axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g} s"))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        return _svg(name, figure)


PARTS = ("one", "two", "three", "four", "five", "six")
"""Colours of stacked parts."""


def before_and_after(name: str, bars: Sequence[Bar], size: Size) -> str:
    """Horizontal points with intervals on a scale from 0 to 100%, first bar on top, as SVG."""
    with matplotlib.rc_context():
        figure, axes = _canvas(size)
        axes.grid(visible=False)
        axes.grid(visible=True, axis="x")
        for place, bar in enumerate(bars):
            low, high = bar.interval or (bar.value, bar.value)
            axes.hlines(place, 0, bar.value, COLOURS[bar.colour], linewidth=7, alpha=0.22)
            axes.hlines(place, low, high, COLOURS[bar.colour], linewidth=2)
            axes.plot([bar.value], [place], "o", color=COLOURS[bar.colour], markersize=7)
            axes.text(high + 0.02, place, f"{100 * bar.value:.1f}%", va="center", fontweight="bold", fontsize=11)
        axes.set_yticks(range(len(bars)), [bar.label for bar in bars])
        axes.set_ylim(len(bars) - 0.5, -0.5)
        axes.set_xlim(0, 1.12 if max((bar.interval or (0, bar.value))[1] for bar in bars) > 0.88 else 1.0)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:g}%"))
        return _svg(name, figure)


def reliability(name: str, points: Sequence[Point], size: Size) -> str:
    """What came over what was expected, both from 0 to 100%, beside the line on which a perfect forecast lies."""
    with matplotlib.rc_context():
        figure, axes = _canvas(size)
        axes.plot([0, 1], [0, 1], color=COLOURS["quiet"], linestyle=":", linewidth=1.2)
        for point in points:
            axes.vlines(point.expected, *point.interval, COLOURS["one"], alpha=0.45)
        axes.plot([point.expected for point in points], [point.came for point in points], color=COLOURS["one"],
                  marker="o", markeredgecolor=COLOURS["paper"], markeredgewidth=0.8)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks([0, 0.25, 0.5, 0.75, 1])
            axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))
        axes.set_xlim(-0.03, 1.03)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlabel("value", loc="right", fontsize=8.5, labelpad=1.0)
        return _svg(name, figure)


def _canvas(size: Size) -> tuple[Figure, Axes]:
    """An empty plot, drawn by the house's style whatever the reader's own matplotlibrc says."""
    matplotlib.rcdefaults()
    matplotlib.rcParams.update(_STYLE)
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasSVG(figure)
    return figure, figure.add_subplot()


def _label_generations(axes: Axes, generations: Sequence[int], labelpad: float = 1.0) -> None:
    """Whole numbers under the plot; `labelpad` is the room, in points, between them and their name."""
    first, last = min(generations), max(generations)
    axes.set_xlim(first - 0.5, last + 0.5)
    axes.set_xlabel("generation", loc="right", fontsize=8.5, labelpad=labelpad)
    axes.xaxis.set_major_locator(MaxNLocator(min(last - first + 1, 12), integer=True, min_n_ticks=1))


_CUT = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->|<metadata>.*?</metadata>|<style.*?</style>", re.DOTALL)
_FONT = re.compile(r"font-family: [^;\"]*(?:'[^']*'[^;\"]*)*|(?<=font: )([^;\"]*?px) [^;\"]*")
_ROOT = re.compile(r"<svg [^>]*?viewBox=\"([^\"]*)\"[^>]*>")


def _svg(name: str, figure: Figure) -> str:
    """The figure as an `<svg>` element to stand in a page: ids made unique by `name`, colours and font the page's."""
    buffer = io.StringIO()
    no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=no_metadata)
    svg = _CUT.sub("", buffer.getvalue())
    svg = _ROOT.sub(r'<svg viewBox="\1" aria-hidden="true" focusable="false">', svg, count=1)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = _FONT.sub(lambda match: f"{match[1]} var(--sans)" if match[1] else "font-family: var(--sans)", svg)
    for word, stand_in in COLOURS.items():
        svg = svg.replace(stand_in, f"var(--{word})")
    return re.sub(r"\s*\n\s*", "\n", svg).strip()
