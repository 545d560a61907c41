"""A number or a choice from a judge's reply: from the chances that it tells, else from the last line or from JSON,
where that says one thing.

Only the judge's own reply is read here, never what it judged; but a judge may quote that. So a number somewhere in a
sentence counts for nothing: the last line is the number and its name, or there is none.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from pawl.judges.asks import Reply
from pawl.time_limit import printable

LEAST_CHANCE = 0.5
"""Probability that answers must have together, for their shares to be what a model thinks."""
LONGEST = 1 << 16
"""Characters of a reply's end that are read."""
SCORES = ("score", "rating", "grade")
CHOICES = ("choice", "preference", "winner", "answer")
"""What the number and the choice may be called, on a line or as a key of JSON."""

_NUMBER = r"[-+]?[0-9]{1,9}(?:\.[0-9]{1,9})?"
_FENCED = re.compile(r"```(?:json)?[ \t]*\n((?:(?!```).)*)```\s*\Z", re.DOTALL | re.IGNORECASE)
_THOUGHTS = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_STILL_THINKING = re.compile(r"\s*<think(?:ing)?>", re.IGNORECASE)


class Unclear(ValueError):
    """A reply says no one thing; the text says why."""


def shares(reply: Reply, answers: Sequence[str], *, least: float) -> list[float] | None:
    """[A] chances of the answers among themselves; None where the text is to be read instead.

    Raises Unclear where there is no reply, and where the answers together are less likely than `least` and there is no
    text."""
    if reply.error is not None:
        raise Unclear(reply.error)
    if reply.chances is None:
        return None
    if (known := sum(reply.chances)) >= least:
        return [chance / known for chance in reply.chances]
    if reply.text:
        return None
    raise Unclear(f"{answers[0]} to {answers[-1]} must have a probability of {least:g} at least, got {known:.2g}")


def whole_text(reply: Reply) -> str:
    """What the model wrote. Raises Unclear where it was cut off: its end is what counts."""
    if reply.cut:
        raise Unclear(f"the reply was cut off after {reply.written} tokens")
    return reply.text


def score_in(reply: str, scale: tuple[int, int]) -> float:
    """The number that a reply gives on a scale from low to high, both included. Raises Unclear where it gives none, or
    one beyond them, or what may be read in two ways."""
    low, high = scale
    named = str(_named(reply, SCORES)).strip()
    match = re.fullmatch(rf"({_NUMBER})(?:\s*(?:/|out of)\s*{re.escape(str(high))})?", named)
    if match is None:
        raise Unclear(f"the reply must end with one number, got {printable(named) or 'nothing'}")
    score = float(match[1])
    if not low <= score <= high:
        raise Unclear(f"the reply must give a number from {low} to {high}, got {match[1]}")
    return score


def choice_in(reply: str, choices: Sequence[str]) -> str:
    """The one of a few choices that a reply names. Raises Unclear where it names none."""
    named = _named(reply, CHOICES)
    if isinstance(named, str):
        said = named.strip(" []().:")
        for choice in choices:
            if said in (choice, f"answer {choice}", f"Answer {choice}"):
                return choice
    raise Unclear(f"the reply must end with {' or '.join(choices)}, got {printable(named).strip() or 'nothing'}")


def _named(reply: str, names: Sequence[str]) -> Any:
    """What a reply's JSON has under one of these names, or its last line without the name."""
    text = _said_aloud(reply[-LONGEST:])
    for candidate in _candidates(text):
        if (found := _json_object(candidate)) is not None:
            return _value(found, names)
    lines = [line for line in text.splitlines() if line.strip(" \t*_`#")]
    last = re.sub(r"[*_`#]", "", lines[-1]).strip().removesuffix(".").strip() if lines else ""
    called = rf"(?:(?:the|my|final|overall|better)\s+)*(?:{'|'.join(names)})\s*(?:is\b|[:=])\s*"
    return re.sub(rf"\A{called}", "", last, flags=re.IGNORECASE)


def _said_aloud(text: str) -> str:
    """What follows the thoughts of a model that writes them down."""
    if ended := list(_THOUGHTS.finditer(text)):
        return text[ended[-1].end() :]
    return "" if _STILL_THINKING.match(text) else text


def _candidates(text: str) -> Iterator[str]:
    """Parts of a reply that may be its JSON."""
    yield text
    if block := _FENCED.search(text):
        yield block[1]
    if lines := text.strip().splitlines():
        yield lines[-1]


def _json_object(text: str) -> list[tuple[str, Any]] | None:
    """The pairs of an object of JSON, as they stand there; None where it is none."""
    if not text.strip().startswith("{"):
        return None
    try:
        found = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _value(pairs: Sequence[tuple[str, Any]], names: Sequence[str]) -> Any:
    """The value under one of these names. Raises Unclear where none or several are there."""
    values = [value for name, value in pairs if name.strip().lower() in names]
    if len(values) != 1:
        raise Unclear(f"the reply's JSON must have one of {', '.join(names)}, got {len(values) or 'none'} of them")
    return values[0]
