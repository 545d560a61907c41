"""A ledger as one HTML page that works offline, with no script in it.

The page says what was measured before it explains anything, leaves out what was not measured, and is the same bytes
for the same ledger. Text that came from a model or a task is only ever data: it is escaped, its control characters are
spelt out, and a content policy forbids everything but the page's own styles.

Not covered: the page shows a bounded sample of the attempts; the ledger and `pawl export` hold all of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from pawl import report_story as story
from pawl.ledger import Ledger
from pawl.report_alarms import alarms
from pawl.report_attempts import read_attempts, spread
from pawl.report_text import MISSING, number, shorten, visible

if TYPE_CHECKING:
    from jinja2 import Environment

_INTERVAL = re.compile(r"\[[-\u2212+\d., ]+\]")


def write_report(ledger: Ledger, path: Path) -> Path:
    """Write the report of a ledger, finished or not, to a file; the file is there whole or not at all."""
    return write_whole(render_report(ledger), path)


def write_whole(page: str, path: Path) -> Path:
    """Write a page to a file that is there whole or not at all."""
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_bytes(page.encode("utf-8"))
    return unfinished.replace(path)


def render_report(ledger: Ledger) -> str:
    """The page itself."""
    # These bring matplotlib, which only a report needs.
    from pawl import report_collapse as collapse
    from pawl import report_figures as figures
    from pawl import report_games as games
    from pawl import report_search as search
    from pawl import report_shares as shares
    from pawl import report_stages as stages
    from pawl import report_steps as loop
    from pawl.report_reliability import reliability

    run = _read(ledger)
    staged = stages.has_stages(run)
    board = not staged and games.plays_games(run)
    groups = {
        "hero": None if board or staged else figures.hero(run),
        "readings": stages.figure(run) if staged else None,
        "collapse": collapse.figures(run) if staged else [],
        "accuracy": games.contests(run) if board else None if staged else figures.accuracy(run),
        "search": None if staged else search.leading(run),
        "meters": [] if staged else [*figures.meters(run), *reliability(run)],
        "sources": shares.sources(run),
        "time": shares.time(run),
    }
    return (
        page_environment()
        .get_template("report.html.j2")
        .render(
            run=run,
            board=_board(run, ledger) if board else None,
            staged=staged,
            sections=stages.sections(run.final or {}) if staged else [],
            headline=(stages if staged else games if board else story).headline(run),
            facts=story.facts(run),
            steps=stages.stages(run) if staged else games.steps(run) if board else loop.steps(run),
            idea=loop.idea(run),
            figures=groups,
            entries=[] if staged else [story.entry(one) for one in run.generations],
            alarms=alarms(run.generations, ledger.attempts),
            settings=story.settings(run),
            searched=None if board or staged else search.table(run),
            numbers=_numbers(run),
            texts=collapse.texts(run) if staged else [],
            reading=run.reading,
        )
    )


def _read(ledger: Ledger) -> story.Run:
    """Everything the page needs; attempts are read one generation at a time."""
    generations = list(ledger.generations())
    indices = [one.index for one in generations]

    base = ledger.base
    return story.Run(
        header=ledger.header,
        base=base.metrics if base else {},
        base_seconds=base.seconds if base else {},
        final=ledger.final,
        generations=generations,
        reading=read_attempts(((index, ledger.attempts(index)) for index in indices), spread(indices)),
    )


def _board(run: story.Run, ledger: Ledger) -> dict[str, Any]:
    """What only a run on a board game shows."""
    from pawl import report_games as games

    return {"players": games.players(run), "ratings": games.ratings(run), "mistakes": games.mistakes(run),
            "games": games.games(ledger), "speed": games.speed(run)}


def _numbers(run: story.Run) -> dict[str, Any]:
    """The table of every metric (rows) of every generation (columns)."""
    columns = [("base", run.base)] if run.base else []
    columns += [(str(one.index), one.metrics) for one in run.generations]
    names = sorted({name for _, metrics in columns for name in metrics})
    rows = [(name, [_cell(metrics, name) for _, metrics in columns]) for name in names]
    return {"generations": [index for index, _ in columns], "rows": rows}


def _cell(metrics: Mapping[str, float], name: str) -> str:
    value = number(metrics.get(name))
    if value is None:
        return MISSING if name not in metrics else str(metrics[name])
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 1 else f"{value:.4g}"


def page_environment() -> Environment:
    """Jinja with escaping on, and `visible` applied to all that is printed, so that no field can be forgotten."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("pawl", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shorten"] = shorten
    environment.filters["intervals"] = _quieten_intervals
    return environment


def _printed(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _quieten_intervals(text: str) -> Markup:
    """The escaped text with `[58.1, 64.2]` set smaller than the number that it belongs to."""
    return Markup(_INTERVAL.sub(r'<span class="interval">\g<0></span>', str(escape(visible(text)))))
