"""The alarms of a run, read from the notes of its generations, with the attempts that show them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pawl.ledger import GenerationRow
from pawl.meters.alarms.alarm import MOST_SHOWN, Alarm
from pawl.meters.alarms.note import alarm_of_note
from pawl.records import Attempt, Verdict
from pawl.report_text import prompt_text, shorten

MOST = 40
"""Alarms shown; the rest is counted."""

Attempts = Callable[[int], Iterator[tuple[Attempt, Verdict]]]
"""The attempts of a generation in the ledger's order."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An alarm and the attempts that show it."""

    alarm: Alarm
    attempts: tuple[tuple[str, str], ...]
    """Prompt and answer."""


@dataclass(frozen=True, slots=True)
class Alarms:
    """What the page shows of them."""

    rows: Sequence[Shown]
    left: int
    """Alarms that are not shown."""


def alarms_of(generation: GenerationRow) -> list[Alarm]:
    """The alarms among a generation's notes, in their order."""
    found = (alarm_of_note(note, generation.index) for note in generation.notes)
    return [alarm for alarm in found if alarm is not None]


def alarms(generations: Sequence[GenerationRow], attempts: Attempts) -> Alarms:
    """The first alarms of a run; a generation's attempts are read as far as its alarms show them."""
    rows: list[Shown] = []
    total = 0
    for generation in generations:
        found = alarms_of(generation)
        total += len(found)
        rows += _shown(found[: MOST - len(rows)], attempts)
    return Alarms(rows, total - len(rows))


def _shown(found: Sequence[Alarm], attempts: Attempts) -> list[Shown]:
    """Alarms of one generation; a place where no attempt stands is left out."""
    places = {place for alarm in found for place in alarm.shown[:MOST_SHOWN]}
    if not places:
        return [Shown(alarm, ()) for alarm in found]
    read = islice(attempts(found[0].generation), max(places) + 1)
    texts = {place: (shorten(prompt_text(attempt.problem.prompt)), shorten(attempt.completion.text))
             for place, (attempt, _) in enumerate(read) if place in places}
    return [Shown(alarm, tuple(texts[place] for place in alarm.shown[:MOST_SHOWN] if place in texts))
            for alarm in found]
