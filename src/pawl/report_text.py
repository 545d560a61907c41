"""Numbers, intervals and strangers' text as words that are safe to show.

Models write anything. `visible` leaves nothing in a text that could move a cursor, turn the reading direction or
fail to encode; markup is not its business, since the page escapes all text when it prints it.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from pawl.records import Prompt

MISSING = "\N{EN DASH}"
"""What stands in a cell that has no value."""

LONGEST_SHOWN = 600
"""Characters of a text that are shown; the rest is counted."""


def visible(text: str) -> str:
    """The text with every control, format, private and unpaired character spelt out; line breaks and tabs stay."""
    return text if text.isascii() and text.isprintable() else "".join(map(_visible_character, text))


def _visible_character(character: str) -> str:
    if character in "\n\t":
        return character
    odd = unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return f"⟨U+{ord(character):04X}⟩" if odd else character


def shorten(text: str, limit: int = LONGEST_SHOWN) -> str:
    """The start of a text, and its length where that is not all of it."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,} characters in all)"


def prompt_text(prompt: Prompt) -> str:
    """What the policy was asked, chat messages with their role in front."""
    if isinstance(prompt, str):
        return prompt.strip("\n")
    return "\n".join(f"{message.get('role', '')}: {message.get('content', '')}" for message in prompt)


def number(value: object) -> float | None:
    """A finite number, or None for anything else: what is missing is left out of the page."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) else None


def pair(value: object) -> tuple[float, float] | None:
    """Both ends of an interval, or None where one is missing."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        return None
    low, high = number(value[0]), number(value[1])
    return None if low is None or high is None else (low, high)


def percent(share: float) -> str:
    """`0.612` as `61.2%`."""
    return f"{100 * share:.1f}%"


def points(difference: float) -> str:
    """`0.488` as `+48.8 points`."""
    return f"{_signed(difference)} points"


def interval(bounds: tuple[float, float] | None, *, signed: bool = False) -> str:
    """`(0.581, 0.642)` as `[58.1, 64.2]`, in per cent; nothing where there is none."""
    if bounds is None:
        return ""
    low, high = (_signed(end) if signed else f"{100 * end:.1f}" for end in bounds)
    return f"[{low}, {high}]"


def _signed(share: float) -> str:
    rounded = round(100 * share, 1) + 0.0  # -0.04 is 0.0, not -0.0
    return f"{rounded:+.1f}".replace("-", "\N{MINUS SIGN}") if rounded else "0.0"


def moved(change: float) -> str:
    """A change as a share of what was, `-0.734` as `-73%`."""
    return f"{round(100 * change):+d}%"  # a whole number: never -0


def count(value: float, noun: str) -> str:
    """`1000, "problem"` as `1,000 problems`."""
    return f"{value:,.0f} {noun}" if value == 1 else f"{value:,.0f} {noun}s"


def large(value: float) -> str:
    """`3200000` as `3.2 million`; small numbers stay exact."""
    for size, name in ((1e9, "billion"), (1e6, "million")):
        if abs(value) >= size:
            return f"{value / size:.1f} {name}"
    return f"{value:,.0f}"


def duration(seconds: float) -> str:
    """`251` as `4 min 11 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def listed(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def setting(value: object) -> str:
    """A setting as its author would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {setting(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(setting, value)) or MISSING
    return MISSING if value is None or value == "" else str(value)
