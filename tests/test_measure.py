"""The meters of a generation, each number worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from pawl import measure
from pawl.errors import TrainingError
from pawl.measure import DIVERSITY_TOKENS, VALUE_ATTEMPTS
from pawl.play import play
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


def test_the_gap_of_a_sampler_is_between_what_it_said_and_what_the_policy_says() -> None:
    """The policy gives x and y a half each and the end 1; the sampler said 0.6 of x, and was right of the end."""
    policy = ScriptedPolicy({"a": ["x", "y"]})
    said = [Attempt(PROBLEMS[0], 0, policy.encode("a"), Completion(
        "x", np.array([ord("x"), 256], np.int32), np.array([math.log(0.6), 0], np.float32), "stop"))]
    gap = math.log(0.6 / 0.5)
    assert measure.sampler_gap(policy, said, key=0) == pytest.approx(
        {"sampler_gap": gap / 2, "sampler_gap_max": gap, "sampler_outside": 0,
         "sampler_k3": (0.5 / 0.6 - 1 + gap) / 2}, abs=1e-6)
    assert measure.sampler_gap(policy, [attempt(0, [], [])], key=0) == {}


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
    """Values a prefix by its tokens, a twentieth each less a hundredth; keeps a list of them."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: list[list[int]] = []

    def evaluate(self, prefixes: Sequence[IntArray]) -> list[Evaluation]:
        self.asked += [prefix.tolist() for prefix in prefixes]
        nothing: FloatArray = np.zeros(257, np.float32)
        return [Evaluation(nothing, len(prefix) / 20 - 0.01) for prefix in prefixes]


def wrote(problem: int, text: str, *, error: str | None = None) -> Attempt:
    """An answer in bytes, after a prompt of two tokens."""
    tokens = np.array([*text.encode(), 256], np.int32)
    return Attempt(PROBLEMS[problem], 0, np.array([7, 8], np.int32),
                   Completion(text, tokens, np.zeros(len(tokens), np.float32), "stop"), error=error)


def test_a_value_of_one_line_is_asked_halfway_and_at_the_end() -> None:
    policy = Hopeful()
    measure.value(policy, [wrote(0, "abc")], verdicts(1.0), 0)
    assert sorted(policy.asked) == [[7, 8, *b"ab"], [7, 8, *b"abc", 256]]


def test_a_value_of_several_steps_is_asked_after_each_of_them() -> None:
    policy = Hopeful()
    measure.value(policy, [wrote(0, "a\nbc\nd")], verdicts(1.0), 0)
    assert sorted(policy.asked) == [[7, 8, *b"a\n"], [7, 8, *b"a\nbc\n"], [7, 8, *b"a\nbc\nd", 256]]


def test_a_value_is_ranked_against_the_truth() -> None:
    said = [wrote(problem, "x" * n) for problem, n in ((0, 1), (0, 3), (1, 7), (1, 5))]
    found = measure.value(Hopeful(), said, verdicts(0, 1, 0, 1), 0)
    # Halfway there are 3, 4, 6 and 5 tokens. Of the four pairs of a right and a wrong one, two are the wrong way
    # round; of the two pairs at one problem, one is.
    assert (found["value_auroc"], found["value_auroc_within"], found["value_attempts"]) == (0.5, 0.5, 4)
    # The values 0.14 and 0.19 stand in one bin, 0.24 and 0.29 in the next; in each, one of two is right.
    assert found["value_ece"] == pytest.approx((abs(0.5 - 0.165) + abs(0.5 - 0.265)) / 2)
    assert found["value_brier"] == pytest.approx((0.14**2 + 0.81**2 + 0.29**2 + 0.76**2) / 4)


def test_the_reliability_table_holds_what_was_expected_and_what_came() -> None:
    said = [wrote(0, "x" * n) for n in (1, 1, 9)]
    found = measure.value(Hopeful(), said, verdicts(0, 1, 1), 0)
    table = {name: number for name, number in found.items() if name.startswith("value_bin_")}
    assert table == {
        "value_bin_1_expected": pytest.approx(0.14), "value_bin_1_came": 0.5, "value_bin_1_count": 2,
        "value_bin_3_expected": pytest.approx(0.34), "value_bin_3_came": 1.0, "value_bin_3_count": 1}
    assert found["value_ece"] == pytest.approx((2 * 0.36 + 0.66) / 3)


def test_unfinished_solutions_are_ranked_by_the_steps_that_they_have() -> None:
    said = [wrote(0, text) for text in ("a\nb", "aa\nb", "aaa\nb\nc", "a\nbbbb\nc")]
    found = measure.value(Hopeful(), said, verdicts(0, 1, 0, 1), 0)
    # After one step there are 4, 5, 6 and 4 tokens; after two steps of the longer two, 8 and 9.
    steps = {name: number for name, number in found.items() if name.startswith("value_auroc_step")}
    assert steps == {"value_auroc_step_1": (0.5 + 0 + 1 + 0) / 4, "value_auroc_step_2": 1.0}


def test_a_value_is_measured_as_a_filter() -> None:
    """Above 0.5 are the attempts with more than ten tokens: two of three right ones and one of two wrong ones."""
    said = [wrote(0, "x" * n) for n in (9, 9, 1, 9, 1)]
    found = measure.value(Hopeful(), said, verdicts(1, 1, 1, 0, 0), 0)
    assert (found["value_phi"], found["value_psi"], found["value_errors"]) == (2 / 3, 1 / 2, 2 / 5)
    assert found["value_break_even"] == pytest.approx(1 / (1 + (1 / 2) / (2 / 3)))
    assert found["value_break_even_low"] < found["value_break_even"] < found["value_break_even_high"]
    assert (found["value_phi_count"], found["value_psi_count"], found["value_errors_count"]) == (3, 2, 5)


def test_a_value_is_measured_on_so_many_attempts_at_most_and_on_judged_ones_only() -> None:
    said = [wrote(0, "x" * (i % 17)) for i in range(VALUE_ATTEMPTS + 50)]
    assert measure.value(Hopeful(), said, verdicts(*[i % 2 for i in range(len(said))]), 0)["value_attempts"] == 1024
    odd = [wrote(0, "x"), wrote(0, "xx", error="sample: no"), wrote(0, "xxx")]
    assert measure.value(Hopeful(), odd, verdicts(1.0, 0.0, None), 0)["value_attempts"] == 1


def test_a_value_without_both_kinds_is_not_ranked() -> None:
    found = measure.value(Hopeful(), [wrote(0, "x")], verdicts(1.0), 0)
    assert "value_ece" in found and not {"value_auroc", "value_auroc_within", "value_break_even"} & found.keys()
    assert measure.value(Hopeful(), [], [], 0) == {}


def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
    return [Verdict(None if attempt.completion.text == "?" else float(attempt.completion.text == "yes"), "truth")
            for attempt in attempts]


def tried(policy: ScriptedPolicy, problems: Sequence[Problem], k: int) -> dict[str, float]:
    attempts = play(policy, problems, k, sampling=Sampling(5), key=0)
    return measure.pass_at(attempts, judge(attempts), k=k)


def test_pass_at_k_is_the_share_of_problems_with_a_right_attempt() -> None:
    found = tried(ScriptedPolicy({"a": ["yes"], "b": ["no"], "c": ["?"]}), PROBLEMS, 3)
    assert (found["pass@k"], found["k"], found["pass@k_problems"]) == (0.5, 3, 2)
    assert 0 <= found["pass@k_low"] < 0.5 < found["pass@k_high"] <= 1


def test_pass_at_k_needs_one_right_attempt_only() -> None:
    problems = [Problem(str(i), "a", "train", "yes") for i in range(400)]
    found = tried(ScriptedPolicy({"a": ["yes", "no"]}), problems, 2)
    assert found["pass@k_low"] < 3 / 4 < found["pass@k_high"]
    assert found["pass@k"] == pytest.approx(3 / 4, abs=0.08)


def test_pass_at_k_of_nothing_is_left_out() -> None:
    mute = ScriptedPolicy({}, default=("?",))
    assert tried(mute, PROBLEMS, 2) == tried(mute, [], 2) == {}


class Weights:
    """A policy of which only its parameters matter."""

    def __init__(self, **values: Sequence[float]) -> None:
        self.values = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in values.items()}

    def named_parameters(self) -> Iterator[tuple[str, torch.nn.Parameter]]:
        return iter(self.values.items())


def change(after: Weights, before: Weights) -> float | None:
    return measure.parameter_change(after, before).get("parameter_change")  # type: ignore[arg-type]


def test_a_change_of_parameters_is_its_norm_over_theirs() -> None:
    before = Weights(a=[3.0, 0.0], b=[4.0])
    assert change(Weights(a=[3.0, 0.3], b=[4.4]), before) == pytest.approx(0.5 / 5)
    assert change(before, before) == 0


def test_parameters_that_only_one_has_do_not_count() -> None:
    assert change(Weights(a=[2.0], c=[9.0], d=[1.0, 1.0]), Weights(a=[1.0], b=[7.0], d=[1.0])) == pytest.approx(1)


def test_a_change_of_nothing_is_not_measured() -> None:
    assert change(Weights(a=[1.0]), Weights(b=[1.0])) is None
    assert change(Weights(a=[1.0]), Weights(a=[0.0])) is None


@pytest.mark.parametrize("weight", [math.nan, math.inf])
def test_weights_that_became_no_numbers_are_told_of(weight: float) -> None:
    with pytest.raises(TrainingError, match="the weights must be finite after training, got a change of"):
        change(Weights(a=[weight]), Weights(a=[1.0]))
