"""Attempts at a problem ranked among each other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from asked import PROBLEM, attempt
from compared import briefer, replying, shown
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from scipy.stats import kendalltau

from pawl.errors import ConfigError
from pawl.interfaces import Early
from pawl.judges.asks import Question, Reply
from pawl.judges.endpoint import EndpointAsker
from pawl.judges.pairwise import Pairwise
from pawl.judges.ranked import Ranked, around
from pawl.records import Problem, Verdict
from pawl.testing import check_judge
from served import Request, Response, endpoint, said, serving

OTHER = Problem("other", "2+2=", "train")


def ranked(reply: object = briefer, **more: object) -> Ranked:
    return Ranked(Pairwise(replying(reply), "Be brief."), **more)  # type: ignore[arg-type]


@given(st.permutations(range(1, 6)))
def test_better_answers_score_higher_and_equal_ones_alike(order: list[int]) -> None:
    attempts = [attempt("x" * n) for n in order]
    verdicts = ranked()([*attempts, *attempts])
    scores = [verdict.score for verdict in verdicts]
    assert scores[:5] == scores[5:] and None not in scores
    assert [n for _, n in sorted(zip(scores, order, strict=False), reverse=True)] == [1, 2, 3, 4, 5]
    assert sum(score for score in scores[:5] if score) == pytest.approx(2.5)


def test_of_two_the_better_has_the_odds_of_one_win_and_half_a_draw() -> None:
    """With one undecided comparison beside it, three to one; each is half of that, in log odds, from the middle."""
    first, second = ranked()([attempt("x"), attempt("xx")])
    assert first.score == pytest.approx(math.sqrt(3) / (1 + math.sqrt(3)))
    assert second.score == pytest.approx(1 / (1 + math.sqrt(3)))


def test_problems_are_ranked_apart() -> None:
    here, there = [attempt("x" * n) for n in (1, 2, 3)], [attempt("x" * n, OTHER) for n in (9, 8, 7)]
    mixed = [one for pair in zip(here, there, strict=True) for one in pair]
    verdicts = ranked()(mixed)
    assert verdicts[::2] == ranked()(here) and verdicts[1::2] == ranked()(there)
    assert verdicts[0].score == pytest.approx(verdicts[5].score)


def test_who_stands_alone_is_not_judged() -> None:
    failed = replace(attempt("y"), error="sample: no")
    verdicts = ranked()([attempt("x"), attempt("x"), attempt("z", OTHER), failed])
    alone = Verdict(None, "ranked", "nothing to compare it with")
    assert verdicts == [alone, alone, alone, Verdict(None, "ranked", "sample: no")]


def test_what_no_comparison_decides_is_not_judged_and_says_why() -> None:
    def reply(first: str, second: str) -> Reply:
        return Reply(error="HTTP 500: no") if "bad" in (first, second) else briefer(first, second)

    verdicts = ranked(reply)([attempt("x"), attempt("bad"), attempt("xx")])
    assert verdicts[1] == Verdict(
        None, "ranked", "no comparison connects it with most other answers: HTTP 500: no")
    assert verdicts[0].score == ranked()([attempt("x"), attempt("xx")])[0].score


def test_an_endpoint_that_is_down_leaves_all_of_them_without_a_score() -> None:
    verdicts = ranked(lambda first, second: Reply(error="down"))([attempt(text) for text in "abc"])
    assert verdicts == [Verdict(None, "ranked", "no comparison connects it with most other answers: down")] * 3


def test_two_groups_that_nothing_connects_are_not_measured_by_one_another() -> None:
    """Each is ranked in itself; only the larger has scores."""
    def apart(first: str, second: str) -> Reply:
        return briefer(first, second) if first[0] == second[0] else Reply(error="down")

    verdicts = ranked(apart)([attempt(text) for text in ("x", "yyy", "xx", "y", "yy")])
    assert [verdict.score is None for verdict in verdicts] == [True, False, True, False, False]
    assert verdicts[3].score > 0.5 > verdicts[1].score  # type: ignore[operator]


def test_fewer_pairs_than_connect_all_leave_some_without_a_score() -> None:
    verdicts = ranked(most_pairs=1)([attempt(text) for text in ("x", "xx", "xxx")])
    assert [verdict.error for verdict in verdicts if verdict.score is None] == [
        "no comparison connects it with most other answers"]


def test_it_counts_circles() -> None:
    def rock_paper_scissors(first: str, second: str) -> Reply:
        return Reply("A" if (first, second) in {("r", "s"), ("s", "p"), ("p", "r")} else "B")

    judge = ranked(rock_paper_scissors)
    assert [verdict.score for verdict in judge([attempt(text) for text in "rps"])] == pytest.approx([0.5] * 3)
    judge([attempt(text) for text in ("r", "s")])
    asked = judge.asked
    assert (asked.triples, asked.cyclic, asked.pairs, asked.consistent) == (1, 1, 4, 4)


def test_it_keeps_the_contract_of_judges() -> None:
    assert check_judge(ranked(most_pairs=20)) == []


@pytest.mark.parametrize("most_pairs", [9, 20, 44])
def test_a_number_of_pairs_ranks_all_of_a_problem(most_pairs: int) -> None:
    judge = ranked(most_pairs=most_pairs)
    verdicts = judge([attempt("x" * n) for n in range(1, 11)])
    assert judge.asked.pairs == most_pairs
    assert None not in [verdict.score for verdict in verdicts]


def test_which_pairs_are_compared_has_nothing_to_do_with_the_order_of_attempts() -> None:
    """At each problem others of them, and the same ones each time."""
    def compared(problem: Problem) -> set[tuple[str, str]]:
        pairs: set[tuple[str, str]] = set()
        judge = ranked(lambda first, second: pairs.add((first, second)) or Reply("A"), most_pairs=9)
        judge([attempt("x" * n, problem) for n in range(1, 11)])
        return pairs

    assert compared(PROBLEM) == compared(PROBLEM) != compared(OTHER)


def test_half_of_the_pairs_tell_most_of_the_order() -> None:
    scores = [verdict.score for verdict in ranked(most_pairs=22)([attempt("x" * n) for n in range(1, 11)])]
    assert kendalltau(scores, range(10)).statistic < -0.8


@given(st.integers(2, 12), st.randoms())
def test_pairs_are_taken_around(count: int, luck: object) -> None:
    order = list(range(count))
    luck.shuffle(order)  # type: ignore[attr-defined]
    pairs = around(count, order)
    assert sorted(pairs) == list(combinations(range(count), 2))
    for most in range(count - 1, len(pairs) + 1):
        met = np.zeros((count, count))
        for i, j in pairs[:most]:
            met[i, j] = 1
        assert connected_components(met, directed=False)[0] == 1
    for turn in range(1, (count - 1) // 2 + 1):
        times = Counter(place for pair in pairs[: turn * count] for place in pair)
        assert set(times.values()) == {2 * turn}


def test_it_begins_early_only_with_pairs_that_will_be_compared_in_any_case() -> None:
    asked: list[Question] = []

    class Noting:
        def __call__(self, questions: Sequence[Question]) -> list[Reply]:
            return [briefer(*shown(str(one.prompt))) for one in questions]

        def expect(self, questions: Sequence[Question]) -> None:
            asked.extend(questions)

    attempts = [attempt(text) for text in ("x", "xx", "xxx")]
    all_pairs, some = (Ranked(Pairwise(Noting(), "Be brief."), most_pairs=most) for most in (None, 2))
    assert isinstance(all_pairs, Early)
    some.expect(attempts)
    assert asked == []
    all_pairs.expect([*attempts, replace(attempt("y"), error="sample: no")])
    assert len(asked) == 6


def test_a_server_is_asked_about_what_was_expected_once() -> None:
    def answer(request: Request) -> Response:
        return said(briefer(*shown(request.text)).text)

    attempts = [attempt("x" * n) for n in (3, 1, 2)]
    with serving(answer) as server, EndpointAsker(endpoint(server.url), say=pytest.fail) as asks:
        judge = Ranked(Pairwise(asks, "Be brief."))
        judge.expect(attempts[:2])
        judge.expect(attempts[2:])
        assert judge(attempts) == ranked()(attempts)
        assert len(server.requests) == 6


@pytest.mark.parametrize(("more", "words"), [
    ({"most_pairs": 0}, "most_pairs must be"), ({"prior": 0.0}, "prior must be"),
    ({"prior": math.nan}, "prior must be"), ({"prior": math.inf}, "prior must be"),
])
def test_its_settings_are_checked(more: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ranked(**more)


def test_scores_do_not_depend_on_other_problems() -> None:
    assert PROBLEM.id != OTHER.id
    attempts = [attempt("x" * n) for n in range(1, 9)]
    judge = ranked(most_pairs=10)
    assert judge([attempt("y", OTHER), *attempts, attempt("yy", OTHER)])[1:-1] == judge(attempts)
