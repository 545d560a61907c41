"""An alarm as a line of a ledger's notes, and back.

Not covered: a hint with ` (` in it. Such a line is read, but its sentence and its hint are parted elsewhere.
"""

from __future__ import annotations

import re

from pawl.meters.alarms.alarm import Alarm

_NOTE = re.compile(r"alarm: (?P<name>[^:]+): (?P<says>.*) \((?P<hint>.*)\)"
                   r"(?: \[attempts (?P<places>[0-9]{1,15}(?:, [0-9]{1,15})*)\])?", re.DOTALL)


def note_of(alarm: Alarm) -> str:
    """`alarm: cut off: 90 of 100 attempts (90.0%) were cut off. (raise max_tokens) [attempts 3, 17, 40]`"""
    places = f" [attempts {', '.join(map(str, alarm.shown))}]" if alarm.shown else ""
    return f"alarm: {alarm.name}: {alarm.says} ({alarm.hint}){places}"


def is_alarm(note: str) -> bool:
    """Whether a note is an alarm's."""
    return _NOTE.fullmatch(note) is not None


def alarm_of_note(note: str, generation: int) -> Alarm | None:
    """The alarm of a generation whose note this is; None where it is a note of something else."""
    # A sentence may quote what a model wrote: all that is ours stands at the end, and is looked for from there.
    if (found := _NOTE.fullmatch(note)) is None:
        return None
    shown = tuple(map(int, found["places"].split(", "))) if found["places"] else ()
    return Alarm(found["name"], generation, found["says"], found["hint"], shown)
