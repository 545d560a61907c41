"""What a listener hears of stages and of tokens, and that nobody else does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import NoReturn

import pytest
import torch

from pawl.stages import Work, count, listening, stage


class Ear:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def enter(self, stage: str) -> None:
        self.heard.append(stage)

    def leave(self) -> None:
        self.heard.append("left")

    def count(self, work: Work) -> None:
        self.heard.append(work)


@pytest.fixture
def ear() -> Ear:
    return Ear()


def parameters() -> Iterator[tuple[str, torch.Tensor]]:
    yield "weight", torch.zeros(3, 4)
    yield "bias", torch.zeros(3)


def test_stages_are_entered_and_left_as_they_nest(ear: Ear) -> None:
    with listening(ear), stage("train"), stage("ledger"):
        ear.heard.append("work")
    assert ear.heard == ["train", "ledger", "work", "left", "left"]


def test_a_stage_that_raises_is_left(ear: Ear) -> None:
    with listening(ear), pytest.raises(ZeroDivisionError), stage("train"):
        _ = 1 / 0
    assert ear.heard == ["train", "left"]


def test_tokens_are_told_with_the_size_of_their_network(ear: Ear) -> None:
    with listening(ear):
        count(parameters, sampled=5, read=2)
        count(parameters, learnt=7)
    assert ear.heard == [Work(15, sampled=5, read=2), Work(15, learnt=7)]


def test_nothing_is_added_up_when_nobody_listens(ear: Ear) -> None:
    def counted() -> NoReturn:
        raise AssertionError("nobody listens")

    with listening(ear):
        pass
    with stage("train"):
        count(counted, read=1)
    assert ear.heard == []


def test_another_thread_is_not_heard(ear: Ear) -> None:
    def work() -> None:
        with stage("train"):
            count(parameters, read=1)

    with listening(ear):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert ear.heard == []
