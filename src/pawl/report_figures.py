"""The figures of the report: which numbers each one shows, its caption, its legend and the same numbers in words.

A metric that no generation has makes no figure. Importing this module imports matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from pawl import report_plots as plots
from pawl.gate.statistics import wilson_interval
from pawl.report_plots import NARROW, SMALL, WIDE, Bar, Series, Size
from pawl.report_story import Interval, Run, result
from pawl.report_text import interval, listed, number, pair, percent


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot with all that stands around it."""

    name: str
    title: str
    caption: str
    label: str
    """The plot in words, for those who do not see it."""
    legend: tuple[tuple[str, str, str], ...]
    """(colour, mark, name) of each line or part."""
    wide: Markup
    narrow: Markup | None = None
    """The same plot for a phone; None where the first one is small enough."""


def hero(run: Run) -> Figure | None:
    """Before and after on the test split."""
    found = result(run)
    if found is None:
        return None
    before = Bar("before", found.base, found.base_interval, "six")
    bars = [before, Bar("after", found.final, found.final_interval, "one")]
    words = [f"{bar.label} {percent(bar.value)} {interval(bar.interval)}".strip() for bar in bars]
    label = f"Test problems solved: {listed(words)}."
    return both_sizes(
        "hero",
        "Solved on the test split",
        "",
        label,
        (),
        lambda name, size: plots.before_and_after(name, bars, (size[0], 1.25)),
    )


def accuracy(run: Run) -> Figure | None:
    """Accuracy by generation, with the strip of the gate's decisions."""
    k = next((f"{value:g}" for one in run.generations if (value := number(one.metrics.get("k")))), "k")
    series = [
        _contest(run, "champion", "champion, gate problems, greedy", "six", "s"),
        _contest(run, "candidate", "candidate, gate problems, greedy", "one", "o"),
        _sampled(run),
        _series(run, "pass@k", f"champion, pass@{k} on gate problems", "four", "v", "--"),
    ]
    shown = [one for one in series if one is not None]
    if not shown:
        return None
    caption = (
        "Every contest is held on gate problems that none used before, so its two scores stand side by side. Bars and "
        "bands are 95% intervals, in which problems are independent and attempts at one problem are not."
    )
    return both_sizes(
        "accuracy",
        "Right answers, generation by generation",
        caption,
        in_words(shown, percent),
        legend_of(shown),
        lambda name, size: plots.lines(name, shown, size, share=True, outcomes=run.outcomes()),
    )


@dataclass(frozen=True, slots=True)
class _Meter:
    name: str
    title: str
    caption: str
    lines: tuple[tuple[str, str], ...]
    """(metric, name of the line)."""
    share: bool = False


_METERS = (
    _Meter(
        "kl",
        "Distance from the first model",
        "KL of sampled answers to the frozen reference, nats a token. Slow growth is learning; a leap without a gain "
        "at the gate is drift.",
        (("kl", "KL"),),
    ),
    _Meter(
        "sampler",
        "Is what was sampled the policy's own?",
        "Log-probabilities while sampling against a full pass in float32, nats a token. Rounding to bfloat16 leaves "
        "them within some hundredths; what is farther was sampled from other weights.",
        (("sampler_gap", "mean"), ("sampler_gap_max", "largest")),
    ),
    _Meter(
        "entropy",
        "Entropy",
        "How undecided the policy is, nats a token. Near zero it has stopped exploring.",
        (("entropy", "entropy"),),
    ),
    _Meter(
        "distinct",
        "Variety of answers",
        "Share of token pairs (distinct-2) and of runs of four (distinct-4) that are different. When it falls, answers "
        "repeat each other.",
        (("distinct_2", "distinct-2"), ("distinct_4", "distinct-4")),
        share=True,
    ),
    _Meter(
        "real",
        "Loss on real text",
        "Held-out real text under each candidate, nats a token. When it rises, the model forgets the world that it "
        "came from.",
        (("real_loss", "loss"),),
    ),
    _Meter(
        "ranking",
        "Value: who is right?",
        "How often it rates a right attempt above a wrong one (AUROC; 50% is guessing), at any problem and at one and "
        "the same, asked in the middle of held-out attempts.",
        (("value_auroc", "any problem"), ("value_auroc_within", "same problem")),
        share=True,
    ),
    _Meter(
        "steps",
        "Value: after each step",
        "AUROC on the champion's unfinished solutions, by the number of steps taken; and on all that legal steps lead "
        "to, against whether a right end can be reached from them. A search asks here.",
        (("value_auroc_states", "wherever steps lead"),
         *((f"value_auroc_step_{step}", f"the champion's, step {step}") for step in range(1, 4))),
        share=True,
    ),
    _Meter(
        "calibration",
        "Value: do its numbers hold?",
        "How far its estimates lie from what comes (expected calibration error; 0% is exact).",
        (("value_ece", "calibration error"),),
        share=True,
    ),
    _Meter(
        "outcomes",
        "Who wins",
        "How games of self-play ended. When one side always wins, or all are drawn, little is left to learn.",
        (("first_wins", "first player"), ("draws", "draws")),
        share=True,
    ),
    _Meter(
        "lengths",
        "Length of games",
        "Moves of a game of self-play, after its opening.",
        (("game_length", "moves"),),
    ),
    _Meter(
        "surprise",
        "What search still adds",
        "How far the policy that search found lies from the network's own (KL, nats), and how undecided the network is "
        "(entropy, nats). What is added shrinks as it is learnt.",
        (("search_kl", "search from network"), ("prior_entropy", "entropy of the network")),
    ),
    _Meter(
        "move_losses",
        "Moves: loss",
        "Cross-entropy of the moves that search would make, in the last tenth of a generation's training, nats; and of "
        "what the other would answer, where that is learnt.",
        (("policy_loss", "moves"), ("reply_loss", "answers")),
    ),
    _Meter(
        "value",
        "Value: loss",
        "Cross-entropy of its estimates against the truth of attempts, in training, nats. Lower is better.",
        (("value_loss", "loss"),),
    ),
)


_LOOKS = (("one", "o", "-"), ("two", "D", "--"), ("three", "s", "-."), ("four", "v", ":"))
"""Colour, mark and dash of the lines of a meter, four at most."""


def meters(run: Run) -> list[Figure]:
    """The measurements that nothing optimises, each a small plot."""
    return [figure for meter in _METERS if (figure := _meter(run, meter)) is not None]


def _meter(run: Run, meter: _Meter) -> Figure | None:
    series = [_series(run, metric, name, *look, base=True)
              for (metric, name), look in zip(meter.lines, _LOOKS, strict=False)]
    shown = [one for one in series if one is not None]
    if not shown:
        return None
    return small(meter.name, meter.title, meter.caption, shown, share=meter.share)


def small(name: str, title: str, caption: str, series: Sequence[Series], *, share: bool) -> Figure:
    """A figure for a cell of a grid: lines over generations."""
    words = percent if share else "{:.3g}".format
    names = legend_of(series) if len(series) > 1 else ()
    svg = plots.lines(name, series, SMALL, share=share)
    return Figure(name, title, caption, in_words(series, words), names, Markup(svg))


def _contest(run: Run, who: str, name: str, colour: str, marker: str) -> Series | None:
    """The scores of one side of every contest, each with its interval."""
    contests = [(one.index, getattr(one.evidence, who)) for one in run.generations if one.evidence]
    means = [
        (index, float(np.mean(scores, dtype=np.float64)), len(scores)) for index, scores in contests if len(scores)
    ]
    if not means:
        return _series(run, f"gate_{who}", name, colour, marker)
    intervals: list[Interval | None] = [wilson_interval(mean, problems) for _, mean, problems in means]
    return Series(name, [index for index, _, _ in means], [mean for _, mean, _ in means], intervals, colour, marker)


def _sampled(run: Run) -> Series | None:
    """The mean score of every generation's attempts."""
    name, found = "champion, train problems, sampled", run.reading.sampled
    if not found:
        return _series(run, "sampled_accuracy", name, "three", "D", ":")
    intervals: list[Interval | None] = [one.interval for one in found.values()]
    return Series(name, list(found), [one.mean for one in found.values()], intervals, "three", "D", ":")


def _series(
    run: Run, metric: str, name: str, colour: str, marker: str = "o", dash: str = "-", *, base: bool = False
) -> Series | None:
    """A metric of every generation that has it, and of the base as generation 0."""
    rows = [(0, run.base)] if base else []
    rows += [(one.index, one.metrics) for one in run.generations]
    known = [(index, metrics, value) for index, metrics in rows if (value := number(metrics.get(metric))) is not None]
    if not known:
        return None
    intervals = [pair((metrics.get(f"{metric}_low"), metrics.get(f"{metric}_high"))) for _, metrics, _ in known]
    return Series(
        name, [index for index, _, _ in known], [value for *_, value in known], intervals, colour, marker, dash
    )


def both_sizes(
    name: str,
    title: str,
    caption: str,
    label: str,
    legend: tuple[tuple[str, str, str], ...],
    draw: Callable[[str, Size], str],
) -> Figure:
    """A figure whose plot `draw(name, size)` is drawn for a desk and for a phone."""
    wide, narrow = Markup(draw(f"{name}-wide", WIDE)), Markup(draw(f"{name}-narrow", NARROW))
    return Figure(name, title, caption, label, legend, wide, narrow)


def legend_of(series: Sequence[Series]) -> tuple[tuple[str, str, str], ...]:
    """(colour, mark, name) of each line."""
    return tuple((one.colour, _SHAPES[one.marker], one.name) for one in series)


_SHAPES = {"o": "round", "s": "square", "D": "diamond", "v": "triangle", "^": "triangle-up"}


def in_words(series: Sequence[Series], words: Callable[[float], str]) -> str:
    """Every line's numbers; a long line is told by its first, best-known places."""
    return " ".join(f"{one.name}: {_line_in_words(one, words)}." for one in series)


def _line_in_words(one: Series, words: Callable[[float], str]) -> str:
    told = [
        f"generation {index} {words(value)}{f' {interval(bounds)}' if bounds else ''}"
        for index, value, bounds in zip(one.places, one.values, one.intervals, strict=True)
    ]
    return ", ".join(told if len(told) <= 12 else [*told[:3], f"{len(told) - 6} more", *told[-3:]])
