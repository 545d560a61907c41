"""How models write: by a policy whose words are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pawl.recipes.written import Manner, Scribe, Writing
from pawl.testing import END, ScriptedPolicy

PLAIN = Manner(longest=12)
POLICY = ScriptedPolicy({}, default=["ab", "ab", "ab", "cde"])
"""Three times in four it writes ab."""


def writing(manner: Manner, policy: ScriptedPolicy = POLICY, **known: object) -> Writing:
    return Writing(policy, Scribe(policy), manner, **known)  # type: ignore[arg-type]


def test_a_document_begins_with_what_begins_every_one_and_has_its_end() -> None:
    scribe = Scribe(POLICY)
    real = scribe.real(["hello"], 12)[0]
    assert real.tokens.tolist() == [END, *b"hello", END] and real.begin == 1
    example = scribe.example(real, "real")
    assert example.weights.tolist() == [0, 1, 1, 1, 1, 1, 1] and example.source == "real"
    assert scribe.real(["hello there, all of you"], 12)[0].tokens.tolist() == [END, *b"hello there"]


def test_as_many_documents_as_asked_for_and_the_same_for_a_key() -> None:
    write = writing(PLAIN)
    written = write(40, 1)
    assert {document.text for document in written} == {"ab", "cde"} and len(written) == 40
    assert [one.text for one in written] == [one.text for one in write(40, 1)] != [one.text for one in write(40, 2)]
    one = next(document for document in written if document.text == "ab")
    assert one.tokens.tolist() == [END, *b"ab", END]
    assert one.logprobs[0] == pytest.approx(np.log(0.75), abs=1e-6) and one.logprobs[1:].tolist() == [0, 0]


def test_only_what_its_writer_holds_likely_is_kept_under_a_bias() -> None:
    assert {one.text for one in writing(replace(PLAIN, bias=0.5))(40, 1)} == {"ab"}


def test_a_verifier_keeps_as_much_as_its_rates_say() -> None:
    perfect = writing(replace(PLAIN, keep_false=0.0), true="cde".__eq__)
    assert {one.text for one in perfect(30, 1)} == {"cde"}
    lax = writing(replace(PLAIN, keep_true=0.5, keep_false=1.0), true="ab".__eq__)(400, 1)
    share = sum(one.text == "ab" for one in lax) / 400
    assert share == pytest.approx(0.375 / 0.625, abs=0.08)
    nothing = writing(replace(PLAIN, keep_false=0.0), true="never".__eq__)
    assert nothing(5, 1) == []


def test_a_prompted_document_goes_on_from_real_words() -> None:
    longer = Manner(longest=40, prompted=0.5)
    written = writing(longer, real=["the dog sees a cat"])(60, 0)
    prompted = [one for one in written if one.text.startswith("the dog sees")]
    assert 15 < len(prompted) < 45 and {one.text for one in written} >= {"ab", "cde"}
    assert {one.begin for one in prompted} == {1 + len("the dog sees")}
    assert all(len(one.logprobs) == len(one.tokens) - one.begin for one in written)


def test_a_revision_is_kept_only_where_it_is_likelier() -> None:
    plain, revised = (writing(replace(PLAIN, revisions=count))(200, 3) for count in (0, 2))
    shares = [sum(one.text == "ab" for one in written) / 200 for written in (plain, revised)]
    assert shares[1] > shares[0] + 0.1
    assert all(one.begin == 1 and len(one.logprobs) == len(one.tokens) - 1 for one in revised)

