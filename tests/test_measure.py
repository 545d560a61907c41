"""The meters of a generation, each number worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from pawl import measure
from pawl.measure import DIVERSITY_TOKENS
from pawl.records import Attempt, Completion, Evaluation, FloatArray, IntArray, Problem, Sampling, TokenExample, Verdict
from pawl.testing import ScriptedPolicy

PROBLEMS = [Problem(name, name, "train", "yes") for name in "abc"]


def attempt(problem: int, tokens: Sequence[int] = (1, 2), logprobs: Sequence[float] = (-0.5, -1.5), *,
            finish: str = "stop", error: str | None = None) -> Attempt:
    completion = Completion("yes", np.array(tokens, np.int32), np.array(logprobs, np.float32), finish)  # type: ignore[arg-type]
    return Attempt(PROBLEMS[problem], 0, np.array([7, 8], np.int32), completion, error=error)


def verdicts(*scores: float | None) -> list[Verdict]:
    return [Verdict(score, "truth") for score in scores]


ATTEMPTS = [
    attempt(0), attempt(0, finish="length"), attempt(1, [1, 2, 3], [-1, -1, -1]), attempt(2, [], [], error="no")]
"""Two right and wrong at a, one half right at b, one that failed at c."""
SCORES = verdicts(1.0, 0.0, 0.5, None)


def test_attempts_are_counted() -> None:
    found = measure.sampled(ATTEMPTS, SCORES, key=0)
    assert {name: found[name] for name in ("attempts", "abstained", "right", "problems", "problems_solved")} == {
        "attempts": 4, "abstained": 1, "right": 1, "problems": 2, "problems_solved": 1}
    assert (found["tokens_sampled"], found["cut_off"]) == (2 + 2 + 3, 1)


def test_accuracy_is_the_mean_of_what_was_judged() -> None:
    assert measure.sampled(ATTEMPTS, SCORES, key=0)["sampled_accuracy"] == pytest.approx((1 + 0 + 0.5) / 3)


def test_entropy_is_the_mean_surprise_of_a_token() -> None:
    expected = (0.5 + 1.5 + 0.5 + 1.5 + 1 + 1 + 1) / 7
    assert measure.sampled(ATTEMPTS, SCORES, key=0)["entropy"] == pytest.approx(expected)


def test_truth_bits_are_what_it_takes_to_name_the_right_ones_among_the_judged() -> None:
    assert measure.sampled(ATTEMPTS, SCORES, key=0)["truth_bits_self"] == pytest.approx(math.log2(math.comb(3, 1)))


def test_distinct_n_grams_are_counted_at_a_fixed_number_of_tokens() -> None:
    """Completions of 1 2 1 2 ...: two different pairs and two different quadruples, however many there are."""
    length = 100
    same = [attempt(0, [1, 2] * (length // 2), [-1.0] * length)] * (DIVERSITY_TOKENS // length)
    found = measure.sampled(same, verdicts(*[1.0] * len(same)), key=0)
    assert found["distinct_2"] == pytest.approx(2 / ((length - 1) * len(same)))
    assert found["distinct_4"] == pytest.approx(2 / ((length - 3) * len(same)))
    assert "distinct_2" not in measure.sampled(same[1:], verdicts(*[1.0] * (len(same) - 1)), key=0)


def test_what_cannot_be_measured_is_left_out() -> None:
    found = measure.sampled([attempt(0, [], [], error="no")], verdicts(None), key=0)
    assert not {"sampled_accuracy", "entropy", "distinct_2", "distinct_4"} & found.keys()
    assert (found["attempts"], found["abstained"], found["truth_bits_self"]) == (1, 1, 0)


def example(prompt: str, completion: str) -> TokenExample:
    policy = ScriptedPolicy({})
    tokens = np.append(policy.encode(prompt + completion), np.int32(256))
    return TokenExample(tokens, np.ones(len(tokens), np.float32), len(prompt), None, "real", "")


def test_the_distance_is_schulmans_estimate_over_tokens() -> None:
    """The reference gives x three quarters and the end 1; each attempt says x and ends, of which it was sure."""
    reference = ScriptedPolicy({"a": ["x", "x", "x", "y"]})
    said = [Attempt(PROBLEMS[0], i, reference.encode("a"), Completion(
        "x", np.array([ord("x"), 256], np.int32), np.zeros(2, np.float32), "stop")) for i in range(3)]
    ratio = math.log(0.75)  # log q/p of x
    expected = (math.exp(ratio) - 1 - ratio + 0) / 2
    assert measure.distance(reference, said, key=0)["kl"] == pytest.approx(expected, abs=1e-6)


def test_a_policy_is_at_no_distance_from_itself_and_silence_has_none() -> None:
    reference = ScriptedPolicy({"a": ["x", "y"]})
    said = [Attempt(PROBLEMS[0], 0, reference.encode("a"), Completion(
        "x", np.array([ord("x"), 256], np.int32), np.array([math.log(0.5), 0], np.float32), "stop"))]
    assert measure.distance(reference, said, key=0)["kl"] == pytest.approx(0, abs=1e-6)
    assert measure.distance(reference, [attempt(0, [], [])], key=0) == {}


def test_real_loss_is_in_nats_per_token_of_the_completions() -> None:
    """x has a half, y then has a third of what begins with x... and both ends are certain."""
    policy = ScriptedPolicy({"a": ["x", "y"], "b": ["xx", "xy", "xz"]})
    found = measure.real_loss(policy, [example("a", "x"), example("b", "xz")])
    expected = (math.log(2) + 0 + 0 + math.log(3) + 0) / 5
    assert found["real_loss"] == pytest.approx(expected, abs=1e-6)
    assert measure.real_loss(policy, []) == {}


class Hopeful(ScriptedPolicy):
    """Values a prefix by the number of tokens in it, of which it keeps a list."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: list[list[int]] = []

    def evaluate(self, prefixes: Sequence[IntArray]) -> list[Evaluation]:
        self.asked = [prefix.tolist() for prefix in prefixes]
        nothing: FloatArray = np.zeros(257, np.float32)
        return [Evaluation(nothing, len(prefix) / 10) for prefix in prefixes]


def test_the_value_is_asked_halfway_and_ranked_against_the_truth() -> None:
    policy = Hopeful()
    said = [attempt(0, range(1, n + 1), [-1.0] * n) for n in (1, 3, 4, 6)]
    found = measure.value(policy, said, np.array([0, 1, 0, 1], np.float32))
    assert policy.asked == [[7, 8], [7, 8, 1], [7, 8, 1, 2], [7, 8, 1, 2, 3]]
    # Of the four pairs of a right and a wrong one, one is the wrong way round: 3 tokens against 4. The
    # values 0.2, 0.3, 0.4 and 0.5 are each alone in a bin.
    assert found == {"value_auroc": pytest.approx(3 / 4), "value_ece": pytest.approx((0.2 + 0.7 + 0.4 + 0.5) / 4)}


def test_a_value_without_both_kinds_is_not_ranked() -> None:
    found = measure.value(Hopeful(), [attempt(0)], np.array([1.0], np.float32))
    assert found.keys() == {"value_ece"}
    assert measure.value(Hopeful(), [], np.zeros(0, np.float32)) == {}


def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
    return [Verdict(None if attempt.completion.text == "?" else float(attempt.completion.text == "yes"), "truth")
            for attempt in attempts]


def test_pass_at_k_is_the_share_of_problems_with_a_right_attempt() -> None:
    policy = ScriptedPolicy({"a": ["yes"], "b": ["no"], "c": ["?"]})
    found = measure.pass_at(policy, PROBLEMS, judge, k=3, sampling=Sampling(5), key=0)
    assert (found["pass@k"], found["k"], found["pass@k_problems"]) == (0.5, 3, 2)
    assert 0 <= found["pass@k_low"] < 0.5 < found["pass@k_high"] <= 1


def test_pass_at_k_needs_one_right_attempt_only() -> None:
    problems = [Problem(str(i), "a", "train", "yes") for i in range(400)]
    coin = ScriptedPolicy({"a": ["yes", "no"]})
    found = measure.pass_at(coin, problems, judge, k=2, sampling=Sampling(5), key=0)
    assert found["pass@k_low"] < 3 / 4 < found["pass@k_high"]
    assert found["pass@k"] == pytest.approx(3 / 4, abs=0.08)


def test_pass_at_k_of_nothing_is_left_out() -> None:
    mute = ScriptedPolicy({}, default=("?",))
    assert measure.pass_at(mute, PROBLEMS, judge, k=2, sampling=Sampling(5), key=0) == {}
    assert measure.pass_at(mute, [], judge, k=2, sampling=Sampling(5), key=0) == {}
