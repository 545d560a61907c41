"""What a run says in which models learn from models: the readings of collapse, and text.

The readings move differently, so that each has its own plot with a line for each way. Importing this module imports no
matplotlib, the figures do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pawl.report_story import Run
from pawl.report_text import number, shorten

if TYPE_CHECKING:
    from pawl.report_figures import Figure

LOOKS = {"alone": ("refused", "v"), "anchored": ("one", "o"), "fresh": ("six", "s")}
"""Colour and mark of each way."""
LONGEST = 300
"""Characters of a text that is read out."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One number, generation by generation."""

    metric: str
    title: str
    caption: str
    share: bool = False


READINGS = (
    Reading("real_loss", "Loss on real text", "Nats a token, on text that nobody learnt from. This is what was lost."),
    Reading("base_loss", "What it writes, to the first model", "Nats a token. Text that has collapsed is likelier."),
    Reading("base_loss_p99", "Its oddest texts, to the first model",
            "Nats a token of the text in a hundred that is least likely: errors pile up in the tail."),
    Reading("world_loss", "What it writes, to who knows the language",
            "Nats a token, by the exact likelihood; what is not of the language is noise to it."),
    Reading("true", "True documents", "That are of the language and say nothing false.", share=True),
    Reading("entropy", "Entropy", "How undecided the model is when it writes, nats a token."),
    Reading("distinct_4", "Variety", "Runs of four tokens that differ, at a fixed number of tokens (distinct-4).",
            share=True),
    Reading("support", "Support", "Of the tokens of real text, those that it still uses.", share=True),
    Reading("recall", "Recall", "Real documents that have something it wrote near them.", share=True),
    Reading("loops", "Loops", "Documents that end in saying the same three times.", share=True),
)


def figures(run: Run) -> list[Figure]:
    """Every reading that was taken, a line a way."""
    found = (run.final or {}).get("readings")
    if not found:
        return []
    from pawl import report_plots as plots
    from pawl.report_figures import small

    drawn = []
    for reading in READINGS:
        lines = [plots.Series(way, *_places(by_generation, reading.metric), *LOOKS.get(way, ("four", "D")))
                 for way, by_generation in found.items()]
        if any(line.values for line in lines):
            drawn.append(small(f"collapse-{reading.metric}", reading.title, reading.caption,
                               [line for line in lines if line.values], share=reading.share))
    return drawn


def _places(by_generation: Sequence[Mapping[str, float]], metric: str
            ) -> tuple[list[float], list[float], list[tuple[float, float] | None]]:
    """Generations that have a metric, their values, and no intervals."""
    known = [(float(place), value) for place, row in enumerate(by_generation)
             if (value := number(row.get(metric))) is not None]
    return [place for place, _ in known], [value for _, value in known], [None] * len(known)


def texts(run: Run) -> list[tuple[str, list[str]]]:
    """A few documents of each generation, as it wrote them, by the name of its stage."""
    written = [(str(one.notes[0]), [shorten(text, LONGEST) for text in one.notes[2:]]) for one in run.generations
               if len(one.notes) > 2]
    return [(name.capitalize(), documents) for name, documents in written]
