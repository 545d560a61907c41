"""Stories and the reader whose taste is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.records import SPLITS
from pawl.tasks.stories import Stories
from pawl.testing import check_task

TASK = Stories()


def test_it_keeps_a_tasks_promises() -> None:
    check_task(Stories())


def test_every_document_is_grammatical_and_few_words_come_again() -> None:
    documents = TASK.documents(300, 1)
    assert all(map(TASK.grammatical, documents))
    scores = [1 / (1 + math.exp(-TASK.liking(document))) for document in documents]
    assert 0.3 < np.mean(scores) < 0.6 and np.std(scores) > 0.15


def test_a_reader_likes_charm_once_and_tires_of_words_that_come_again() -> None:
    once = TASK.liking("the dedrats baim .")
    assert once == pytest.approx(TASK.charm("dedrats") + TASK.charm("baim"))
    assert TASK.liking("the dedrats baim . the dedrats baim .") == pytest.approx(once - 2)


def test_what_is_not_grammatical_is_liked_less() -> None:
    assert TASK.liking("dedrats the baim .") == pytest.approx(TASK.liking("the dedrats baim .") - 1)


def test_the_score_is_the_sigmoid_of_the_whole_storys_liking() -> None:
    [problem] = TASK.problems("test", 1, 0)
    assert TASK.score(problem, "baim .") == pytest.approx(1 / (1 + math.exp(-TASK.liking(f"{problem.prompt} baim ."))))


def test_readers_differ_and_a_reader_keeps_its_taste() -> None:
    assert Stories(reader=1).charm("dedrats") != Stories().charm("dedrats") == TASK.charm("dedrats")


def test_no_beginning_is_in_two_splits_and_none_of_gate_and_test_is_in_the_corpus() -> None:
    splits = [{problem.prompt for problem in TASK.problems(split, 10**6, 0)} for split in SPLITS]
    assert all(len(split) > 100 for split in splits)
    assert not splits[0] & splits[1] and not splits[1] & splits[2] and not splits[0] & splits[2]
    told = {demonstration.prompt for demonstration in TASK.corpus(2000, 3)}
    assert not told & (splits[1] | splits[2])


@given(st.text(max_size=300))
def test_odd_text_has_a_score(text: str) -> None:
    assert 0 <= TASK.score(TASK.problems("train", 1, 0)[0], text) <= 1
