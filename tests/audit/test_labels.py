"""Labels that were changed are found; those of classes that words do not tell are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from pawl.audit.labels import labels_of
from pawl.audit.sketch import Passage


def topics(count: int, seed: int = 0, share: float = 0.5) -> list[Passage]:
    random = np.random.default_rng(seed)
    words = {"sea": ["wave", "boat", "fish", "salt", "sail", "tide"], "law": ["court", "judge", "act", "oath", "fine"]}
    found = []
    for number in range(count):
        topic = "sea" if random.random() < share else "law"
        found.append(Passage(" ".join(random.choice(words[topic], size=8)), f"line {number + 1}", topic))
    return found


def test_labels_that_were_turned_are_found() -> None:
    sample = topics(600)
    turned = {place: each._replace(label="law" if each.label == "sea" else "sea")
              for place, each in enumerate(sample) if place % 10 == 0}
    found = labels_of([turned.get(place, each) for place, each in enumerate(sample)])
    assert found is not None
    assert (found.labelled, found.classes) == (600, 2)
    assert found.share == pytest.approx(0.1, abs=0.02)
    assert {passage.place for passage, _ in found.examples} <= {each.place for each in turned.values()}
    assert all(other != passage.label for passage, other in found.examples)


def test_right_labels_are_not_doubted() -> None:
    found = labels_of(topics(600, share=0.05))
    assert found is not None and found.share < 0.01


def test_labels_that_words_do_not_tell_are_not_doubted() -> None:
    random = np.random.default_rng(3)
    found = labels_of([each._replace(label=str(random.integers(2))) for each in topics(1000)])
    assert found is not None and found.share < 0.02


def test_equal_documents_with_other_labels_conflict() -> None:
    sample = [Passage(f"document number {place // 2}", "", "a" if place % 4 else "b") for place in range(200)]
    found = labels_of(sample)
    assert found is not None and found.conflicting == 100


def test_few_labels_one_label_or_a_label_for_each_are_none() -> None:
    assert labels_of(topics(50)) is None
    assert labels_of([each._replace(label="sea") for each in topics(300)]) is None
    assert labels_of([each._replace(label=each.place) for each in topics(300)]) is None
    assert labels_of([each._replace(label=None) for each in topics(300)]) is None
