"""What an audit found as one HTML page that works offline, with no script in it.

It shows the record of `pawl.audit`. Texts are a stranger's: they are escaped like all text of a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pawl.report import page_environment, write_whole
from pawl.report_text import count, duration, large, percent

if TYPE_CHECKING:
    from pawl.report_figures import Figure

_CAPTION = ("Of what so many passages of the reference have, in all blocks but one: how much that block has, and how "
            "much a block of the data has that is as large. Where the second line lies below the first one, tails are "
            "lost. The scale is logarithmic.")
_MANY = 12
"""Examples of a finding, at most."""


def write_audit(record: Mapping[str, Any], path: Path) -> Path:
    """Write the page of an audit to a file; the file is there whole or not at all."""
    return write_whole(render_audit(record), path)


def render_audit(record: Mapping[str, Any]) -> str:
    """The page itself."""
    facts = [("data", record["data"]), ("verdict", record["verdict"]),
             ("read", count(record["documents"], "document")), ("words", large(record["words"])),
             ("in", duration(record["seconds"]))]
    if record["reference"]:
        facts.insert(1, ("reference", record["reference"]))
    return page_environment().get_template("audit.html.j2").render(
        facts=facts, sentence=record["sentence"],
        findings=[(one["gravity"], one["says"], one["examples"][:_MANY]) for one in record["findings"]],
        rows=[_cells(one) for one in record["readings"].values()], beside=any(
            one["reference"] is not None for one in record["readings"].values()),
        figures=[_figure(tail) for tail in record["tails"] if len(tail["kept"]) > 1], block=f"{record['block']:,}",
        equal=percent(record["equal"] / record["documents"]), alike=percent(record["alike"] / record["documents"]))


def _cells(reading: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """What is read, of the data and of the reference, and the chance that both are alike."""
    reference = reading["reference"]
    return (reading["says"], f"{reading['data']:.3g}", "" if reference is None else f"{reference:.3g}",
            "" if reference is None else "below 0.0001" if reading["chance"] < 1e-4 else f"{reading['chance']:.2g}")


def _figure(tail: Mapping[str, Any]) -> Figure:
    # These bring matplotlib, which only a page with a plot needs.
    from pawl import report_plots as plots
    from pawl.report_figures import both_sizes, legend_of

    places = [float(often) for often, _, _ in tail["kept"]]
    lines = [plots.Series("a block of the reference", places, [share for _, share, _ in tail["kept"]],
                          [None] * len(places), "six", "s", "--"),
             plots.Series("a block of the data", places, [share for _, _, share in tail["kept"]],
                          [None] * len(places), "one", "o", "-")]
    words = [f"{line.name}: " + ", ".join(
        f"{percent(value)} of what {place:g} passages or more have"
        for place, value in zip(line.places, line.values, strict=True)) for line in lines]
    return both_sizes(f"tail-{_slug(tail['kind'])}", f"{tail['kind'].capitalize()} by how rare they are", _CAPTION,
                      f"{'. '.join(words)}.", legend_of(lines),
                      lambda name, size: plots.over_counts(name, lines, size, "passages of the reference"))


def _slug(kind: str) -> str:
    return kind.replace(" ", "-")
