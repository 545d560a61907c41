"""Whether a value can be believed: what came beside what it expected, and what it would keep as a filter."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from pawl import report_plots as plots
from pawl.gate.statistics import wilson_interval
from pawl.meters.judge_rates import Rate, filter_in_words
from pawl.report_figures import Figure
from pawl.report_plots import SMALL, Point
from pawl.report_story import Run
from pawl.report_text import count, interval, number, pair, percent

BINS = 10


def reliability(run: Run) -> list[Figure]:
    """The value of the last generation that measured one, on attempts that it did not learn from; none without."""
    for generation in reversed(run.generations):
        if points := _points(generation.metrics):
            break
    else:
        return []
    attempts = number(generation.metrics.get("value_attempts")) or 0
    caption = (f"Of {count(attempts, 'held-out attempt')} of generation {generation.index}: the share that came right, "
               f"by the value in the middle of them. On the dotted line the numbers hold.")
    words = ", ".join(f"of those valued {percent(point.expected)} came {percent(point.came)} {interval(point.interval)}"
                      for point in points)
    svg = plots.reliability("reliability", points, SMALL)
    return [Figure("reliability", "Value: expected and came", f"{caption}{_filter(generation.metrics)}",
                   f"Right answers by value: {words}.", (), Markup(svg))]


def _points(metrics: Mapping[str, float]) -> list[Point]:
    points = []
    for place in range(BINS):
        expected, came, size = (number(metrics.get(f"value_bin_{place}_{what}"))
                                for what in ("expected", "came", "count"))
        if expected is not None and came is not None and size:
            points.append(Point(expected, came, wilson_interval(came, round(size))))
    return points


def _filter(metrics: Mapping[str, float]) -> str:
    """What the value keeps as a filter, and whether that can help."""
    phi, psi, errors, even = (number(metrics.get(f"value_{name}")) for name in ("phi", "psi", "errors", "break_even"))
    bounds, wrong = (pair((metrics.get(f"value_{name}_low"), metrics.get(f"value_{name}_high")))
                     for name in ("break_even", "errors"))
    if phi is None or psi is None or errors is None or even is None or bounds is None or wrong is None:
        return ""
    rate = Rate(errors, wrong, round(number(metrics.get("value_errors_count")) or 0))
    sentence = filter_in_words(rate, even, bounds)
    return (f" As a filter, asked at the end and kept above 50%, it keeps {percent(phi)} of the right attempts and "
            f"{percent(psi)} of the wrong ones: {sentence}.")
