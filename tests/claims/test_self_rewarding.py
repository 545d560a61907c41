"""A policy that judges itself: who judges what, what is learnt in pairs, and what is read off its rounds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pawl.claims import self_rewarding
from pawl.claims.self_rewarding import Author, Reading, agreement, in_pairs, numbers
from pawl.judges.orm import OutcomeReward
from pawl.records import Attempt, TokenExample, Verdict


@pytest.fixture(scope="module")
def author() -> Author:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("STORIES", 640), ("COMPARISONS", 40), ("READ", 16), ("PROBLEMS", 40)):
            patch.setattr(self_rewarding, name, value)
        return Author(0)


def test_pairs_agree_where_both_put_them_in_the_same_order() -> None:
    own = np.array([1.0, 0.0, 0.0, 1.0, 2.0, 3.0, np.nan, 1.0])
    gold = np.array([5.0, 4.0, 5.0, 4.0, 1.0, 1.0, 0.0, 1.0])
    assert agreement(own, gold) == 0.5, "the third pair is alike to gold, of the fourth a score is missing"
    random = np.random.default_rng(0)
    own, gold = random.normal(size=40), random.normal(size=40)
    same = [(own[i] > own[i + 1]) == (gold[i] > gold[i + 1]) for i in range(0, 40, 2)]
    assert agreement(own, gold) == pytest.approx(np.mean(same)) and agreement(own, -own) == 0.0


def test_both_of_a_pair_are_learnt_side_by_side_and_as_often() -> None:
    lessons = [TokenExample(np.array([number]), np.ones(1, np.float32), 0, None, "self", "") for number in range(140)]
    batches = in_pairs(lessons, 2, key=0)
    assert [len(batch) for batch in batches] == [64] * 4, "six pairs are left over"
    numbers_of = [[int(one.tokens[0]) for one in batch] for batch in batches]
    assert all(better + 1 == worse and better % 2 == 0
               for batch in numbers_of for better, worse in zip(batch[0::2], batch[1::2], strict=True))
    assert set(Counter(numbers_of[0] + numbers_of[1]).values()) == {1}


@pytest.mark.parametrize("judge", ["own", "truth"])
def test_what_is_learnt_is_the_best_against_the_worst_by_who_judges(author: Author, judge: str,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[list[Attempt], list[Verdict]]] = []
    pairs = self_rewarding.better_and_worse
    monkeypatch.setattr(self_rewarding, "better_and_worse", lambda attempts, verdicts, **more: heard.append(
        (attempts, verdicts)) or pairs(attempts, verdicts, **more))
    monkeypatch.setattr(self_rewarding, "PROBLEMS", 64)
    author.improved(author.first, 1, judge)
    [(attempts, verdicts)] = heard
    own = [one.score for one in OutcomeReward(author.first)(attempts)]
    gold = [author.task.score(one.problem, one.completion.text) for one in attempts]
    assert [one.score for one in verdicts] == (own if judge == "own" else gold) and own != gold


def test_a_round_changes_a_copy_of_the_policy_and_with_it_the_judge(author: Author,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_rewarding, "PROBLEMS", 64)
    before = author.read(author.first)
    learnt = author.improved(author.first, 1, "own")
    assert author.read(author.first) == before
    first, then = (OutcomeReward(one)(author.firsts) for one in (author.first, learnt))
    assert [one.score for one in first] != [one.score for one in then]


def test_what_is_checked_is_of_the_second_round_and_the_last() -> None:
    def way(*golds: float, own: float) -> list[Reading]:
        return [Reading(own * place, gold, 0.7 - place / 10, 0.6, 2.0 - place / 4) for place, gold in enumerate(golds)]

    found = numbers({"own": way(0, 1, 2, 1.5, own=1.0), "truth": way(0, 1, 2, 7, own=-1.0)})
    assert found == pytest.approx({
        "pleased": 3, "rank": 1, "gold at first": 2, "gold then": -0.5, "gold of truth": 5, "entropy": 0.75,
        "entropy of truth": 0.75, "agrees at first": 0.7, "agrees at last": 0.4, "agreed": 0.0})
