from __future__ import annotations

import pytest

from pawl.tasks.formulas import same_formula

pytest.importorskip("math_verify")


@pytest.mark.parametrize(
    ("said", "right"),
    [
        (r"\frac{x}{2}", "x/2"),
        ("x^2+2x+1", "(x+1)^2"),
        (r"\sqrt{8}", r"2\sqrt{2}"),
        ("x=5", "5"),
        ("x = 5", "5"),
        ("(1,2)", "(1, 2)"),
        (r"\dfrac{\pi}{2}", r"\frac{\pi}{2}"),
        ("2^{-1}", "1/2"),
        ("8^{1/3}", "2"),
    ],
)
def test_formulas_that_say_the_same_are_equal(said: str, right: str) -> None:
    assert same_formula(said, right)


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("x+1", "x+2"),
        ("3=18", "18"),
        ("x=3=18", "18"),
        ("3$ or $18", "18"),
        ("Pairs", "Paris"),
        ("ba+1", "ab+1"),
        ("a", "A"),
    ],
)
def test_what_differs_or_can_be_read_two_ways_is_not_equal(said: str, right: str) -> None:
    assert not same_formula(said, right)


COSTLY = [
    "9^9^9^9",
    "9^{9^{9}}",
    "9^{999999}",
    "9**9**9",
    "((9^{99})^{99})^{99}",
    "{{{9^{9}}^5}^5}^5",
    "99999999!",
    r"\binom{9999}{99}",
    r"\sum_{n=1}^{9} n",
    r"\int_0^1 x",
    "(a+b+c+d+e+f)^9",
    "(x+1)^{99}",
    "9^{9*9*9*9*9}",
    "9^{9\\cdot 9^{9}}",
    "9" * 50,
    "(" * 101,
    "x" * 2**20,
    "\x1b[31m5",
    "٣",
    "\ud800",
]


@pytest.mark.parametrize("text", COSTLY, ids=lambda text: ascii(text[:20]))
def test_what_would_take_hours_is_not_asked(text: str) -> None:
    assert not same_formula(text, "x^2")
    assert not same_formula("x^2", text)
