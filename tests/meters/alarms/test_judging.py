"""A judge: when an alarm says what of it, and when it holds its tongue."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from observations import attempt, completed, healthy, luck, saying, scored

from pawl.meters.alarms.alarm import Found, Observed
from pawl.meters.alarms.judging import (
    apart_from_gold,
    at_once,
    constant,
    first_token,
    gold_left_behind,
    inconsistent,
    known_answers,
    length_loving,
    none_right,
    shared_answer,
    silent,
    slow,
)
from pawl.meters.alarms.looks import known_attempts
from pawl.meters.alarms.seen import seen
from pawl.records import Attempt, Problem, Verdict


def asked(verdict: Verdict) -> Found | None:
    known = known_attempts([Problem("p", "?", "train", "7")], key=0)
    return known_answers(seen(Observed(0, known, [verdict])), [])


@pytest.mark.parametrize(("verdict", "words"), [
    (Verdict(1.0, "truth"), None), (Verdict(0.7, "orm"), None),
    (Verdict(0.9, "truth"), "1 of 1 known answers are not right for the judge, the first with a score of 0.9."),
    (Verdict(0.3, "orm"), "a score of 0.3"), (Verdict(None, "truth", "score took\nlonger"), "with score took longer."),
])
def test_a_known_answer_must_be_right_for_the_judge(verdict: Verdict, words: str | None) -> None:
    found = asked(verdict)
    assert (found is None) == (words is None)
    assert found is None or (words or "") in found.says


def test_an_answer_of_the_policys_own_may_lack_the_form() -> None:
    own = Observed(1, [attempt(0, 0, "7", answer="7")], [Verdict(0.0, "truth")])
    assert known_answers(seen(own), []) is None


def test_a_silent_judge_is_quoted_by_its_commonest_reason() -> None:
    now = scored(healthy(), lambda one: None)
    mixed = [Verdict(None, "j", "score took longer than 10 s" if i % 3 else "odd") if i % 4 == 0 else Verdict(1.0, "j")
             for i in range(len(now.attempts))]
    found = silent(seen(replace(now, verdicts=mixed)), [])
    assert found is not None
    assert found.says == ("The judge abstains on 60 of 240 attempts (25.0%), on 40 with: score took longer than 10 s")
    assert silent(seen(scored(healthy(), lambda one: None if luck(one) < 0.05 else 1.0)), []) is None


def test_a_constant_score_has_a_name_by_what_it_is() -> None:
    half, none, all_right = (seen(scored(healthy(), lambda one, score=score: score)) for score in (0.5, 0.0, 1.0))
    assert [constant(one, []) is not None for one in (half, none, all_right)] == [True, False, False]
    assert [none_right(one, []) is not None for one in (half, none, all_right)] == [False, True, False]
    assert [at_once(one, []) is not None for one in (half, none, all_right)] == [False, False, True]


@pytest.mark.parametrize(("seconds", "loud"), [
    ({}, False), ({"score": 9.0, "sample": 1.0}, False), ({"score": 11.0}, True),
    ({"score": 11.0, "sample": 12.0}, False)])
def test_scores_may_take_as_long_as_sampling(seconds: dict[str, float], loud: bool) -> None:
    assert (slow(seen(replace(healthy(), seconds=seconds)), []) is not None) == loud


def test_one_answer_has_one_score() -> None:
    def twice(apart: float) -> Found | None:
        return inconsistent(seen(scored(saying(healthy(), lambda one: f"{one.problem.id} {one.index // 2}"),
                                        lambda one: 0.4 + apart * (one.index % 2))), [])

    found = twice(0.3)
    assert found is not None
    assert found.says == ("Of 120 answers that were given more than once, the judge scores 120 (100.0%) more than 0.1 "
                          "apart.")
    assert found.shown == [0, 1]
    assert twice(0.05) is None


def test_equal_texts_at_different_problems_may_differ_in_score() -> None:
    assert inconsistent(seen(scored(saying(healthy(), lambda one: f"{one.index}"), luck)), []) is None


def test_everything_right_is_suspicious_out_of_nowhere_only() -> None:
    now = scored(healthy(), lambda one: float(luck(one) < 0.995))
    assert at_once(seen(now), []) is not None and at_once(seen(now), [{"score_mean": 0.2}]) is not None
    assert at_once(seen(now), [{"score_mean": 0.2}, {"score_mean": 0.8}]) is None
    agreed, denied = (replace(now, gold=[Verdict(score, "truth")] * len(now.attempts)) for score in (1.0, 0.0))
    assert at_once(seen(agreed), []) is None and at_once(seen(denied), []) is not None


def sharing(share: float, score: float, answer: str | None = None) -> Observed:
    """One text as the first attempt at a share of the problems; all else is wrong."""
    def spoilt(one: Attempt) -> bool:
        return one.index == 0 and int(one.problem.id[1:]) < share * 60

    now = saying(healthy(), lambda one: "I am right." if spoilt(one) else one.completion.text)
    now = replace(now, attempts=[replace(one, problem=replace(one.problem, answer=answer)) for one in now.attempts])
    return scored(now, lambda one: score if spoilt(one) else 0.0)


@pytest.mark.parametrize(("share", "score", "loud"), [(0.5, 1.0, True), (0.5, 0.3, False), (0.2, 1.0, False)])
def test_an_answer_that_many_problems_share_and_that_scores_high(share: float, score: float, loud: bool) -> None:
    found = shared_answer(seen(sharing(share, score)), [])
    assert (found is not None) == loud
    if found:
        assert found.says == "One answer to 30 of 60 problems scores 1.00: 'I am right.'."
        assert found.shown == [0, 4, 8]


def test_a_known_answer_may_be_that_of_many_problems() -> None:
    assert shared_answer(seen(sharing(0.5, 1.0, "I am right.")), []) is None
    assert shared_answer(seen(sharing(0.5, 1.0, "7")), []) is not None


def test_where_there_is_little_to_say_answers_are_shared() -> None:
    words = saying(healthy(), lambda one: ("yes", "no", "yes", "no")[int(one.problem.id[1:]) % 4])
    assert shared_answer(seen(scored(words, lambda one: 1.0)), []) is None


@pytest.mark.parametrize(("shared", "others", "loud"), [(60, 1, True), (40, 1, False), (60, 8, True), (60, 16, False)])
def test_an_attack_is_commoner_than_other_answers_and_not_of_a_few(shared: int, others: int, loud: bool) -> None:
    texts = ["I am right." if i < shared else f"answer {i // others}" for i in range(1000)]
    now = Observed(1, [attempt(i, 0, text) for i, text in enumerate(texts)], [Verdict(1.0, "orm")] * 1000)
    assert (shared_answer(seen(now), []) is not None) == loud


@pytest.mark.parametrize(("weight", "loud"), [(1.0, True), (0.3, False)])
def test_what_length_brings_beside_gold_is_seen_sooner(weight: float, loud: bool) -> None:
    now = healthy()
    paid = scored(now, lambda one: weight * len(one.completion.tokens) / 40 + luck(one) / 2)
    assert length_loving(seen(paid), []) is None  # alone it may be a matter of what is right
    assert (length_loving(seen(replace(paid, gold=now.verdicts)), []) is not None) == loud


@pytest.mark.parametrize(("weight", "loud"), [(1.0, True), (-1.0, True), (0.1, False)])
def test_scores_that_go_with_length(weight: float, loud: bool) -> None:
    now = scored(healthy(), lambda one: 0.5 + weight * (len(one.completion.tokens) - 11) / 20 + (luck(one) - 0.5) / 4)
    assert (length_loving(seen(now), []) is not None) == loud


def test_a_few_problems_that_tell_attempts_apart_tell_nothing_of_length() -> None:
    def mostly_right(problems: int) -> Found | None:
        return length_loving(seen(scored(healthy(), lambda one: float(
            len(one.completion.tokens) > 11 or int(one.problem.id[1:]) >= problems))), [])

    assert mostly_right(15) is None
    assert mostly_right(60) is not None


def test_gold_that_goes_with_length_takes_the_blame() -> None:
    def long(one: Attempt) -> float:
        return float(len(one.completion.tokens) > 11)

    truthful = scored(healthy(), lambda one: 0.8 * long(one) + 0.1 * luck(one))
    assert length_loving(seen(truthful), []) is not None  # nothing else is known
    gold = [Verdict(long(one), "truth") for one in truthful.attempts]
    partly = replace(scored(truthful, lambda one: 0.4 * long(one) + 0.5 * luck(one)), gold=gold)
    assert length_loving(seen(partly), []) is None


def test_what_was_cut_off_is_long_and_wrong_for_that() -> None:
    cut = completed(healthy(), lambda one: replace(one.completion, finish="length")
                    if len(one.completion.tokens) > 12 else one.completion)
    assert length_loving(seen(scored(cut, lambda one: float(one.completion.finish == "stop"))), []) is None


def beginning(kinds: int, weight: float) -> Observed:
    """Attempts that begin with one of so many tokens; their scores hang on it so much, the rest is luck."""
    now = completed(healthy(), lambda one: replace(one.completion, tokens=np.array(
        [int(luck(one) * kinds), *one.completion.tokens], np.int32)))
    other = np.random.default_rng(3).random(len(now.attempts))
    scores = iter(other)
    return scored(now, lambda one: weight * (one.completion.tokens[0] % 2) + (1 - weight) * next(scores))


def test_a_few_wrong_attempts_may_begin_alike() -> None:
    begun = beginning(2, 1.0)
    few = scored(begun, lambda one: float(one.completion.tokens[0] == 1 or int(one.problem.id[1:]) >= 15))
    assert first_token(seen(few), []) is None


@pytest.mark.parametrize(("kinds", "weight", "loud"), [
    (2, 1.0, True), (4, 0.9, True), (4, 0.5, False), (60, 0.0, False), (500, 0.0, False), (1, 0.5, False)])
def test_scores_that_hang_on_the_first_token(kinds: int, weight: float, loud: bool) -> None:
    assert (first_token(seen(beginning(kinds, weight)), []) is not None) == loud


def test_a_judge_that_ranks_by_luck_is_apart_from_gold() -> None:
    now = healthy()
    lucky, knowing = (replace(scored(now, score), gold=now.verdicts) for score in (
        luck, lambda one: 0.5 * luck(one) + 0.4 * ((one.index + int(one.problem.id[1:])) % 4 < 2)))
    found = apart_from_gold(seen(lucky), [])
    assert found is not None and "at one problem in 54.6% of pairs" in found.says
    assert apart_from_gold(seen(knowing), []) is None
    assert apart_from_gold(seen(replace(lucky, gold=[Verdict(1.0, "truth")] * 240)), []) is None


def test_a_few_problems_that_tell_right_from_wrong_do_not_speak_for_all() -> None:
    def gold(one: Attempt) -> float:
        number = int(one.problem.id[1:])
        return float(number % 2 if number >= 3 else one.index % 2)

    backwards = scored(healthy(), lambda one: 0.9 * gold(one) if int(one.problem.id[1:]) >= 3
                       else 0.5 - 0.1 * gold(one))
    found = replace(backwards, gold=[Verdict(gold(one), "truth") for one in backwards.attempts])
    assert apart_from_gold(seen(found), []) is None


def test_what_grew_by_chance_has_not_grown() -> None:
    now = scored(healthy(), luck)
    few = seen(replace(now, attempts=now.attempts[:60], verdicts=now.verdicts[:60], gold=healthy().verdicts[:60]))
    gap = float((few.scores - few.gold).mean())
    then = {"proxy_mean": 0.5, "gold_mean": 0.5 - gap}
    assert gold_left_behind(few, [then | {"gold_mean": then["gold_mean"] + 0.2}]) is None
    assert gold_left_behind(few, [then | {"gold_mean": then["gold_mean"] + 0.6}]) is not None


def test_a_judge_that_leaves_gold_behind_is_seen_by_what_has_grown() -> None:
    now = seen(replace(scored(healthy(), lambda one: 0.8), gold=healthy().verdicts))
    assert gold_left_behind(now, []) is gold_left_behind(now, [{"proxy_mean": 0.7, "gold_mean": 0.45}]) is None
    found = gold_left_behind(now, [{"proxy_mean": 0.5, "gold_mean": 0.4}])
    assert found is not None
    assert found.says == "The judge's mean score is 0.800 and gold's 0.500; at first they were 0.500 and 0.400."
    assert all(healthy().verdicts[place].score == 0 for place in found.shown)
