"""Exact arithmetic on text: `evaluate("(3+7)*2")` without `eval`, in integers or in fractions.

Accepts ASCII digits, + - * / and round brackets, blanks between them. In integers every division must be exact. Not
accepted: signs (`+7`, `-7`), `**`, `//`, decimal points, digits of other scripts, numbers of over twelve digits. The
parser is a shunting yard (Dijkstra 1961) with its own stacks, so that nesting costs memory and never the interpreter's
stack.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

LONGEST_TEXT = 1000
"""Characters; a longer text is no answer to a problem of a handful of numbers."""

_TOKEN = re.compile(r" *(?:([0-9]{1,12})(?![0-9])|([-+*/()]))")
_RANK = {"+": 1, "-": 1, "*": 2, "/": 2}


class NotArithmetic(ValueError):
    """The text is not an exact integer expression; the message says why."""


Number = int | Fraction
"""An integer is always an int."""
Apply = Callable[[str, Any, Any], Any]
"""(operator, left, right) -> result. Raises NotArithmetic."""


def apply(operator: str, left: int, right: int) -> int:
    """`left operator right` in exact integers. Raises NotArithmetic when a division leaves a remainder."""
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/" if right != 0 and left % right == 0:
            return left // right
        case "/":
            raise NotArithmetic(f"{left}/{right} is not an integer")
    raise NotArithmetic(f"unknown operator {operator!r}")


def apply_in_fractions(operator: str, left: Number, right: Number) -> Number:
    """`left operator right` in fractions. Raises NotArithmetic when the right of a division is 0."""
    if operator != "/" or (right != 0 and left % right == 0):
        return whole(apply(operator, left, right))  # type: ignore[arg-type]  # does the same with fractions
    if right == 0:
        raise NotArithmetic(f"{left} is divided by 0")
    return Fraction(left) / right


def whole(number: Number) -> Number:
    """The same number, an int if it is one."""
    return number.numerator if number.denominator == 1 else number


def evaluate(text: str, apply: Apply = apply) -> tuple[Any, list[int]]:
    """The value of an expression and the numbers it used, in order. Raises NotArithmetic."""
    if len(text) > LONGEST_TEXT:
        raise NotArithmetic(f"longer than {LONGEST_TEXT} characters")
    values: list[Any] = []
    operators: list[str] = []
    numbers: list[int] = []

    def reduce() -> None:
        right, left = values.pop(), values.pop()
        values.append(apply(operators.pop(), left, right))

    expects_number = True
    for number, symbol in _tokens(text):
        if expects_number and number:
            values.append(int(number))
            numbers.append(int(number))
            expects_number = False
        elif expects_number and symbol == "(":
            operators.append(symbol)
        elif not expects_number and symbol in _RANK:
            while operators and operators[-1] != "(" and _RANK[operators[-1]] >= _RANK[symbol]:
                reduce()
            operators.append(symbol)
            expects_number = True
        elif not expects_number and symbol == ")":
            while operators and operators[-1] != "(":
                reduce()
            if not operators:
                raise NotArithmetic("a bracket closes that was never opened")
            operators.pop()
        else:
            raise NotArithmetic(f"{number or symbol!r} in the wrong place")
    if expects_number:
        raise NotArithmetic("ends where a number must stand")
    while operators:
        if operators[-1] == "(":
            raise NotArithmetic("a bracket is never closed")
        reduce()
    return values[0], numbers


def _tokens(text: str) -> list[tuple[str, str]]:
    """(number, "") or ("", symbol) pairs that cover the whole text."""
    text = text.strip(" ")
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise NotArithmetic(f"{text[position]!r} is not arithmetic")
        tokens.append((match[1] or "", match[2] or ""))
        position = match.end()
    return tokens
