"""Real documents beside stories of the same language, and how often a story says the same word."""

from __future__ import annotations

import numpy as np
import pytest

from pawl.claims import alignment_tax
from pawl.claims.alignment_tax import begun, documents, repeated
from pawl.tasks.stories import Stories
from pawl.tasks.world_documents import SHARES


def test_a_document_is_its_two_parts() -> None:
    one = begun("the cat sees some dogs .")
    assert (one.prompt, one.completion) == ("the cat sees", " some dogs .")


def test_documents_that_are_held_out_are_of_the_world_and_were_not_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment_tax, "BASE_STEPS", 30)
    learnt, held_out = documents(3)
    assert len(learnt) == 30 * alignment_tax.BATCH and not set(learnt) & set(held_out)
    assert len(held_out) == len(set(held_out)) > alignment_tax.HELD_OUT
    told = np.mean(list(map(Stories(nouns=alignment_tax.NOUNS).grammatical, learnt)))
    assert told == pytest.approx(SHARES["story"], abs=0.04), "the same language"


def test_words_that_were_said_before_are_counted_story_by_story() -> None:
    stories = [["a", "b", "a", "a", "c"], ["a"], [], ["a", "b", "c"], ["b"] * 4]
    before = [[word in story[:place] for place, word in enumerate(story)] for story in stories if story]
    assert repeated(stories) == pytest.approx(np.mean([np.mean(one) for one in before]))
    assert repeated([["b"] * 4]) == 0.75
