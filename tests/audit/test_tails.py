"""What was taken out of a set is found, and of halves nothing is."""

from __future__ import annotations

import numpy as np
import pytest
from tests.audit.conftest import passages

from pawl.audit.blocks import blocks_of
from pawl.audit.tails import clusters, tails


def test_halves_of_a_set_lack_nothing(world: list[str]) -> None:
    blocks = blocks_of(passages(world[:2000]), passages(world[2000:]))
    assert blocks is not None
    found = tails(blocks)
    assert {tail.kind for tail in found} >= {"words", "runs of 3 words"}
    for tail in found:
        assert tail.share < 0.01
        assert [often for often, _, _ in tail.kept] == sorted(often for often, _, _ in tail.kept)
        assert np.mean([mine - theirs for _, theirs, mine in tail.kept]) == pytest.approx(0, abs=0.05)
    assert clusters(blocks) == []


def test_a_word_that_was_taken_out_is_found(world: list[str]) -> None:
    words = " ".join(world).split()
    gone = next(word for word in words if word.isalpha() and len(word) > 4 and words.count(word) > 80)
    data = [" ".join(word for word in text.split(" ") if word.strip(".,?!") != gone) for text in world[:2000]]
    blocks = blocks_of(passages(data), passages(world[2000:]))
    assert blocks is not None
    [tail] = [tail for tail in tails(blocks) if tail.kind == "words"]
    assert gone in [lost.text.lower() for lost in tail.examples]
    assert tail.lost <= 2


def test_a_kind_of_passage_that_is_missing_is_found() -> None:
    random = np.random.default_rng(1)
    verses = [" ".join(random.choice(["rose", "moon", "night", "sea", "song", "star"], size=12)) for _ in range(1200)]
    bills = [" ".join(random.choice(["sum", "due", "net", "tax", "paid", "item"], size=12)) for _ in range(1200)]
    blocks = blocks_of(passages(verses), passages([*verses[:600], *bills[:600]]))
    assert blocks is not None
    missing = clusters(blocks)
    assert missing and all("tax" in each.example.text or "sum" in each.example.text for each in missing)
    assert sum(each.expected for each in missing) == pytest.approx(0.5, abs=0.05)
    assert all(each.found == 0 for each in missing)
    lost = next(tail for tail in tails(blocks) if tail.kind == "words")
    assert {each.text for each in lost.examples} == {"sum", "due", "net", "tax", "paid", "item"}


def test_sentences_that_a_reference_repeats_are_facts_that_can_be_lost() -> None:
    random = np.random.default_rng(2)
    noise = [" ".join(random.choice(list("abcdefgh"), size=10)) + "." for _ in range(900)]
    facts = ["The mill stands by the river."] * 100
    blocks = blocks_of(passages(noise), passages([*noise, *facts]))
    assert blocks is not None
    [tail] = [tail for tail in tails(blocks) if tail.kind == "sentences"]
    assert [lost.text for lost in tail.examples] == ["the mill stands by the river ."]
