"""Whatever a reward function does costs the attempt that it did it to, and says so in a sentence."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rewarding import SUM, attempts_at, batch, judged, scores

from pawl.errors import ConfigError
from pawl.judges.reward import NOT_APPLIED, Reward, RewardJudge, every
from pawl.records import Attempt, Verdict

NUMBERS = {"1": 1.0, "0": 0.0, "": 0.5}


def test_a_reward_in_0_to_1_is_the_score() -> None:
    assert judged(batch(lambda texts: [NUMBERS[text] for text in texts]), "1", "0", "") == [
        Verdict(score, "the judge") for score in (1.0, 0.0, 0.5)]


@pytest.mark.parametrize("given", [0.25, np.float32(0.25), Fraction(1, 4), np.array(0.25)])
def test_any_kind_of_number_is_a_reward(given: Any) -> None:
    [verdict] = judged(batch(lambda texts: [given]), "1")
    assert verdict.score == 0.25 and type(verdict.score) is float


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_rewards_may_come_in_any_list(kind: Any) -> None:
    assert scores(batch(lambda texts: kind([0.0, 1.0])), "a", "b") == [0.0, 1.0]


def test_rewards_may_come_as_a_tensor() -> None:
    torch = pytest.importorskip("torch")
    assert scores(batch(lambda texts: torch.tensor([0.0, 1.0])), "a", "b") == [0.0, 1.0]
    assert scores(batch(lambda texts: [torch.tensor(0.5)]), "a") == [0.5]


@given(st.floats(-100, 100), st.floats(0.01, 100), st.floats(0, 1))
def test_a_range_is_mapped_to_0_and_1(low: float, width: float, share: float) -> None:
    [score] = scores(batch(lambda texts: [low + share * width], low=low, high=low + width), "a")
    assert score == pytest.approx(share, abs=1e-6) and 0 <= score <= 1


@pytest.mark.parametrize(("reward", "shown"), [(3.7, "3.7"), (-0.1, "-0.1"), (float("inf"), "inf"), (10**400, "inf")])
def test_what_is_out_of_range_gets_no_score_and_says_how_to_name_one(reward: float, shown: str) -> None:
    assert judged(batch(lambda texts: [reward]), "a") == [Verdict(
        None, "the judge", f"a reward must lie in [0, 1], got {shown}: name the range with --judge-range LOW,HIGH")]


def test_what_rounding_put_out_of_range_is_in_it() -> None:
    assert scores(batch(lambda texts: [1 + 1e-7, -1e-7]), "a", "b") == [1.0, 0.0]


@pytest.mark.parametrize(("given", "reason"), [
    (None, NOT_APPLIED), (float("nan"), "fun must give a number, got nan"), ("1", "fun must give a number, got a str"),
    (1j, "fun must give a number, got a complex"), ([1.0], "fun must give a number, got a list"),
    (np.array([1.0]), "fun must give a number, got a ndarray"), (ValueError("no"), "fun raised ValueError: no"),
    (Verdict(None, "x", "it slept"), "it slept"), (Verdict(None, "x"), "fun abstained"),
])
def test_what_is_no_number_costs_one_attempt_its_score(given: Any, reason: str) -> None:
    said = judged(batch(lambda texts: [given if text == "odd" else 1.0 for text in texts]), "a", "odd", "b")
    assert said == [Verdict(1.0, "the judge"), Verdict(None, "the judge", reason), Verdict(1.0, "the judge")]


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(1), RecursionError(), MemoryError()],
                         ids=lambda error: type(error).__name__)
def test_a_call_that_raises_is_made_again_for_one_attempt_at_a_time(error: BaseException) -> None:
    def fun(texts: list[str]) -> list[float]:
        if "odd" in texts:
            raise error
        return [1.0 for _ in texts]

    said = judged(batch(fun), "a", "odd", "b")
    assert [verdict.score for verdict in said] == [1.0, None, 1.0]
    assert (said[1].error or "").startswith(f"fun raised {type(error).__name__}")


def test_a_call_that_hangs_is_made_again_for_one_attempt_at_a_time() -> None:
    def fun(texts: list[str]) -> list[float]:
        if "odd" in texts:
            time.sleep(60)
        return [1.0 for _ in texts]

    said = judged(batch(fun, time_limit=0.05), "a", "odd", "b")
    assert [verdict.score for verdict in said] == [1.0, None, 1.0]
    assert said[1].error == "fun took longer than 0.05 s"


def test_a_call_with_too_few_rewards_is_made_again_for_one_attempt_at_a_time() -> None:
    said = judged(batch(lambda texts: [1.0 for text in texts if text != "odd"]), "a", "odd", "b")
    assert [verdict.score for verdict in said] == [1.0, None, 1.0]
    assert said[1].error == "fun must give a reward for each of 1 attempts, got 0"


def test_a_function_of_a_whole_group_is_not_asked_about_less() -> None:
    asked: list[int] = []

    def fun(texts: list[str]) -> list[float]:
        asked.append(len(texts))
        raise ValueError("no")

    said = judged(batch(fun, alone=False), "a", "b")
    assert [verdict.error for verdict in said] == ["fun raised ValueError: no"] * 2 and asked == [2]


def test_what_hides_when_asked_one_at_a_time_can_be_asked_for() -> None:
    short = batch(lambda texts: [1.0])
    assert scores(short, "a", "b") == [1.0, 1.0]
    assert list(short.faults_together(attempts_at(SUM, "a", "b"))) == [
        "fun must give a reward for each of 2 attempts, got 1"]
    assert not list(batch(lambda texts: [1.0 for _ in texts]).faults_together(attempts_at(SUM, "a", "b")))


@pytest.mark.parametrize(("together", "calls"), [("one", [1, 1, 1]), ("problem", [2, 1]), ("all", [3])])
def test_a_call_is_about_one_attempt_one_problem_or_all(together: Any, calls: list[int]) -> None:
    asked: list[list[str]] = []

    def fun(texts: list[str]) -> list[float]:
        asked.append(texts)
        return [float(text) for text in texts]

    mixed = [*attempts_at(SUM, "0"), *attempts_at(replace(SUM, id="other"), "1"), *attempts_at(SUM, "0.5")]
    assert [verdict.score for verdict in batch(fun, together=together)(mixed)] == [0.0, 1.0, 0.5]
    assert [len(texts) for texts in asked] == calls


def test_an_attempt_that_failed_is_not_asked_about_and_keeps_its_error() -> None:
    failed = replace(attempts_at(SUM, "odd")[0], error="sample: it failed")
    fine = batch(lambda texts: [1.0 / ("odd" not in texts)])
    assert fine([failed, *attempts_at(SUM, "a")]) == [Verdict(None, "the judge", "sample: it failed"),
                                                      Verdict(1.0, "the judge")]
    assert fine([]) == []


def test_the_user_can_still_interrupt() -> None:
    def fun(texts: list[str]) -> list[float]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judged(batch(fun), "a")


# Several functions.


def sum_of(*said: tuple[float, float | None], low: float = 0.0, high: float = 1.0) -> Verdict:
    """The verdict on one attempt of functions by their weights and what they say."""
    rewards = tuple(Reward("fun", lambda attempts, _, one=one: [one], weight=weight) for weight, one in said)
    return RewardJudge("sum", rewards, low, high)(attempts_at(SUM, "a"))[0]


@given(st.lists(st.tuples(st.floats(-5, 5), st.one_of(st.none(), st.floats(-5, 5))), min_size=1, max_size=5))
def test_functions_that_apply_are_summed_by_their_weights_as_in_trl(said: list[tuple[float, float | None]]) -> None:
    rewards = np.array([np.nan if one is None else one for _, one in said])
    expected = np.nansum(rewards * np.array([weight for weight, _ in said]))  # as GRPOTrainer's
    score = sum_of(*said, low=-200, high=200).score
    if np.isnan(rewards).all():
        assert score is None
    else:
        assert score == pytest.approx((expected + 200) / 400)


def test_where_one_function_fails_there_is_no_sum() -> None:
    assert sum_of((1.0, 0.5), (1.0, float("nan"))).error == "fun must give a number, got nan"


# Coroutines.


asked: list[str] = []


async def slow_at_odd(attempt: Attempt) -> float:
    asked.append(attempt.completion.text)
    if attempt.completion.text == "odd":
        await asyncio.sleep(60)
    if attempt.completion.text == "bad":
        raise ValueError("no")
    return 1.0


def side_by_side(time_limit: float = 10.0) -> RewardJudge:
    return RewardJudge("async", (Reward("fun", every(slow_at_odd)),), time_limit=time_limit)


def test_coroutines_of_one_attempt_fail_by_themselves() -> None:
    asked.clear()
    said = judged(side_by_side(0.2), "a", "odd", "bad", "b")
    assert asked == ["a", "odd", "bad", "b"]  # once each
    assert [verdict.score for verdict in said] == [1.0, None, None, 1.0]
    assert [said[1].error, said[2].error] == ["fun took longer than 0.2 s", "fun raised ValueError: no"]


def test_coroutines_run_side_by_side() -> None:
    meeting = asyncio.Barrier(2)

    async def meet(attempt: Attempt) -> float:
        await meeting.wait()  # nobody comes through alone
        return 1.0

    assert scores(RewardJudge("async", (Reward("fun", every(meet)),)), "a", "b") == [1.0, 1.0]


def test_a_coroutine_of_the_whole_group_is_awaited() -> None:
    async def fun(texts: list[str]) -> list[float]:
        await asyncio.sleep(0)
        return [float(text == "b") for text in texts]

    assert scores(batch(fun), "a", "b") == [0.0, 1.0]


def test_coroutines_are_awaited_where_a_loop_is_running_already() -> None:
    async def notebook() -> list[float | None]:
        return scores(side_by_side(), "a", "b")

    assert asyncio.run(notebook()) == [1.0, 1.0]


@pytest.mark.parametrize(("low", "high"), [(1, 0), (0, 0), (0, float("inf")), (float("nan"), 1)])
def test_a_range_is_two_numbers_the_lower_one_first(low: float, high: float) -> None:
    with pytest.raises(ConfigError, match="judge_range must be two numbers, the lower one first, got"):
        RewardJudge("x", (), low, high)
