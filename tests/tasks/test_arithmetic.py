"""The parser against an oracle of another make: Python's own syntax tree, walked in fractions."""

from __future__ import annotations

import ast
import operator
import re
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pawl.tasks.arithmetic import NotArithmetic, apply, evaluate

OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}

HOSTILE = [
    "",
    " ",
    "3.5*2",
    "2**5",
    "7//2",
    "+7",
    "-7",
    "3+-4",
    "7%2",
    "1_0+2",
    "0x10",
    "1e3",
    "(3",
    "3)",
    "()",
    "3 4",
    "(1)(2)",
    "1,2",
    "1+",
    "*2",
    "7/2",
    "7/0",
    "a",
    "\uff13+\uff14",
    "\u0663+\u0664",
    "²",
    "3\u22121",
    "3\u00d71",
    "1\n+2",
    "1\t+2",
    "1\x002",
    "\x1b[2J3",
    "[/b]",
    "<script>alert(1)</script>",
    "__import__('os')",
    "(" * 100_000,
    "(" * 400 + "1" + ")" * 400 + "*",
    "1" * 2**20,
    "9" * 13,
    "1+" * 400_000 + "1",
    "\ud800",
    "1=1",
    "1<2",
    "2^5",
    "lambda: 1",
    "1 if 1 else 2",
    "3!",
]


def oracle(text: str) -> tuple[Fraction, list[int]] | None:
    """Value and numbers; None where the text is not an expression of whole numbers with exact divisions."""
    try:
        tree = ast.parse(text.strip(" "), mode="eval").body
        numbers: list[int] = []
        return walk(tree, numbers), numbers
    except (SyntaxError, ZeroDivisionError, ArithmeticError):
        return None


def walk(node: ast.expr, numbers: list[int]) -> Fraction:
    match node:
        case ast.Constant(value=int(value)) if type(value) is int:
            numbers.append(value)
            return Fraction(value)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS:
            value = OPERATIONS[type(op)](walk(left, numbers), walk(right, numbers))
            if value.denominator != 1:
                raise ArithmeticError
            return value
    raise SyntaxError


def ours(text: str) -> tuple[int, list[int]] | None:
    try:
        return evaluate(text)
    except NotArithmetic:
        return None


@given(st.text(alphabet="0123456789+-*/() ", max_size=14))
def test_any_text_means_what_it_means_to_python(text: str) -> None:
    assume(not re.search(r"(?<![0-9])0[0-9]|[0-9]{13}", text))  # Python refuses leading zeros, Pawl long numbers
    assert ours(text) == oracle(text)


EXPRESSIONS = st.recursive(
    st.integers(0, 30).map(str),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner, st.booleans()).map(
        lambda parts: f"({parts[0]}{parts[1]}{parts[2]})" if parts[3] else f"{parts[0]} {parts[1]}{parts[2]}"
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
def test_expressions_have_the_value_and_the_numbers_that_fractions_give(text: str) -> None:
    assert ours(text) == oracle(text)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_text_is_no_arithmetic(text: str) -> None:
    with pytest.raises(NotArithmetic):
        evaluate(text)


def test_deep_brackets_cost_no_interpreter_stack() -> None:
    assert evaluate("(" * 400 + "7" + ")" * 400) == (7, [7])


def test_zeros_in_front_change_nothing() -> None:
    assert evaluate("007+01") == (8, [7, 1])


@given(st.integers(-50, 50), st.sampled_from("+-*/"), st.integers(-50, 50))
def test_one_operation_is_exact_or_refused(left: int, symbol: str, right: int) -> None:
    exact = {"+": left + right, "-": left - right, "*": left * right}
    if symbol == "/" and (right == 0 or Fraction(left, right).denominator != 1):
        with pytest.raises(NotArithmetic, match="not an integer"):
            apply(symbol, left, right)
    else:
        assert apply(symbol, left, right) == (Fraction(left, right) if symbol == "/" else exact[symbol])


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(NotArithmetic, match="unknown operator '%'"):
        apply("%", 7, 2)
