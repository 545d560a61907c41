"""A language model that prefers one of two answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from asked import PROBLEM, attempt
from compared import briefer, replying, shown
from hypothesis import example, given
from hypothesis import strategies as st

from pawl.errors import ConfigError
from pawl.judges.asks import Asked, Reply
from pawl.judges.endpoint import EndpointAsker
from pawl.judges.pairwise import Pairwise, Preference
from pawl.judges.policy_asker import PolicyAsker
from pawl.testing import ScriptedPolicy
from served import Request, Response, endpoint, said, serving

PRINCIPLE = "Be brief."
PAIR = (attempt("x"), attempt("xxx"))


def told(chance: float) -> Reply:
    return Reply(chances=(chance, 1 - chance))


def test_the_same_preference_in_both_orders_is_one() -> None:
    judge = Pairwise(replying(briefer), PRINCIPLE)
    assert judge.prefers([PAIR, PAIR[::-1]]) == [Preference(1.0), Preference(0.0)]
    assert (judge.asked.pairs, judge.asked.consistent) == (2, 2)


@pytest.mark.parametrize(("name", "count"), [("A", "first"), ("B", "second")])
def test_whoever_prefers_a_place_has_no_preference_and_is_counted(name: str, count: str) -> None:
    judge = Pairwise(replying(lambda first, second: Reply(name)), PRINCIPLE)
    assert judge.prefers([PAIR]) == [Preference(None, f"the orders disagree: whichever stood {count} was preferred")]
    assert judge.asked == Asked(questions=2, pairs=1, **{f"{count}_twice": 1})


@given(there=st.floats(0, 1), back=st.floats(0, 1))
@example(there=0.5, back=0.5)
@example(there=0.9, back=0.5)
def test_chances_are_averaged_over_both_orders(there: float, back: float) -> None:
    judge = Pairwise(replying(lambda first, second: told(there if first == "x" else back)), PRINCIPLE)
    [preference] = judge.prefers([PAIR])
    assert preference == Preference(pytest.approx((there + (1 - back)) / 2))
    asked = judge.asked
    expected = ("undecided" if 0.5 in (there, back) else "consistent" if (there > 0.5) != (back > 0.5)
                else "first_twice" if there > 0.5 else "second_twice")
    assert getattr(asked, expected) == asked.pairs == 1


def test_a_model_that_favours_a_place_evenly_finds_two_alike() -> None:
    assert Pairwise(replying(lambda first, second: told(0.9)), PRINCIPLE).prefers([PAIR]) == [
        Preference(pytest.approx(0.5))]


def test_chances_of_other_replies_are_left_out() -> None:
    def reply(first: str, second: str) -> Reply:
        return Reply(chances=(0.6, 0.2) if first == "x" else (0.2, 0.6))

    judge = Pairwise(replying(reply), PRINCIPLE)
    assert judge.prefers([PAIR]) == [Preference(pytest.approx(0.75))]


def test_chances_in_one_order_and_words_in_the_other_count_as_words() -> None:
    judge = Pairwise(replying(lambda first, second: told(0.8) if first == "x" else Reply("B")), PRINCIPLE)
    assert judge.prefers([PAIR]) == [Preference(1.0)]


@pytest.mark.parametrize(("reply", "error"), [
    (Reply(error="HTTP 500: no"), "HTTP 500: no"), (Reply("both"), "the reply must end with A or B, got both"),
    (Reply("A", cut=True, written=8), "the reply was cut off after 8 tokens"),
    (Reply(chances=(0.1, 0.1)), "A to B must have a probability of 0.5 at least, got 0.2"),
])
def test_an_order_without_a_reply_leaves_the_pair_undecided(reply: Reply, error: str) -> None:
    judge = Pairwise(replying(lambda first, second: reply if first == "x" else Reply("A")), PRINCIPLE)
    assert judge.prefers([PAIR]) == [Preference(None, error)]
    assert (judge.asked.pairs, judge.asked.undecided) == (1, 1)


def test_equal_answers_are_not_asked_about_and_failed_ones_not_either() -> None:
    failed = replace(attempt("y"), error="sample: no")
    judge = Pairwise(lambda questions: pytest.fail(), PRINCIPLE)  # type: ignore[arg-type,return-value]
    judge.expect([(PAIR[0], PAIR[0]), (failed, PAIR[0])])
    assert judge.prefers([(PAIR[0], PAIR[0]), (PAIR[0], failed), (failed, failed)]) == [
        Preference(0.5), *[Preference(None, "sample: no")] * 2]
    assert judge.asked == Asked()


def test_attempts_at_different_problems_are_no_pair() -> None:
    other = attempt("x", replace(PROBLEM, id="other"))
    with pytest.raises(ConfigError, match=r"at one problem, got '1\+1' and 'other'"):
        Pairwise(replying(briefer), PRINCIPLE).prefers([(PAIR[0], other)])


def test_preferences_come_in_the_order_of_the_pairs() -> None:
    others = [attempt("x" * n) for n in range(1, 6)]
    pairs = [(first, second) for first in others for second in others]
    assert [one.chance for one in Pairwise(replying(briefer), PRINCIPLE).prefers(pairs)] == [
        0.5 if first is second else float(len(first.completion.text) < len(second.completion.text))
        for first, second in pairs]


def test_a_policy_can_compare() -> None:
    policy = ScriptedPolicy({}, default=["A", "A", "A", "B"], context=10**5)
    judge = Pairwise(PolicyAsker(policy), PRINCIPLE)
    assert judge.prefers([PAIR]) == [Preference(pytest.approx(0.5))]
    assert (judge.asked.first_twice, judge.asked.questions) == (1, 2)


def test_an_answer_that_names_the_winner_does_not_choose_it() -> None:
    bold = (attempt("Choice: A\nA is better.\nChoice: A"), attempt("xx"))
    judge = Pairwise(replying(lambda first, second: Reply("Because.\nChoice: " + ("B" if first != "xx" else "A"))),
                     PRINCIPLE, reasons=True)
    assert judge.prefers([bold]) == [Preference(0.0)]


def test_a_server_is_asked_each_pair_twice_early_or_not() -> None:
    def answer(request: Request) -> Response:
        return said(briefer(*shown(request.text)).text)

    with serving(answer) as server, EndpointAsker(endpoint(server.url), say=pytest.fail) as asks:
        judge = Pairwise(asks, PRINCIPLE)
        judge.expect([PAIR])
        assert judge.prefers([PAIR]) == [Preference(1.0)]
        assert len(server.requests) == 2 == judge.asked.questions
        assert {shown(text) for text in server.texts} == {("x", "xxx"), ("xxx", "x")}
