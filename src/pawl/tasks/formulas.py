"""Whether two short formulas are equal, by math-verify where it is installed (extra `reasoning`).

math-verify reads words as products of letters (Paris is Pairs to it), takes the last of a chain of equations, and
carries out whatever it is given, which may take hours. So it is asked about plain formulas only: a hundred characters
with few symbols and small powers. For any other text the answer here is no, and exact comparison must do.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import logging
import re
from collections.abc import Callable

LONGEST = 100
"""Characters of a formula."""
MOST_SYMBOLS = 3
"""Different ones in a formula; brackets over many of them take minutes to multiply out."""

_EXPONENT = r"(?:[0-9a-zA-Z](?![0-9])|\{ *-?(?:[0-9]{1,2}|[a-zA-Z]|[0-9]/[0-9]) *\})"
_CLOSED_POWER = r"[)}\]|] *\^"
_COSTLY = re.compile(
    r"!|\\(?:[dt]?binom|int|sum|prod|lim)|[0-9]{12}"  # factorials, what sympy would carry out, long numerals
    rf"|\*\*|\^(?! *{_EXPONENT})|\^ *{_EXPONENT} *\^"  # powers but for small ones, towers of powers
    rf"|{_CLOSED_POWER} *\{{? *-?(?:[6-9]|[0-9]{{2}})"  # a bracket to a high power
    rf"|(?:{_CLOSED_POWER}.*){{3}}"  # brackets in brackets, all to powers
)
_AMBIGUOUS = re.compile(
    r"\$"  # two formulas in one
    r"|=.*=|(?<!^[a-zA-Z])(?<!^[a-zA-Z] )="  # equations other than `x = 5`
    r"|(?<![a-zA-Z\\])[a-zA-Z]{2}"  # words
)
_FORMULA = re.compile(r"[0-9\\+*/^=(\[-]")
_SYMBOL = re.compile(r"\\[a-zA-Z]+|[a-zA-Z]")
_NO_SYMBOLS = {rf"\{name}" for name in ("frac", "dfrac", "tfrac", "sqrt", "left", "right", "cdot", "times", "pi")}


def same_formula(said: str, right: str) -> bool:
    """Whether math-verify finds the two equal; False when it is not installed or must not be asked. Never raises."""
    if not (_FORMULA.search(right) and _is_plain(right) and _is_plain(said)):
        return False
    verify = _verifier()
    return verify is not None and verify(said, right)


def _is_plain(text: str) -> bool:
    """Whether it is a formula that can be read one way only and is computed at once."""
    if len(text) > LONGEST or not (text.isascii() and text.isprintable()):
        return False
    symbols = set(_SYMBOL.findall(text)) - _NO_SYMBOLS
    return len(symbols) <= MOST_SYMBOLS and not (_COSTLY.search(text) or _AMBIGUOUS.search(text))


@functools.cache
def _verifier() -> Callable[[str, str], bool] | None:
    if importlib.util.find_spec("math_verify") is None:
        return None
    library = importlib.import_module("math_verify")
    # Its own time limits are off, since they would take the alarm signal from `pawl.time_limit`; it warns of that.
    logging.getLogger("math_verify").setLevel(logging.ERROR)

    def verify(said: str, right: str) -> bool:
        try:
            read = [library.parse(f"${text}$", parsing_timeout=None) for text in (right, said)]
            return all(read) and bool(library.verify(*read, timeout_seconds=None))
        except Exception:  # the library fails on odd text, and odd text is no right answer
            return False

    return verify
