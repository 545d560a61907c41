"""Where the steps of an attempt end, in characters and in tokens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written import BYTES, PROBLEM, Length, attempt

from pawl.judges import prefixes
from pawl.judges.prefixes import step_ends, step_prefixes, values
from pawl.models.policy import TransformerPolicy
from pawl.models.tokenizer import train_tokenizer
from pawl.records import Attempt, Completion, Cost, Demonstration
from pawl.testing import END


@given(st.text(alphabet="ab\n", max_size=20))
def test_a_step_ends_behind_its_line_and_blank_lines_are_none(text: str) -> None:
    ends = step_ends(text, "\n")
    pieces = [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert "".join(pieces) == (text if ends else "")
    assert [piece.strip("\n") for piece in pieces] == [line for line in text.split("\n") if line]
    assert all(not following.startswith("\n") for following in pieces[1:])


def test_a_delimiter_may_be_any_text() -> None:
    assert step_ends("a. b. c", ". ") == [3, 6, 7]
    assert step_ends("a.b", "..") == [3]


def test_the_prefixes_of_an_attempt_are_the_prompt_and_ever_more_lines() -> None:
    (found,) = step_prefixes(BYTES, [attempt("7*3=21\n21-7=14")])
    assert [prefix.text for prefix in found] == ["7*3=21\n", "7*3=21\n21-7=14"]
    assert bytes(found[0].tokens.tolist()) == b"7 3=21\n7*3=21\n"
    assert found[1].tokens.tolist() == [*b"7 3=21\n7*3=21\n21-7=14", END]
    assert [prefix.ended for prefix in found] == [False, True]


def test_an_attempt_that_was_cut_off_ends_without_the_end_token() -> None:
    (found,) = step_prefixes(BYTES, [attempt("7*3=21\n21-", finish="length")])
    assert bytes(found[-1].tokens.tolist()) == b"7 3=21\n7*3=21\n21-"
    assert not found[-1].ended


@pytest.mark.parametrize("nothing", [attempt(""), attempt("\n\n"), attempt("7*3=21", error="sample: no")])
def test_what_says_nothing_or_failed_has_no_prefix(nothing: Attempt) -> None:
    assert step_prefixes(BYTES, [nothing]) == [[]]


def test_prefixes_have_the_tokens_that_a_search_asks_about() -> None:
    """Pairs of bytes make tokens of several characters; a line's end is still the end of a token."""
    lines = "7*3=21\n21-7=14"
    tokenizer = train_tokenizer("bpe", [str(PROBLEM.prompt), lines] * 5, 300)
    policy = TransformerPolicy(None, tokenizer)  # type: ignore[arg-type]  # encodes alone
    prompt, completion = policy.encode_demonstration(Demonstration(PROBLEM.prompt, lines))
    written = Attempt(PROBLEM, 0, prompt, Completion(lines, completion, np.zeros(len(completion), np.float32), "stop"))
    assert len(completion) < len(lines)
    (inner, last), = step_prefixes(policy, [written])
    np.testing.assert_array_equal(inner.tokens, policy.encode(f"{PROBLEM.prompt}7*3=21\n"))
    np.testing.assert_array_equal(last.tokens, np.concatenate((prompt, completion)))
    assert last.tokens[: len(inner.tokens)].tolist() == inner.tokens.tolist() and last.ended


def test_equal_prefixes_are_asked_about_once_and_in_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefixes, "TOGETHER", 2)
    model, (a, b, c) = Length(), (np.arange(n, dtype=np.int32) for n in (1, 2, 3))
    found, costs = values(model, [[a, b], [], [b, a], [c]])
    assert costs == [Cost(len(a) + len(b), 0, 2), Cost(), Cost(len(a) + len(b), 0, 2), Cost(len(c), 0, 1)]
    assert [[round(float(value), 6) for value in group] for group in found] == [[0.01, 0.02], [], [0.02, 0.01], [0.03]]
    assert model.calls == [2, 1]
    assert values(model, [[], []])[0][1].shape == (0,) and model.calls == [2, 1]
