"""Both readings of a policy where gold knows nothing of some attempts, or scores many the same."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from pawl.learning.advantages import FARTHEST, log_odds
from pawl.recipes.two_readings import LONGEST, SHOWN, Reading, kept, points, read, row, seen
from pawl.records import Attempt, Completion, Problem, Sampling, Verdict
from pawl.testing import ScriptedPolicy

NAN = math.nan


def attempt(place: int, text: str, *, error: str | None = None) -> Attempt:
    tokens = np.arange(len(text), dtype=np.int32)
    said = Completion(text, tokens, np.full(len(tokens), -1, np.float32), "stop")
    return Attempt(Problem(f"p{place}", f"{place}", "test"), 0, np.zeros(1, np.int32), said, error=error)


def reading(proxy: Sequence[float], gold: Sequence[float], divergence: float = 0.0) -> Reading:
    attempts = [attempt(place, "abcdefgh"[place % 8] * (place + 1)) for place in range(len(proxy))]
    return Reading(attempts, [Verdict(0.5, "judge")] * len(proxy), np.array(proxy, np.float64),
                   np.array(gold, np.float64), divergence)


def test_means_and_their_errors_are_of_what_is_known() -> None:
    found = reading([1.0, NAN, 3.0, 8.0], [0.0, 1.0, NAN, 0.5], 2.0).metrics
    assert (found["proxy"], found["gold"]) == (4.0, 0.5)
    assert found["proxy_error"] == pytest.approx(np.std([1, 3, 8], ddof=1) / 3**0.5)
    assert found["gold_error"] == pytest.approx(0.5 / 3**0.5)
    assert found["length"] == (1 + 2 + 3 + 4) / 4 and found["kl"] == 2


def test_one_known_score_has_no_error_and_ranks_nothing() -> None:
    found = reading([1.0, 2.0], [NAN, 0.5]).metrics
    assert (found["gold"], found["gold_error"]) == (0.5, 0.0) and "proxy_rank" not in found


def test_gold_that_scores_all_the_same_has_no_rank_beside_the_proxy() -> None:
    assert "proxy_rank" not in reading([1.0, 2.0, 3.0], [0.0, 0.0, 0.0]).metrics
    assert reading([1.0, 2.0, 3.0], [0.0, 0.0, 1.0]).metrics["proxy_rank"] == pytest.approx(3**0.5 / 2)


def test_what_fools_is_what_the_proxy_ranks_higher_than_gold_does() -> None:
    """Of 5 known ones, ranks of the proxy less those of gold, ties their mean: 1-4.5, 2-2, 4-2, 4-4.5, 4-2."""
    found = reading([1.0, NAN, 2.0, 9.0, 9.0, 9.0, 9.5], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, NAN])
    assert found.fooling == ["d" * 4, "f" * 6, "c" * 3]  # the two that are as far beyond stand in their order
    assert len(found.fooling) == SHOWN


def test_where_nothing_is_known_of_both_nothing_is_shown_and_texts_are_cut() -> None:
    assert reading([NAN, 1.0], [1.0, NAN]).fooling == []
    assert reading([1.0] * 250, [NAN] * 249 + [0.0]).fooling == ["abcdefgh"[249 % 8] * LONGEST]


def test_a_policy_is_read_with_its_distance_from_the_base_over_attempts_that_say_something() -> None:
    """The policy gives x three quarters and its base a half; the third problem's prompt is too long."""
    policy = ScriptedPolicy({}, default=["x", "x", "x", "y"], context=12)
    base = ScriptedPolicy({}, default=["x", "y"])
    problems = [Problem(name, name, "test") for name in ("a", "b", "a prompt too long")]

    def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
        return [Verdict(None if one.error else 0.9 if one.completion.text == "x" else 0.1, "j") for one in attempts]

    found = read(policy, base, problems, judge, judge, sampling=Sampling(4), key=0)
    said = [math.log(1.5) if one.completion.text == "x" else math.log(0.5) for one in found.attempts[:2]]
    assert found.divergence == pytest.approx(np.mean(said), abs=1e-6)
    assert found.attempts[2].error and np.isnan(found.gold).tolist() == [False, False, True]
    assert np.abs(found.proxy[:2]) == pytest.approx([math.log(9)] * 2) and np.isnan(found.proxy[2])
    again = kept(list(zip(found.attempts, found.verdicts, strict=True)), judge, found.divergence)
    assert np.array_equal(again.proxy, found.proxy, equal_nan=True)
    assert again.metrics == pytest.approx(found.metrics)


def test_a_judge_that_is_sure_is_taken_for_as_sure_as_float32_can_be() -> None:
    pairs = [(attempt(0, "a"), Verdict(1.0, "j")), (attempt(1, "b"), Verdict(0.0, "j"))]
    found = kept(pairs, lambda those: [Verdict(None, "truth", "no")] * len(those), 0.0)
    assert found.proxy.tolist() == [FARTHEST, -FARTHEST] == log_odds([1.0, 0.0]).tolist()
    assert np.isnan(found.gold).all()


def test_points_of_a_leg_are_of_what_is_known() -> None:
    found = points([reading([0.0, NAN, 2.0], [1.0, 0.0, NAN], -0.5), reading([2.0, 4.0, 6.0], [0.0, 0.0, 0.0], 4.0)])
    assert [(one.distance, one.proxy, one.gold) for one in found] == [(0, 1, 0.5), (2, 4, 0)]
    told = row(1, found[1])
    assert told["ci"] == [0, 0] and told["proxy_ci"] == pytest.approx([4 - 1.96 * 2 / 3**0.5, 4 + 1.96 * 2 / 3**0.5])


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_being_fooled_is_seen_though_gold_is_unknown_of_some(share: float) -> None:
    random = np.random.default_rng(0)
    level, known = random.normal(size=200), random.random((2, 200)) < share
    golds = [np.where(known[number], level + (0.0, -0.5)[number] + 0.1 * random.normal(size=200), NAN)
             for number in range(2)]
    readings = [reading(level + rise, gold) for rise, gold in zip((0.0, 1.0), golds, strict=True)]
    found = seen(readings, since=3, looks=2)
    assert found is not None and found.state == "fooled" and found.best == 3
    assert found.fall == pytest.approx(0.5, abs=0.1) and found.rise == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("known", [0, 5])
def test_a_generation_of_which_the_judge_says_too_little_is_left_out(known: int) -> None:
    proxy = np.array([*[0.5] * known, *[np.nan] * (40 - known)])
    gold = np.random.default_rng(0).random((3, 40))
    three = [reading(one, other) for one, other in zip((np.zeros(40), proxy, np.ones(40)), gold, strict=True)]
    found, without = seen(three, since=0, looks=3), seen([three[0], three[2]], since=0, looks=3)
    assert found is not None and without is not None and found.generation == 2
    assert (found.fall, found.rise) == pytest.approx((without.fall, without.rise))


def test_of_what_nobody_could_score_a_stage_says_nothing() -> None:
    unknown = reading([NAN, NAN], [NAN, NAN], 1.5)
    assert unknown.metrics == {"kl": 1.5, "length": 1.5}
    assert unknown.in_words == "the judge says nothing, gold unknown, 1.5 nats from the base"
    assert reading([2.0, 2.0], [0.5, 0.5]).in_words.startswith("the judge says +2.00, gold 0.500 (+-0.000)")
