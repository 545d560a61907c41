"""What an alarm shows, and texts that are safe to keep."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pawl.meters.alarms.alarm import LONGEST, Found, named, plain


def test_at_most_three_attempts_are_shown() -> None:
    assert named(Found("a", "b", range(9)), "c", 1).shown == (0, 1, 2)


@given(st.text(alphabet=st.characters(), max_size=700), st.integers(1, 700))
def test_a_plain_text_is_one_printable_line_and_as_long_as_it_may_be(text: str, most: int) -> None:
    made = plain(text, most=most)
    assert made.isprintable()
    assert len(made) == min(len(text), most)
    assert made.endswith("…") or len(text) <= most
    assert plain(made, most=most) == made


def test_a_long_sentence_is_cut() -> None:
    assert named(Found("x" * 10_000, "y"), "z", 1).says == "x" * (LONGEST - 1) + "…"
