"""Questions to code that is not ours, and odd texts to ask about."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from pawl.errors import ConfigError, DataError, MissingExtraError
from pawl.time_limit import TimeUp, within

Result = TypeVar("Result")

SECONDS = 5.0
"""What one question may take."""

ODD_TEXTS = {
    "an empty text": "",
    "blanks": " \t\n",
    "a megabyte of text": "1" * 2**20,
    "a hundred thousand brackets": "(" * 100_000,
    "emoji": "\U0001f980\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "a NUL": "1\x002",
    "terminal escapes": "\x1b[2J\x1b]0;title\x07",
    "[/b]": "[b]1[/b]",
    "a script tag": "<script>alert(1)</script>",
    "a lone surrogate": "1\ud800",
    "digits of another script": "\u0663\u0664",
    "a huge exponent": "1e999999999",
}
"""By what they are called in a finding."""


class Broken(Exception):
    """What was asked raised or took too long; the text is the finding."""


def ask(
    what: str, question: Callable[[], Result], *, seconds: float | None = None, fine: tuple[type[Exception], ...] = ()
) -> Result | None:
    """The answer; None when it raised one of `fine`. Raises Broken when it raised anything else or took too long.

    A setting, a file or a dependency that is missing breaks no contract: that error is raised as it is.
    """
    try:
        return within(seconds or SECONDS, question)
    except (ConfigError, DataError, MissingExtraError):
        raise
    except fine:
        return None
    except TimeUp as error:
        raise Broken(f"{what} {error}") from None
    except (Exception, SystemExit) as error:  # not ours: it may raise anything
        raise Broken(f"{what} raised {type(error).__name__}: {ascii(str(error))[1:-1][:200]}") from error


def asked_key(key: Callable[[Any], Any], state: Any) -> Any:
    """The key of a state. Raises Broken where it cannot be hashed."""
    found = ask("key", lambda: key(state))
    try:
        hash(found)
    except TypeError:
        raise Broken(f"key must be hashable, got {shown(found)}") from None
    return found


def findings_of(*checks: Iterable[str]) -> list[str]:
    """The findings of all checks, each once; a check that broke off ends with the reason."""
    found: dict[str, None] = {}
    for check in checks:
        try:
            for finding in check:
                found[finding] = None
        except Broken as broken:
            found[str(broken)] = None
    return list(found)


def is_score(value: object) -> bool:
    """Whether it is a number in [0, 1]; NaN is not."""
    return isinstance(value, (numbers.Real, np.bool_)) and not value < 0 and bool(value <= 1)


def shown(value: object) -> str:
    """A value in a finding: short, and nothing that a terminal obeys."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
