"""What is kept of a stream: the same however it is cut, by hand, and bounded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import pawl.audit.sketch
from pawl.audit.reading import Documents, Text
from pawl.audit.seen import Seen
from pawl.audit.sketch import Sketch, sketch, together, wholes_of
from pawl.audit.words import words_of

Written = Callable[..., Path]


def sketched(*texts: str) -> Sketch:
    found = Sketch(Seen(1 << 20))
    found.add([Text(text, f"line {number}") for number, text in enumerate(texts, 1)])
    return found


def test_documents_that_came_before_are_counted_by_hand() -> None:
    long = "the cat sat on the mat and looked at the dog that lay by the fire and slept all day long without a sound"
    found = sketched("Yes, please.", "no", "yes,  PLEASE .", "no", "no", "never", long, long + " again")
    assert (found.documents, found.asked, found.equal, found.alike) == (8, 8, 3, 1)
    assert found.often.most(1)[0][1] == 3
    assert [passage.place for passage in found.first_alike] == ["line 8"]
    assert {passage.text for passage in found.first_equal.values()} == {"yes,  PLEASE .", "no"}


def test_a_whole_is_all_words_in_their_order() -> None:
    wholes = wholes_of(words_of([b"a b", b"b a", b"a  b", b"a", b"a b a", b"A B"]))
    assert wholes[0] == wholes[2] == wholes[5]
    assert len(set(wholes.tolist())) == 4


@pytest.mark.parametrize("size", [1, 300, 10_000])
def test_reading_in_parts_is_reading_at_once(size: int, world: list[str], written: Written) -> None:
    path = written("data", [*world[:800], *world[:90]], split=["train"] * 700 + ["test"] * 190, label=["x", "y"] * 445)
    whole, parts = sketch(Documents(path), size=1 << 30), sketch(Documents(path), size=size)
    assert parts.sample == whole.sample
    for name in ("documents", "words", "characters", "asked", "equal", "alike", "first_alike", "first_equal", "splits"):
        assert getattr(parts, name) == getattr(whole, name), name
    assert whole.equal >= 90
    assert parts.often.most(20) == whole.often.most(20)
    assert (parts.overlaps.hashes == whole.overlaps.hashes).all() and (parts.overlaps.rows == whole.overlaps.rows).all()


def test_long_documents_are_several_passages(written: Written) -> None:
    found = sketch(Documents(written("data", ["word " * 1000, "short"])))
    assert sorted(len(passage.text) for passage in found.sample) == [5, 1000, 2000, 2000]


def test_as_many_passages_are_kept_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pawl.audit.sketch, "PASSAGES", 50)
    found = sketched()
    for part in together((Text(str(number), "") for number in range(3000)), 500):
        found.add(part)
        assert len(found.texts) <= 50
    kept = [int(passage.text) for passage in found.sample]
    assert 10 <= len(set(kept)) == len(kept) and np.mean(kept) == pytest.approx(1500, abs=500)


def test_duplicates_are_counted_until_memory_is_full() -> None:
    found = Sketch(Seen(1))
    for start in range(0, 4000, 100):
        found.add([Text(f"number {number}", "") for number in range(start, start + 100)])
    assert 0 < found.asked < found.documents == 4000
