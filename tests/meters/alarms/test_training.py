"""What learning gets: groups that tell nothing apart, weights that stay, and a sampler that is another policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from observations import attempt, healthy, luck, measured, scored, text_of

from pawl.meters.alarms.alarm import Observed
from pawl.meters.alarms.seen import Seen, seen
from pawl.meters.alarms.training import ALIKE, equal_groups, no_logprobs, sampler_apart, unchanged
from pawl.records import Attempt, Verdict


def test_all_right_and_all_wrong_are_told_apart() -> None:
    def score(one: Attempt) -> float:
        number = int(one.problem.id[1:])
        return float(number < 40 or (number == 50 and one.index == 0))

    now = scored(healthy(), score)
    found = equal_groups(seen(now), [])
    assert found is not None
    assert found.says == "At 59 of 60 problems (98.3%) all attempts score the same: all right at 40, all wrong at 19."
    assert "too easy" in found.hint
    wrong = equal_groups(seen(scored(now, lambda one: float(one.problem.id == "p1" and one.index == 0))), [])
    assert wrong is not None and "too hard" in wrong.hint


def test_a_tenth_of_problems_that_tell_attempts_apart_is_enough() -> None:
    some = scored(healthy(), lambda one: float(one.index == 0 and one.problem.id.endswith("0")))
    assert equal_groups(seen(some), []) is None


def test_graded_scores_are_the_same_within_rounding() -> None:
    rounded = scored(healthy(), lambda one: 0.01 * int(one.problem.id[1:]) + 1e-8 * luck(one))
    found = equal_groups(seen(rounded), [])
    assert found is not None and "all right at 0, all wrong at 1." in found.says  # p0 scores next to 0
    assert "rounding" in found.hint


@pytest.mark.parametrize(("score", "loud"), [(0.0, False), (0.5, False), (1.0, True)])
def test_a_constant_judge_is_told_of_elsewhere(score: float, loud: bool) -> None:
    assert (equal_groups(seen(scored(healthy(), lambda one: score)), []) is not None) == loud


def test_one_attempt_a_problem_is_no_group() -> None:
    assert equal_groups(seen(scored(healthy(), lambda one: None if one.index else 0.3 * luck(one))), []) is None


def tried(problems: int, tries: int, score: Callable[[Attempt], float]) -> Seen:
    attempts = [attempt(problem, index, text_of(problem, index)) for problem in range(problems)
                for index in range(tries)]
    return seen(scored(Observed(1, attempts, [Verdict(0.0, "j")] * len(attempts)), score))


@pytest.mark.parametrize(("problems", "rate"), [(20, 0.1), (20, 0.9), (200, 0.04)])
def test_two_attempts_that_score_the_same_by_chance_are_no_alarm(problems: int, rate: float) -> None:
    """At 20 problems and a rate of 10% one draw in ten has 95% of equal pairs."""
    draws = [np.random.default_rng(seed).random((problems, 2)) < rate for seed in range(100)]
    equal = [draw for draw in draws if np.mean(draw[:, 0] == draw[:, 1]) >= ALIKE and 0 < draw.mean() < 1]
    assert len(equal) >= 3
    for draw in equal:
        def score(one: Attempt, draw: np.ndarray = draw) -> float:
            return float(draw[int(one.problem.id[1:]), one.index])

        assert equal_groups(tried(problems, 2, score), []) is None


def test_two_attempts_that_score_the_same_beyond_chance_are() -> None:
    found = equal_groups(tried(20, 2, lambda one: float(int(one.problem.id[1:]) < 10)), [])
    assert found is not None and found.says.endswith("all right at 10, all wrong at 10.")


@pytest.mark.parametrize(("right", "loud"), [(4, True), (10, False)])
def test_a_rate_at_which_four_attempts_would_say_nothing_is_an_alarm_with_two(right: int, loud: bool) -> None:
    """Of 400 attempts 1%, and 2.5%, are right, no two at one problem: 98%, and 95%, of pairs are equal."""
    now = tried(200, 2, lambda one: float(one.index == 0 and int(one.problem.id[1:]) < right))
    assert (equal_groups(now, []) is not None) == loud


@pytest.mark.parametrize(("metrics", "words"), [
    ({"steps": 0}, "Training took no step."), ({"parameter_change": 0.0}, "less than rounding does"),
    ({"parameter_change": 5e-8}, "changed the weights by 5.0e-08 of their norm"),
    ({"parameter_change": float("nan")}, "by nan"), ({"parameter_change": float("inf")}, "by inf")])
def test_weights_that_stay_as_they_were_are_named(metrics: dict[str, float], words: str) -> None:
    found = unchanged(seen(measured(healthy(), **metrics)), [])
    assert found is not None and words in found.says


def test_small_changes_and_unknown_ones_are_changes() -> None:
    assert unchanged(seen(measured(healthy(), parameter_change=1e-6)), []) is None
    assert unchanged(seen(replace(healthy(), metrics={})), []) is None


def apart(nats: float, every: int = 1) -> dict[int, np.ndarray]:
    """What another policy says of attempts: so far away at every so many tokens."""
    return {place: np.where(np.arange(len(one.completion.tokens)) % every == 0, one.completion.logprobs - nats,
                            one.completion.logprobs).astype(np.float32)
            for place, one in enumerate(healthy().attempts[10:50], 10)}


@pytest.mark.parametrize(("nats", "every", "loud"), [(1e-6, 1, False), (0.03, 1, False), (0.12, 1, True),
                                                     (0.8, 8, True), (0.18, 4, False)])
def test_a_sampler_may_round_and_not_be_another_policy(nats: float, every: int, loud: bool) -> None:
    found = sampler_apart(seen(replace(healthy(), metrics={}, recomputed=apart(nats, every))), [])
    assert (found is not None) == loud
    if found:
        assert found.shown == [10, 11, 12] and "nats a token apart" in found.says and "outside [0.5, 2]" in found.says


@pytest.mark.parametrize(("metrics", "loud"), [
    ({"sampler_k3": 0.015}, True), ({"sampler_k3": 0.006}, False), ({"sampler_outside": 0.015}, True),
    ({"sampler_outside": 0.006}, False)])
def test_a_few_tokens_far_away_are_enough(metrics: dict[str, float], loud: bool) -> None:
    assert (sampler_apart(seen(measured(healthy(), sampler_gap=0.05, **metrics)), []) is not None) == loud


def test_a_gap_that_grows_is_seen_before_it_is_large() -> None:
    now = seen(measured(healthy(), sampler_gap=0.04))
    assert sampler_apart(now, []) is sampler_apart(now, [{"sampler_gap": 0.02}]) is None
    found = sampler_apart(now, [{"sampler_gap": 0.01}])
    assert found is not None and found.says.endswith("0.04 nats a token apart, 0.01 apart at first.")
    assert sampler_apart(seen(measured(healthy(), sampler_gap=0.001)), [{"sampler_gap": 1e-6}]) is None


def test_log_probabilities_that_are_no_numbers_are_shown() -> None:
    now = healthy()
    now.attempts[7].completion.logprobs[2] = -np.inf
    found = no_logprobs(seen(now), [])
    assert found is not None and found.says.startswith("1 of 240 attempts") and found.shown == [7]
