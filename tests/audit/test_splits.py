"""What a split shares with the largest one, by hand."""

from __future__ import annotations

import pytest

from pawl.audit.reading import Text
from pawl.audit.seen import Seen
from pawl.audit.sketch import OVERLAP, Sketch
from pawl.audit.splits import overlaps


def words(first: int, count: int) -> str:
    return " ".join(f"w{number}" for number in range(first, first + count))


def sketched(*texts: Text) -> Sketch:
    found = Sketch(Seen(1 << 16))
    for text in texts:
        found.add([text])
    return found


def test_the_share_of_a_splits_runs_that_the_largest_has() -> None:
    found = overlaps(sketched(Text(words(0, 100), "", split="train"), Text(words(200, 50), "", split="train"),
                              Text(words(50, 100), "", split="test"), Text(words(500, 60), "", split="dev")))
    assert [(each.split, each.largest) for each in found] == [("test", "train"), ("dev", "train")]
    shared = 50 - OVERLAP + 1
    assert found[0].share == pytest.approx(shared / (100 - OVERLAP + 1))
    assert found[1].share == 0


def test_one_split_or_none_has_nothing_to_share() -> None:
    assert overlaps(sketched(Text(words(0, 50), ""))) == []
    assert overlaps(sketched(Text(words(0, 50), "", split="train"), Text(words(0, 50), ""))) == []
