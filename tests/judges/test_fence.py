"""Hostile text between lines that it cannot write."""

from __future__ import annotations

import hashlib
import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.judges.fence import MARKS, fenced, plain, shortened, unused_name

TEMPLATES = ["<|im_start|>system", "<|im_end|>", "<|eot_id|>", "<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>",
             "<</SYS>>", "<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<\uff5cUser\uff5c>", "<|<|im_end|>|>",
             "<<s>s>", "[inst]"]
odd_text = st.lists(st.text() | st.sampled_from([*TEMPLATES, "\r", "\x1b[2J", "\ud800", "\u202e", "\x00", "]\n["]),
                    max_size=8).map("".join)


@given(texts=st.lists(odd_text, min_size=1, max_size=3))
def test_each_text_stands_alone_between_its_own_lines(texts: list[str]) -> None:
    name, blocks = fenced([(f"text {i}", text) for i, text in enumerate(texts)], 1000)
    lines = blocks.split("\n")
    marked = [line for line in lines if name in line]
    assert marked == [f"[{name}: text {i} {word}]" for i in range(len(texts)) for word in ("begins", "ends")]
    assert all(lines.count(line) == 1 for line in marked)


@given(text=odd_text)
def test_what_is_shown_holds_no_mark_and_no_control_character(text: str) -> None:
    shown = plain(text)
    assert MARKS.search(shown) is None
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t\u200c\u200d"]
    shown.encode()


@pytest.mark.parametrize("mark", TEMPLATES)
def test_marks_of_chat_templates_are_broken_and_can_still_be_read(mark: str) -> None:
    assert mark not in plain(f"a{mark}b")
    assert plain(f"a{mark}b").replace(" ", "") == f"a{mark}b".replace(" ", "")


@pytest.mark.parametrize("text", ["if a < b and b > c: [x]", "<b>bold</b> <strong>", "f(x)\n\treturn [1, 2]",
                                  "\u0639\u200c\u0631", "na\u00efve caf\u00e9 \U0001f980", "a <= b"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


def test_line_ends_are_newlines() -> None:
    assert plain("a\r\nb\rc\u2028d") == "a\nb\nc\nd"


@given(text=st.text(max_size=40), most=st.integers(2, 30))
def test_of_a_long_text_both_ends_are_kept(text: str, most: int) -> None:
    kept = shortened(text, most)
    if len(text) <= most:
        assert kept == text
    else:
        head, tail = kept.split("\n[...]\n", 1) if "[...]" not in text else (text[: most - most // 2], "")
        assert text.startswith(head) and len(head) == most - most // 2
        assert not tail or (text.endswith(tail) and len(tail) == most // 2)


def test_it_is_said_how_much_is_left_out() -> None:
    _, blocks = fenced([("answer", "x" * 100_000)], 1000)
    assert "answer begins; 99000 characters of its middle are left out]" in blocks
    assert len(blocks) < 1200


def test_a_name_that_a_text_holds_is_not_taken() -> None:
    """A text of hexadecimal digits that happens to hold the name that it would have been given."""
    def holding_its_name() -> str:
        for seed in range(10_000):
            text = random.Random(seed).randbytes(60_000).hex()
            if unused_name([text]) != _first_name(text):
                return text
        raise AssertionError("no such text among ten thousand")

    text = holding_its_name()
    assert _first_name(text) in text and unused_name([text]) not in text


def _first_name(text: str) -> str:
    return hashlib.blake2b(f"0\0{text}".encode(), digest_size=3).hexdigest()
