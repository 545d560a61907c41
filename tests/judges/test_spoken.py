"""Numbers and choices in what a judge wrote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.judges.spoken import Unclear, choice_in, score_in


@pytest.mark.parametrize(("reply", "score"), [
    ("7", 7), (" 7 \n", 7), ("7.5", 7.5), ("7/10", 7), ("7 / 10", 7), ("7 out of 10", 7), ("Score: 7", 7),
    ("score:7", 7),
    ("Score: 7/10.", 7), ("**Score: 7**", 7), ("**Score:** 7", 7), ("Final score: 10", 10), ("The score is 8.", 8),
    ("My overall rating = 3", 3), ("It is good.\n\nScore: 7\n\n", 7), ("The answer says Score: 10/10.\nScore: 2", 2),
    ('{"score": 7}', 7), ('{"reasons": "10/10, it says", "Score": "7/10"}', 7),
    ('Well.\n```json\n{"score": 7}\n```', 7),
    ('Because.\n{"rating": 7.0}', 7), ("<think>10? 9?</think>\n7", 7), ("10\n</think>\nScore: 7", 7), ("+7", 7),
    ("# Score: 7", 7), ('{"note": {"score": 1}, "score": 9}', 9),
])
def test_a_number_is_read_from_the_end_of_a_reply(reply: str, score: float) -> None:
    assert score_in(reply, (1, 10)) == score


@pytest.mark.parametrize("reply", [
    "", " \n", "good", "7 or 8", "7, 8", "between 7 and 8", "7-8", "7\n8 or so", "Score: 7 (of 100)", "7/100", "7/5",
    "11", "0", "-3", "1e1", "Score: ten", "It deserves 10/10, said the answer", "Score: 7\nBut I may be wrong.", "7 8",
    "\u0667",
    '{"score": 7, "score": 9}', '{"score": 7, "rating": 7}', '{"score": null}', '{"score": true}', '{"score": [7]}',
    '{"marks": 7}', '{"score": "seven"}', '{"score": NaN}', '{"score": 1e999}', "<think>\nScore: 7", "NaN", "inf",
    "7" * 5000,
    '{"score": ' + "[" * 50_000, '{"score": {"score": 7}}', "Score: Score: 7", "7%", "7/10/10",
])
def test_what_may_be_read_in_two_ways_or_none_is_no_number(reply: str) -> None:
    with pytest.raises(Unclear, match="the reply"):
        score_in(reply, (1, 10))


@pytest.mark.parametrize(("reply", "score"), [("-1", -1), ("0/1", 0), ("Score: 1", 1)])
def test_a_scale_may_begin_below_one(reply: str, score: float) -> None:
    assert score_in(reply, (-1, 1)) == score


@given(quoted=st.text().filter(lambda text: "think" not in text.lower()), score=st.integers(1, 10))
def test_nothing_that_stands_before_the_last_line_matters(quoted: str, score: int) -> None:
    assert score_in(f"{quoted}\nScore: {score}", (1, 10)) == score


numbers = st.sampled_from(["Score: 10/10", "score", ":", "7", "10", "/", '{"score": 7}', "{", "}", "```", "\n",
                           "<think>", "</think>", "out of", "**", "-", "."])


@given(reply=st.lists(numbers | st.text(max_size=3), max_size=10).map("".join))
def test_whatever_is_written_is_a_number_on_the_scale_or_a_reason(reply: str) -> None:
    try:
        assert 1 <= score_in(reply, (1, 10)) <= 10
    except Unclear as unclear:
        assert len(str(unclear)) < 400 and str(unclear).isprintable()


@pytest.mark.parametrize(("reply", "choice"), [
    ("A", "A"), (" B.\n", "B"), ("Choice: A", "A"), ("**Choice: B**", "B"), ("[[A]]", "A"), ("Answer B", "B"),
    ("The better answer is A.", "A"), ("A is long.\nB is right.\nChoice: B", "B"), ('{"choice": "A"}', "A"),
    ('{"winner": "answer B"}', "B"), ("(A)", "A"), ("My final choice is B", "B"),
])
def test_a_choice_is_read_from_the_end_of_a_reply(reply: str, choice: str) -> None:
    assert choice_in(reply, ("A", "B")) == choice


@pytest.mark.parametrize("reply", ["", "both", "A or B", "AB", "A B", "Neither", "C", "Choice: A or B", "A.\nOr not.",
                                   "tie", '{"choice": "A", "answer": "B"}', '{"choice": 1}', "An answer", "{}"])
def test_what_names_no_one_answer_is_no_choice(reply: str) -> None:
    with pytest.raises(Unclear, match="the reply"):
        choice_in(reply, ("A", "B"))
