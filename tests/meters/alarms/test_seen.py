"""A generation as arrays, and the numbers that later ones are compared with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from observations import attempt, completed, healthy, rewritten, scored

from pawl.meters.alarms.alarm import Observed
from pawl.meters.alarms.seen import LOOKED_AT, first, last, looping, readings, seen, some
from pawl.meters.divergence import divergence
from pawl.records import Verdict


def three() -> Observed:
    attempts = [attempt(0, 0, "ab", nats=1), attempt(0, 1, "abcd", nats=2), attempt(1, 0, "abcdef", nats=3)]
    return Observed(1, attempts, [Verdict(1.0, "j"), Verdict(None, "j", "why"), Verdict(0.0, "j")])


def test_readings_are_plain_means_over_attempts_and_tokens() -> None:
    assert readings(three()) == pytest.approx(
        {"length": 4, "entropy": (2 * 1 + 4 * 2 + 6 * 3) / 12, "looping": 0, "score_mean": 0.5})


def test_proxy_and_gold_are_compared_where_both_are_known() -> None:
    gold = [Verdict(0.25, "truth"), Verdict(1.0, "truth"), Verdict(None, "truth")]
    found = readings(replace(three(), gold=gold))
    assert (found["proxy_mean"], found["gold_mean"]) == (1.0, 0.25)


def test_the_sampler_s_distance_is_that_of_the_divergence() -> None:
    now = three()
    learns = {0: np.float32([-1, -2]), 2: np.full(6, -3.1, np.float32)}
    found = readings(replace(now, recomputed=learns))
    gaps = [0, 1, *[0.1] * 6]
    assert found["sampler_gap"] == pytest.approx(np.mean(gaps), rel=1e-5)
    assert found["sampler_outside"] == 1 / 8  # e^-1 is below a half
    expected = divergence([now.attempts[place].completion.logprobs for place in learns], list(learns.values()))
    assert found["sampler_k3"] == pytest.approx(expected.k3_per_token, rel=1e-6)


def test_log_probabilities_that_cannot_be_compared_are_left_out() -> None:
    odd = {0: np.float32([np.nan, -1]), 1: np.float32([-1]), 9: np.float32([-1]), -1: np.float32([-1])}
    found = readings(replace(three(), recomputed=odd))
    assert found["sampler_gap"] == 0.0  # the one token that both know
    assert "sampler_gap" not in readings(replace(three(), recomputed={1: np.float32([-1])}))


def test_scores_that_are_no_numbers_are_abstentions() -> None:
    found = seen(replace(three(), verdicts=[Verdict(float("nan"), "j"), Verdict(float("inf"), "j"), Verdict(0.5, "j")]))
    assert found.decided.tolist() == [False, False, True]


def test_failed_attempts_and_those_of_others_are_left_out() -> None:
    now = rewritten(three(), lambda one: replace(one, error="sample: no") if one.index else
                    replace(one, source="search") if one.problem.id == "p1" else one)
    found = seen(now)
    assert (found.places.tolist(), found.failed.tolist()) == ([0], [1])


def test_attempts_looked_through_are_spread_over_all() -> None:
    many = seen(Observed(1, [attempt(i, 0, "ab") for i in range(2500)], [Verdict(0.0, "j")] * 2500))
    chosen = some(many)
    assert len(chosen) <= LOOKED_AT and chosen[-1] >= 2497 and len(set(np.diff(chosen).tolist())) == 1


@pytest.mark.parametrize(("tokens", "looped"), [
    ([1, 2, 3, 3, 3, 3, 3, 3, 4, 5], True), ([1, 0, 0, 0, 0, 0], False), ([1, 2, 1, 2, 1, 2, 9], True),
    ([*range(20), 1, 2, 1, 2, 1, 2, 1, 2], False), ([], False)])
def test_a_loop_is_half_of_an_attempt_and_more_than_zeros_of_a_number(tokens: list[int], looped: bool) -> None:
    assert looping(seen(Observed(1, [attempt(0, 0, "x", tokens=tokens)], [Verdict(0.0, "j")]))).tolist() == [looped]


def test_what_was_measured_first_and_last_skips_what_is_no_number() -> None:
    before = [{"a": float("nan")}, {"a": 1.0}, {"b": 2.0}, {"a": 3.0}, {}]
    assert (first(before, "a"), last(before, "a"), first(before, "c")) == (1.0, 3.0, None)


def test_an_attempt_without_its_verdict_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError):
        seen(replace(healthy(), verdicts=[]))


def test_readings_of_one_generation_are_the_next_one_s_past() -> None:
    assert readings(scored(completed(healthy(), lambda one: one.completion), lambda one: 0.25))["score_mean"] == 0.25
