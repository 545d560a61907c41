r"""Whether an answer says the same as the known one: by exact number, or by exact text.

The final answer of a text is what follows its last `####` (up to the end of the line) or stands in its last
`\boxed{...}`, whichever comes later; without either it is the whole text. A later statement takes back an earlier
one, so that a list of guesses is one guess. The same holds for the known answer.

Numbers are ASCII: `1,234.50`, `3/4`, `\frac{3}{4}`, `2.5e3`; around them a currency sign, `%`, `\%` or a degree
sign, and dollar signs of mathematics. A unit that both sides name must agree. They are compared as fractions,
without rounding. Not understood: words (`five`, `18 dollars`), digits of other scripts, mixed numbers, exponents of
over three digits. Where math-verify is installed (extra `reasoning`), `pawl.tasks.formulas` has a say too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from pawl.tasks.formulas import same_formula

Compare = Literal["auto", "number", "text"]

LONGEST_BOX = 10_000
"""Characters between the braces."""
LONGEST_NUMBER = 400
"""Characters; what is longer is text."""

_BLANK = " \t\r\n"
_BOXED = re.compile(r"\\boxed *\{")
_BRACE = re.compile(r"[{}]")
_DIGITS = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
_DECIMAL = rf"(?:{_DIGITS}(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{{1,3}})?"
_FRACTION = re.compile(r"(?:([0-9]+) ?/ ?([0-9]+)|\\[dt]?frac\{([0-9]+)\}\{([0-9]+)\})")
_QUANTITY = re.compile(
    rf"(?P<sign>[-+]?) ?(?P<before>[$€£¥]?)(?P<inner>[-+]?) ?(?P<value>{_DECIMAL}|{_FRACTION.pattern})"
    r" ?(?P<after>[$€£¥%°]?)\.?"
)
_PLAIN = str.maketrans({"\u2212": "-", "\u00a0": " "})  # the minus sign and the unbreakable blank of typeset text


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with the unit it was written with."""

    value: Fraction
    unit: str
    """One of $ € £ ¥ % °, or empty."""

    def agrees(self, other: Quantity) -> bool:
        units_agree = self.unit == other.unit or not (self.unit and other.unit)
        return units_agree and self.value == other.value


def final_answer(text: str) -> str:
    """What a text gives as its answer, blanks around it taken off."""
    hashes = text.rfind("####")
    boxes = [match.end() for match in _BOXED.finditer(text, max(hashes, 0))]
    if boxes:
        inside = _braced(text, boxes[-1])
        if inside is not None:
            return inside.strip(_BLANK)
    if hashes >= 0:
        return text[hashes + 4 :].strip(" \t").partition("\n")[0].strip(_BLANK)
    return text.strip(_BLANK)


def _braced(text: str, start: int) -> str | None:
    """What stands before the brace that closes the one opened just before `start`; None when none does soon."""
    depth = 1
    for match in _BRACE.finditer(text, start, start + LONGEST_BOX):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return text[start : match.start()]
    return None


def quantity(text: str) -> Quantity | None:
    """The number that the whole text is, exactly; None when it is anything else."""
    if len(text) > LONGEST_NUMBER:
        return None
    text = text.translate(_PLAIN).strip(_BLANK)
    text = text.replace(r"\!", "").replace("{,}", ",").replace(r"\%", "%").replace(r"\$", "$")
    if len(text) > 2 and text[0] == text[-1] == "$":
        text = text[1:-1].strip(_BLANK)
    match = _QUANTITY.fullmatch(text)
    if match is None or (match["before"] and match["after"]) or (match["sign"] and match["inner"]):
        return None
    value = _value(match["value"])
    if value is None:
        return None
    return Quantity(-value if "-" in (match["sign"], match["inner"]) else value, match["before"] or match["after"])


def _value(text: str) -> Fraction | None:
    fraction = _FRACTION.fullmatch(text)
    if fraction is None:
        return Fraction(text.replace(",", ""))
    above, below = fraction[1] or fraction[3], int(fraction[2] or fraction[4])
    return Fraction(int(above), below) if below else None


def same_answer(answer: str, known: str, *, compare: Compare = "auto") -> bool:
    """Whether the final answer of one text is that of the other. Never raises; an empty answer is never right.

    `number` compares numbers only and `text` compares text only; `auto` compares numbers where the known answer is
    one, else text.
    """
    said, right = final_answer(answer), final_answer(known)
    if not said:
        return False
    if compare == "text":
        return said == right
    said_number, right_number = quantity(said), quantity(right)
    if said_number and right_number:
        return said_number.agrees(right_number)
    if compare == "auto" and right_number is None and said == right:
        return True
    return same_formula(said, right)
