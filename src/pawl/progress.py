"""A run as one watches it, on stderr: a live view on a terminal, plain lines elsewhere.

Sentences worth keeping (what the gate said, what the base scores) stay above the moving line. Time left is counted
from the generations finished while watching, so it is right after a resume too; a gate that runs out of problems
ends a run earlier than it says. NO_COLOR is respected.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from pawl.records import Event
from pawl.terminal import duration, plain

if TYPE_CHECKING:
    from rich.console import Console, Group

STAGES = {
    "base": "real text",
    "select": "choosing",
    "sample": "attempts",
    "search": "searching",
    "score": "judging",
    "train": "learning",
    "gate": "contest",
    "decide": "deciding",
    "test": "problems",
    "done": "done",
}
"""What a stage is called beside its bar."""

_BAR_WIDTH = 16
_REFRESH_PER_SECOND = 4


@contextmanager
def watch(stream: IO[str] | None = None) -> Iterator[Callable[[Event], None]]:
    """Something to hand to a run as `notify`; the view closes with the block, whatever happened in it."""
    from rich.console import Console

    console = Console(file=stream or sys.stderr, markup=False, highlight=False, emoji=False)
    if not console.is_terminal or console.is_dumb_terminal:
        yield Lines(console.file, TimeLeft(time.monotonic)).hear
        return
    from rich.live import Live

    view = View(console, TimeLeft(time.monotonic))
    with Live(get_renderable=view.render, console=console, refresh_per_second=_REFRESH_PER_SECOND, transient=True):
        yield view.hear


class TimeLeft:
    """The time that the generations still to come will take, at the pace of those seen so far."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first: tuple[int, float] | None = None
        self._latest = (0, 0.0)
        self._generations = 0

    def hear(self, event: Event) -> None:
        self._generations = event.generations
        if event.generation < 1 or event.generation == self._latest[0]:
            return
        self._latest = (event.generation, self._clock())
        self._first = self._first or self._latest

    def seconds(self) -> float | None:
        """None until one whole generation has passed."""
        if self._first is None or self._latest[0] <= self._first[0]:
            return None
        pace = (self._latest[1] - self._first[1]) / (self._latest[0] - self._first[0])
        still = pace * (self._generations - self._latest[0] + 1)
        return max(0.0, still - (self._clock() - self._latest[1]))


class Lines:
    """Plain lines: one when a generation begins, one for each sentence worth keeping."""

    def __init__(self, stream: IO[str], left: TimeLeft) -> None:
        self._stream = stream
        self._left = left
        self._generation = 0

    def hear(self, event: Event) -> None:
        self._left.hear(event)
        if event.generation > self._generation:
            self._generation = event.generation
            self._write(headline(event, self._left.seconds()))
        if event.message:
            self._write(sentence(event))

    def _write(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class View:
    """The moving line of a terminal: generation, stage, a bar, time left."""

    def __init__(self, console: Console, left: TimeLeft) -> None:
        self._console = console
        self._left = left
        self._event: Event | None = None

    def hear(self, event: Event) -> None:
        self._left.hear(event)
        self._event = event
        if event.message:
            self._console.print(sentence(event))

    def render(self) -> Group:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        if self._event is None:
            return Group()
        event = self._event
        row = Table.grid(padding=(0, 2))
        for _ in range(4):
            row.add_column(no_wrap=True)
        row.add_row(
            Text(headline(event, self._left.seconds())),
            Text(STAGES.get(event.stage, plain(event.stage))),
            ProgressBar(total=event.total or None, completed=event.done, width=_BAR_WIDTH),
            Text(f"{event.done}/{event.total}" if event.total else ""),
        )
        return Group(row)


def headline(event: Event, seconds_left: float | None) -> str:
    """`generation 3 of 12, 1:20 left`, or what comes before and after the generations."""
    if event.stage in ("test", "done"):
        return "final test"
    if event.generation < 1:
        return "base"
    left = "" if seconds_left is None else f", {duration(seconds_left)} left"
    return f"generation {event.generation} of {event.generations}{left}"


def sentence(event: Event) -> str:
    """What an event says, with the generation it belongs to in front; other people's text made plain."""
    text = plain(event.message)
    return f"{event.generation:>3}  {text}" if event.generation else f"     {text}"
