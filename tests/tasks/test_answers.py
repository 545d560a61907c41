from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pawl.tasks.answers import final_answer, quantity, same_answer

WHOLES = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("so 48+24=72\n#### 72", "72"),
        ("#### 1\nno, rather\n#### 2\nsurely", "2"),
        ("####72", "72"),
        (r"thus \boxed{72}.", "72"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\text{a {nested} word}}", r"\text{a {nested} word}"),
        (r"\boxed{1} but \boxed{2}", "2"),
        (r"\boxed {3}", "3"),
        (r"#### 1 \boxed{2}", "2"),
        (r"\boxed{2} #### 1", "1"),
        (r"\boxed{2", r"\boxed{2"),
        ("#### 5 \\boxed{2", "5 \\boxed{2"),
        ("  plain \n", "plain"),
        ("####", ""),
        ("", ""),
    ],
)
def test_the_final_answer_is_the_last_that_is_marked(text: str, answer: str) -> None:
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234", 1234),
        ("1,234,567.50", Fraction("1234567.5")),
        ("$18", 18),
        ("18 $", 18),
        ("50%", 50),
        (r"50\%", 50),
        ("-3", -3),
        ("\u22123", -3),
        ("+7", 7),
        (".5", Fraction(1, 2)),
        ("5.", 5),
        ("3/4", Fraction(3, 4)),
        (r"\frac{3}{4}", Fraction(3, 4)),
        (r"-\dfrac{3}{4}", Fraction(-3, 4)),
        ("2.5e3", 2500),
        ("1e-3", Fraction(1, 1000)),
        (r"10{,}000", 10_000),
        (r"10,\!000", 10_000),
        ("$42$", 42),
        ("€1,000", 1000),
        ("90°", 90),
        ("-$5", -5),
        ("$-5", -5),
        ("18.", 18),
    ],
)
def test_numbers_are_read_exactly(text: str, value: Fraction) -> None:
    read = quantity(text)
    assert read is not None and read.value == value


NO_NUMBERS = [
    "",
    "x",
    "1 2",
    "1,23",
    "12,34",
    "1,2345",
    "3 or 4",
    "$5%",
    "1/0",
    "--3",
    "1e9999",
    "1e999999999",
    "\u0663",
    "\uff13",
    "²",
    "0x10",
    "1_000",
    "five",
    "18 dollars",
    "nan",
    "inf",
    "-",
    "$",
    "1..2",
    "\x1b[31m5",
    "5\x00",
    "9" * 500,
    "1/2/3",
]


@pytest.mark.parametrize("text", NO_NUMBERS, ids=lambda text: ascii(text[:12]))
def test_other_text_is_no_number(text: str) -> None:
    assert quantity(text) is None


@given(WHOLES, st.sampled_from(["{}", "{:,}", "#### {:,}", r"so \boxed{{{}}}", "{}.0", "{}.", " {}\n"]))
def test_a_number_is_itself_however_it_is_written(value: int, form: str) -> None:
    assert same_answer(form.format(value), f"#### {value}")
    assert not same_answer(form.format(value), f"#### {value + 1}")


@given(st.integers(-999, 999), st.integers(1, 999))
def test_fractions_are_compared_without_rounding(above: int, below: int) -> None:
    assert same_answer(f"{above}/{below}", f"{2 * above}/{2 * below}", compare="number")
    assert not same_answer(f"{above * 10**9 + 1}/{below * 10**9}", f"{above}/{below}", compare="number")


@pytest.mark.parametrize("digits", ["0.1", "0.30000000000000004", "1e-300", "123456789012345678901234567890"])
def test_no_number_passes_through_binary_fractions(digits: str) -> None:
    assert same_answer(digits, digits, compare="number")
    assert not same_answer("0.3", "0.30000000000000004", compare="number")


def test_units_that_both_name_must_agree() -> None:
    assert same_answer("5%", "5") and same_answer("5", "$5") and same_answer("$5.00", "5 $")
    assert not same_answer("5%", "$5")


def test_text_is_compared_exactly() -> None:
    assert same_answer(r"it is \boxed{east}", "east")
    for other in ("East", "eas", "east.", "not east", "west or east"):
        assert not same_answer(other, "east")


def test_the_way_of_comparing_can_be_named() -> None:
    assert not same_answer("5.0", "5", compare="text")
    assert same_answer("5.0", "5", compare="number")
    assert not same_answer("east", "east", compare="number")


@pytest.mark.parametrize("compare", ["auto", "number", "text"])
def test_an_empty_answer_is_never_right(compare: str) -> None:
    for empty in ("", " \n", "####", r"\boxed{}"):
        assert not same_answer(empty, "", compare=compare)  # type: ignore[arg-type]


def test_a_list_of_guesses_is_one_guess() -> None:
    guesses = "\n".join(f"#### {guess}" for guess in range(100))
    assert not same_answer(guesses, "18")
    assert not same_answer("18 or 19", "18")
    assert not same_answer("18 19", "18")


HOSTILE = {
    "a megabyte": "1" * 2**20,
    "a megabyte of boxes": r"\boxed{" * 150_000,
    "a megabyte of hashes": "#" * 2**20,
    "braces": "{" * 2**20,
    "closed braces": r"\boxed{" + "{}" * 2**19,
    "a huge exponent": "1e999999999",
    "a small exponent": "1e-999999999",
    "a tower": "9^9^9^9",
    "a tower of stars": "9**9**9",
    "brackets": "(" * 100_000,
    "escapes": "\x1b]0;x\x07",
    "markup": "[/b]",
    "a script": "<script>18</script>",
    "digits": "١٨",
    "a NUL": "18\x00",
    "a surrogate": "\ud800",
    "commas": "1," * 2**19,
    "dollars": "$" * 2**20,
    "blanks": " " * 2**20 + "x",
    "no division": "18/0",
    "a factorial": "99999999!",
    "emoji": "\U0001f980",
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("known", ["18", r"\frac{x}{2}", "east"])
def test_hostile_answers_are_wrong(answer: str, known: str) -> None:
    assert not same_answer(answer, known)


@given(st.text(), st.text(min_size=1))
def test_no_text_makes_the_comparison_fail(answer: str, known: str) -> None:
    assert same_answer(answer, known) in (True, False)


@given(st.text(alphabet="0123456789./eE-+", max_size=12))
def test_what_is_read_as_a_number_is_what_python_reads(text: str) -> None:
    assume(not re.search(r"[eE][-+]?[0-9]{3}", text))  # a larger exponent costs the oracle hours
    read = quantity(text)
    if read is None:
        return
    above, _, below = text.removesuffix(".").partition("/")
    assert read.value == Fraction(above) / Fraction(below or 1)
