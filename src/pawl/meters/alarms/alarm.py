"""What an alarm says, and what it looks at.

An alarm is a reason to look, not a proof: its hint says at what. Not covered: what to do about one; a run goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pawl.records import Attempt, FloatArray, Verdict

MOST_SHOWN = 3
"""Attempts that show an alarm: as many as somebody reads."""
LONGEST = 600
"""Characters of a sentence or a hint."""

Measured = Mapping[str, float]
"""What a generation measured, by name."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that a run must not go on with unseen. The texts may quote what a model wrote."""

    name: str
    generation: int
    says: str
    """What was seen, with the numbers."""
    hint: str
    """What to look at."""
    shown: tuple[int, ...] = ()
    """Places, among the generation's attempts, of some that show it."""


class Found(NamedTuple):
    """What a look at a generation found, before it has a name."""

    says: str
    hint: str
    shown: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """What a generation offers to look at; what is not known is left empty."""

    generation: int
    attempts: Sequence[Attempt]
    verdicts: Sequence[Verdict]
    """[N] of the judge that the policy learns from."""
    metrics: Measured = field(default_factory=dict)
    seconds: Measured = field(default_factory=dict)
    """By stage. With them what is found depends on a clock."""
    gold: Sequence[Verdict] = ()
    """[N] of a judge that nothing learns from."""
    recomputed: Mapping[int, FloatArray] = field(default_factory=dict)
    """Log-probabilities [T] of attempts under the policy that learns, by the attempts' places."""


def named(found: Found, name: str, generation: int) -> Alarm:
    """An alarm whose texts are fit to be kept and shown: on one line, not too long, without control characters."""
    return Alarm(name, generation, plain(found.says), plain(found.hint), tuple(map(int, found.shown[:MOST_SHOWN])))


def plain(text: str, *, most: int = LONGEST) -> str:
    """A text on one line, cut to `most` characters, a space for each that cannot be printed."""
    line = "".join(c if c.isprintable() else " " for c in text[: most + 1])
    return line if len(line) <= most else f"{line[: most - 1]}…"
