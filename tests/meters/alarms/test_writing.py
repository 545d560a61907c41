"""What the policy writes: when an alarm says what, and when it holds its tongue."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from observations import completed, healthy, luck, measured, rewritten, saying, scored

from pawl.meters.alarms.alarm import Found, Observed
from pawl.meters.alarms.seen import seen
from pawl.meters.alarms.writing import (
    cut_off,
    entropy_collapse,
    entropy_explosion,
    failed,
    length_drift,
    loops,
    same_answer,
    variety,
)


def all_cut(now: Observed) -> Observed:
    return completed(now, lambda one: replace(one.completion, finish="length"))


def test_errors_of_failed_attempts_are_quoted() -> None:
    found = failed(seen(rewritten(healthy(), lambda one: replace(one, error="sample: \x1b[2Jno") if one.index == 1
                                  else one)), [])
    assert found is not None
    assert found.says == "60 of 240 attempts (25.0%) failed before they could be judged, the first with: sample:  [2Jno"
    assert found.shown == [1, 5, 9]


@pytest.mark.parametrize(("every", "attempts", "loud"), [
    (8, 240, True), (12, 240, False), (1, 40, False), (1, 60, True)])
def test_a_few_failures_are_an_accident(every: int, attempts: int, loud: bool) -> None:
    now = replace(healthy(), attempts=healthy().attempts[:attempts], verdicts=healthy().verdicts[:attempts])
    some = rewritten(now, lambda one: replace(one, error="no") if int(one.problem.id[1:]) % every == 0 else one)
    assert (failed(seen(some), []) is not None) == loud


def test_cut_off_answers_that_are_right_are_as_long_as_they_may_be() -> None:
    assert cut_off(seen(scored(all_cut(healthy()), lambda one: float(luck(one) < 0.7))), []) is None
    found = cut_off(seen(scored(all_cut(healthy()), lambda one: None)), [])
    assert found is not None and found.says.startswith("240 of 240 attempts (100.0%) were cut off, at 15 tokens")


def test_half_of_the_attempts_cut_off_is_a_hard_task() -> None:
    half = completed(healthy(), lambda one: replace(one.completion, finish="length" if one.index % 2 else "stop"))
    assert cut_off(seen(scored(half, lambda one: 0.0)), []) is None


def drift(then: float) -> Found | None:
    return length_drift(seen(healthy()), [{"length": then}])


def test_length_drift_is_a_factor_of_two_either_way() -> None:
    assert drift(11) is drift(6.5) is drift(20) is None
    assert drift(5.0) is not None and drift(30.0) is not None


def test_few_tokens_are_no_drift() -> None:
    short = completed(healthy(), lambda one: replace(one.completion, tokens=one.completion.tokens[:3]))
    assert length_drift(seen(short), [{"length": 1.0}]) is None


def test_length_drift_says_whether_right_and_wrong_differ_and_shows_the_longest() -> None:
    now = scored(healthy(), lambda one: float(len(one.completion.tokens) > 12))
    found = length_drift(seen(now), [{"length": 4.0}])
    lengths = [len(one.completion.tokens) for one in now.attempts]
    right = [length for length in lengths if length > 12]
    assert found is not None and f"Right ones have {np.mean(right):.1f}" in found.says
    assert [lengths[place] for place in found.shown] == [15, 15, 15]
    same = length_drift(seen(scored(now, lambda one: 1.0)), [{"length": 4.0}])
    assert same is not None and "cannot be said" in same.says


def at_entropy(nats: float) -> Observed:
    return completed(healthy(), lambda one: replace(one.completion, logprobs=np.full(len(one.completion.tokens), -nats,
                                                                                     np.float32)))


@pytest.mark.parametrize(("now", "then", "collapsed", "exploded"), [
    (0.5, 0.7, False, False), (0.15, 0.7, False, False), (0.06, 0.7, True, False), (0.02, 0.05, False, False),
    (0.005, 0.02, True, False), (0.005, None, True, False), (0.9, 0.5, False, False), (1.1, 0.5, False, True),
    (0.3, 0.1, False, False), (0.7, 0.1, False, True), (5.0, None, False, False)])
def test_entropy_is_measured_against_its_start(now: float, then: float | None, collapsed: bool, exploded: bool) -> None:
    before = [] if then is None else [{"entropy": then}, {"entropy": 9.0}]
    assert (entropy_collapse(seen(at_entropy(now)), before) is not None) == collapsed
    assert (entropy_explosion(seen(at_entropy(now)), before) is not None) == exploded


def test_a_policy_that_is_right_may_be_sure() -> None:
    sure = at_entropy(0.001)
    right, leaning = (scored(sure, lambda one, share=share: float(luck(one) < share), "truth") for share in (0.95, 0.6))
    assert entropy_collapse(seen(right), []) is None and entropy_collapse(seen(leaning), []) is not None
    fooled = replace(right, verdicts=[replace(verdict, judge="orm") for verdict in right.verdicts])
    assert entropy_collapse(seen(fooled), []) is not None
    assert entropy_collapse(seen(replace(fooled, gold=right.verdicts)), []) is None


def test_loops_count_when_a_fifth_of_attempts_is_in_one() -> None:
    def looped(every: int) -> Found | None:
        return loops(seen(completed(healthy(), lambda one: replace(
            one.completion, tokens=np.array([8] * 9, np.int32)) if int(one.problem.id[1:]) % every == 0
            else one.completion)), [])

    found = looped(4)
    assert found is not None and found.says.startswith("60 of 240 attempts (25.0%)") and found.shown == [0, 1, 2]
    assert looped(6) is None


@pytest.mark.parametrize(("now", "then", "loud"), [(0.31, 0.8, True), (0.33, 0.8, False), (0.01, None, False)])
def test_variety_is_measured_against_its_start(now: float, then: float | None, loud: bool) -> None:
    before = [] if then is None else [{"distinct_4": then}]
    assert (variety(seen(measured(healthy(), distinct_4=now)), before) is not None) == loud


def test_the_same_answer_is_one_that_is_wrong() -> None:
    now = saying(healthy(), lambda one: "42" if one.index else one.completion.text)
    wrong, right = (same_answer(seen(scored(now, lambda one, score=score: score)), []) for score in (0.0, 1.0))
    assert wrong is not None and wrong.says == "180 of 240 attempts (75.0%) are the same, and not right: '42'."
    assert right is None


def test_an_empty_answer_is_the_same_as_another() -> None:
    found = same_answer(seen(scored(saying(healthy(), lambda one: " \n"), lambda one: None)), [])
    assert found is not None and found.says == "240 of 240 attempts (100.0%) are empty."


def test_guessing_between_yes_and_no_is_not_degenerate() -> None:
    def guessed(share: float) -> Found | None:
        guesses = saying(healthy(), lambda one: "yes" if luck(one) < share else "no")
        return same_answer(seen(scored(guesses, lambda one: float((int(one.problem.id[1:]) % 2 == 0)
                                                                  == (one.completion.text == "yes")))), [])

    assert guessed(0.5) is guessed(0.7) is None
    assert guessed(1.0) is not None


def test_one_answer_to_a_few_problems_is_a_coincidence() -> None:
    few = replace(healthy(), attempts=healthy().attempts[:64], verdicts=healthy().verdicts[:64])
    assert same_answer(seen(scored(saying(few, lambda one: "42"), lambda one: 0.0)), []) is None
