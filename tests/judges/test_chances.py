"""Chances of answers from log-probabilities of tokens, beside those of a language model that can be enumerated."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.judges.asks import Place
from pawl.judges.chances import MOST_OPEN, chances

SCALE = tuple(map(str, range(1, 11)))
END = "<|end|>"


def place(likeliest: Mapping[str, float], token: str | None = None) -> Place:
    """A place where these tokens have these chances; the first was written, or `token`."""
    token = token or next(iter(likeliest))
    pairs = tuple((name, math.log(chance)) for name, chance in likeliest.items())
    return Place(token, math.log(likeliest[token]), pairs)


def test_answers_of_one_token_have_its_chance() -> None:
    assert chances([place({"7": 0.6, "8": 0.3, "The": 0.1})], SCALE) == pytest.approx((0,) * 6 + (0.6, 0.3, 0, 0))


def test_blanks_around_an_answer_do_not_matter() -> None:
    found = chances([place({" 7": 0.5, "7": 0.3, "7\n": 0.1, "\n8": 0.1})], SCALE)
    assert found == pytest.approx((0,) * 6 + (0.9, 0.1, 0, 0))


def test_a_blank_that_was_written_leads_to_the_next_place() -> None:
    assert chances([place({" ": 0.96, "7": 0.04}), place({"8": 1.0})], SCALE) == pytest.approx(
        (0,) * 6 + (0.04, 0.96, 0, 0))


def test_one_begins_ten_where_ten_is_two_tokens() -> None:
    first = place({"1": 0.8, "9": 0.2})
    found = chances([first, place({"0": 0.75, END: 0.25})], SCALE)
    assert found == pytest.approx((0.2, *(0,) * 7, 0.2, 0.6))


def test_what_goes_on_with_another_digit_is_another_number() -> None:
    first, second = place({"1": 1.0}), place({"5": 0.6, ".": 0.4})
    assert chances([first, second], SCALE) == pytest.approx((0.4, *(0,) * 9))
    assert chances([first, place({".": 0.4, "5": 0.6}, token="5")], SCALE) == pytest.approx((0.4, *(0,) * 9))


def test_one_is_one_where_ten_has_a_token() -> None:
    assert chances([place({"9": 0.5, "10": 0.3, "1": 0.2})], SCALE) == pytest.approx((0.2, *(0,) * 7, 0.5, 0.3))


def test_nothing_is_said_where_it_stays_open_whether_one_is_ten() -> None:
    assert chances([place({"9": 0.5, "1": 0.5})], SCALE) is None
    assert chances([place({"1": 0.9, "9": 0.1})], SCALE) is None


def test_nothing_is_said_where_most_of_the_chance_is_not_listed() -> None:
    assert chances([place({"9": 0.5, "8": 0.2})], SCALE) is None
    assert chances([], SCALE) is None


def test_chances_that_sum_to_more_than_one_are_none() -> None:
    assert chances([place({"9": 0.8, "8": 0.8})], SCALE) is None


def test_what_is_no_answer_has_the_rest() -> None:
    assert chances([place({"12": 0.5, "Well": 0.5})], ("1", "2")) == (0, 0)


def test_a_token_of_another_answer_does_not_count_for_one_that_it_begins_like() -> None:
    assert chances([place({"Yes": 0.6, "Yesterday": 0.4})], ("Yes", "No")) == pytest.approx((0.6, 0))


weights = st.lists(st.integers(0, 20), min_size=7, max_size=7).filter(any)


@given(tables=st.lists(weights, min_size=9, max_size=9), splits=st.booleans(), data=st.data())
def test_what_is_said_is_what_enumeration_finds(tables: list[list[int]], splits: bool, data: st.DataObject) -> None:
    """A language of replies of up to two tokens and an end, by a tokenizer that splits ten or one that does not. What
    each answer's chance is, is known by reading every reply there is."""
    tokens = ["1", "2", "0" if splits else "10", " ", "\n", ".", "x"]
    after = {("",): _normal(tokens, tables[0])} | {
        ("", token): _normal([*tokens[:6], END] if splits else ["\n", ".", "x", END], row)
        for token, row in zip(tokens, tables[1:], strict=False)}
    if not splits:
        after[("", " ")] = _normal(["1", "2", "10", "\n"], tables[8])
    answers = ("1", "2", "10")
    exact = dict.fromkeys(answers, 0.0)
    for token, chance in after[("",)].items():
        for last, more in after[("", token)].items():
            number = re.match(r"\s*(\d+)", token + last.replace(END, ""))
            if number and number[1] in exact:
                exact[number[1]] += chance * more
    token = data.draw(st.sampled_from([one for one, chance in after[("",)].items() if chance]))
    last = data.draw(st.sampled_from([one for one, chance in after[("", token)].items() if chance]))
    places = [_shown(after[("",)], token), _shown(after[("", token)], last)]
    found = chances(places, answers)
    if found is not None:
        assert found == pytest.approx([exact[answer] for answer in answers], abs=MOST_OPEN + 1e-9)


def _normal(tokens: Sequence[str], counts: Sequence[int]) -> dict[str, float]:
    pairs = dict(zip(tokens, counts, strict=False))
    total = sum(pairs.values())
    return {token: count / total for token, count in pairs.items()} if total else {tokens[0]: 1.0}


def _shown(table: Mapping[str, float], token: str) -> Place:
    listed = {name: chance for name, chance in sorted(table.items(), key=lambda pair: -pair[1]) if chance}
    assert all(a >= b for a, b in pairwise(listed.values()))
    return place(listed, token)
