"""What each algorithm learns of a round, worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

from pawl.errors import TaskError
from pawl.models.opening import fresh_policy
from pawl.recipes.algorithms import ALGORITHMS, TRACE, Round, distance_to_others
from pawl.records import Attempt, Completion, Problem, TokenExample, Verdict
from pawl.testing import ScriptedPolicy

torch.set_num_threads(1)

END = 256
"""Of scripted policies."""
POLICY = ScriptedPolicy({"a": ["x", "x", "x", "y"], "b": ["x", "x", "y"], "c": ["x", "y"]})
REFERENCE = ScriptedPolicy({}, default=["x", "y"])
EVEN = math.log(0.5)


@dataclass(frozen=True)
class Dials:
    attempts: int = 2
    beta: float = 0.5
    clip: tuple[float, float] = (0.2, 0.2)
    max_tokens: int = 4


def attempt(problem: str, text: str, *, answer: str | None = None, error: str | None = None) -> Attempt:
    """The policy's own, a byte a token and the end, each as likely as e^-1."""
    tokens = np.array([*text.encode(), END] if text else [], np.int32)
    said = Completion(text, tokens, np.full(len(tokens), -1, np.float32), "stop")
    return Attempt(Problem(problem, problem, "train", answer), 0, POLICY.encode(problem), said, error=error)


def played(*rows: tuple[str, str, float | None], **more: Any) -> Round:
    attempts = [attempt(problem, text) for problem, text, _ in rows]
    return Round(attempts, [Verdict(score, "judge") for *_, score in rows], POLICY, REFERENCE, **more)  # type: ignore[arg-type]


def learnt(name: str, given: Round, **dials: Any) -> list[TokenExample]:
    return ALGORITHMS[name].lessons(given, Dials(**dials))


def told(examples: Sequence[TokenExample]) -> list[tuple[str, str, float]]:
    """Problem, answer, and the one weight of its tokens; the prompt has none."""
    found = []
    for example in examples:
        weights = set(example.weights[example.prompt_length :].tolist())
        assert not example.weights[: example.prompt_length].any() and len(weights) == 1
        text = bytes(example.tokens[example.prompt_length : -1].tolist()).decode()
        found.append((example.problem_id, text, pytest.approx(weights.pop(), rel=1e-3)))
    return found


FOUR = [("a", "x", 1.0), ("a", "y", 0.0), ("b", "x", 1.0), ("b", "y", 0.5)]


# Policy gradients.


@pytest.mark.parametrize(("name", "weights"), [
    ("reinforce", [0.375, -0.625, 0.375, -0.125]), ("rloo", [1, -1, 0.5, -0.5]),
    ("grpo", [0.5 / math.sqrt(0.5), -0.5 / math.sqrt(0.5), 0.25 / math.sqrt(0.125), -0.25 / math.sqrt(0.125)]),
    ("dr-grpo", [0.5, -0.5, 0.25, -0.25])])
def test_answers_weigh_what_they_were_better_than_expected(name: str, weights: list[float]) -> None:
    expected = [(problem, text, weight) for (problem, text, _), weight in zip(FOUR, weights, strict=True)]
    found = learnt(name, played(*FOUR))
    assert told(found) == expected
    assert all(example.logprobs is not None and example.logprobs.tolist() == [0, -1, -1] for example in found)


@pytest.mark.parametrize("name", ["reinforce", "rloo", "grpo", "dapo", "dr-grpo"])
def test_what_was_not_judged_or_failed_takes_no_part(name: str) -> None:
    """Nobody else's weight hangs on it: at a the others are alike, at b as if there were two."""
    rows = [("a", "x", 1.0), ("a", "y", 1.0), ("a", "z", None), ("b", "x", 1.0), ("b", "y", 0.0), ("b", "z", 1.0)]
    given = played(*rows)
    failed = [*given.attempts[:5], replace(given.attempts[5], error="sample: no")]
    found = told(learnt(name, replace(given, attempts=failed), attempts=3))
    alone = told(learnt(name, played(*rows[3:5])))
    assert [one[:2] for one in found] == [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    assert name == "reinforce" or [one[2] for one in found[:2]] == [0, 0]
    assert name == "reinforce" or found[2:] == alone


@pytest.mark.parametrize("name", sorted(set(ALGORITHMS) - {"sft", "spin"}))
def test_of_scores_that_are_all_alike_or_missing_nothing_is_learnt(name: str) -> None:
    given = played(("a", "x", 0.4), ("a", "y", 0.4), ("b", "x", 0.4), ("b", "y", 0.4))
    if name == "ppo":
        given = replace(given, policy=fresh_policy(["abxy"], tokenizer="char", depth=1, context=8, seed=0))
        given = replace(given, verdicts=[Verdict(None, "judge", "no")] * 4)
    assert learnt(name, given) == []
    failed = [replace(one, error="sample: no") for one in given.attempts]
    assert learnt(name, replace(given, attempts=failed)) == []


def test_a_group_of_which_all_failed_leaves_the_others_as_they_are() -> None:
    rows = [*FOUR[:2], ("c", "x", None), ("c", "y", None), *FOUR[2:]]
    given = played(*rows)
    failed = [replace(one, error="sample: too long") if one.problem.id == "c" else one for one in given.attempts]
    for name in ("rloo", "grpo", "rwr", "dpo", "kto"):
        one, other = learnt(name, replace(given, attempts=failed)), learnt(name, played(*FOUR))
        assert told(one) == told(other) != []


def test_a_reward_models_scores_count_as_log_odds() -> None:
    given = played(("a", "x", 0.9), ("a", "y", 0.5), in_log_odds=True)
    assert told(learnt("dr-grpo", given)) == [("a", "x", math.log(9) / 2), ("a", "y", -math.log(9) / 2)]


def test_ppos_advantages_are_the_sums_of_surprises_and_its_targets_what_came() -> None:
    """Values asked prefix by prefix, and equation 16 of the paper term by term."""
    policy = fresh_policy(["abxyz"], tokenizer="char", depth=1, context=8, seed=3)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _, parameter in policy.named_parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=random))
    attempts = []
    for problem, text in (("a", "xyz"), ("b", "y")):
        prompt, tokens = policy.encode(problem), policy.encode(text)
        said = Completion(text, tokens, np.full(len(tokens), -1, np.float32), "stop")
        attempts.append(Attempt(Problem(problem, problem, "train"), 0, prompt, said))
    scores = [1.0, 0.25]
    found = learnt("ppo", Round(attempts, [Verdict(score, "judge") for score in scores], policy, policy), attempts=1)
    advantages, returns = [], []
    for one, score in zip(attempts, scores, strict=True):
        whole, begin = np.concatenate((one.prompt_tokens, one.completion.tokens)), len(one.prompt_tokens)
        values = [policy.evaluate([whole[:end]])[0].value for end in range(begin, len(whole))]
        surprises = [after - before for before, after in zip(values, [*values[1:], score], strict=True)]
        advantages.append([sum(TRACE**(later - t) * surprises[later] for later in range(t, len(values)))
                           for t in range(len(values))])
        returns.append([advantage + value for advantage, value in zip(advantages[-1], values, strict=True)])
    together = np.concatenate(advantages)
    assert together.std() > 0.01
    for example, mine, came in zip(found, advantages, returns, strict=True):
        assert example.weights[:1].tolist() == [0]
        assert example.weights[1:] == pytest.approx((mine - together.mean()) / together.std(), rel=1e-3, abs=1e-4)
        assert example.step_values is not None and example.step_values.places.tolist() == list(range(len(mine)))
        assert example.step_values.targets == pytest.approx(np.clip(came, 0, 1), abs=1e-5)


# Likelihoods.


def test_right_answers_are_learnt_once_each() -> None:
    rows = [("a", "x", 1.0), ("a", "x", 1.0), ("a", "y", 0.99), ("b", "y", None), ("b", "x", 1.0), ("b", "y", 1.0)]
    assert told(learnt("sft", played(*rows), attempts=3)) == [("a", "x", 1), ("b", "x", 1), ("b", "y", 1)]


def test_answers_are_weighed_by_their_reward_beside_the_best_of_their_group() -> None:
    """At beta a half, a score less by a quarter is e^-1/2 times as much; c tells nothing apart."""
    rows = [("a", "x", 0.75), ("a", "y", 0.5), ("a", "z", None), ("c", "x", 0.3), ("c", "y", 0.3), ("c", "z", None),
            ("b", "x", 0.0), ("b", "y", 1.0), ("b", "z", 1.0)]
    assert told(learnt("rwr", played(*rows), attempts=3)) == [
        ("a", "x", 1), ("a", "y", math.exp(-0.5)), ("b", "x", math.exp(-2)), ("b", "y", 1), ("b", "z", 1)]


# Preferences.


@pytest.mark.parametrize("name", ["dpo", "ipo"])
def test_the_better_stands_before_the_worse_with_what_the_reference_says(name: str) -> None:
    found = learnt(name, played(*[(problem, text, 1 - (score or 0.0)) for problem, text, score in FOUR]))
    assert told(found) == [("a", "y", 1), ("a", "x", 1), ("b", "y", 1), ("b", "x", 1)]
    assert all(example.logprobs == pytest.approx([0, EVEN, 0]) for example in found)


def test_ktos_reference_point_is_how_far_the_policy_likes_answers_to_others_more() -> None:
    """At a: the answers x and x of b, of which the policy gives 3/4; at b: x and y of a, 2/3 and 1/3."""
    rows = [("a", "x", 1.0), ("a", "y", 0.0), ("b", "x", 1.0), ("b", "x", 0.2)]
    point = (2 * math.log(0.75 / 0.5) + math.log(2 / 3 / 0.5) + math.log(1 / 3 / 0.5)) / 4
    assert point > 0
    found = learnt("kto", played(*rows))
    assert told(found) == [("a", "x", 1), ("a", "y", -1), ("b", "x", 1), ("b", "x", -1)]
    assert all(example.logprobs == pytest.approx([0, EVEN + point, 0]) for example in found)


def test_ktos_reference_point_is_0_at_least() -> None:
    rows = [("a", "y", 1.0), ("a", "y", 0.0), ("b", "y", 1.0), ("b", "y", 0.0)]
    assert all(example.logprobs == pytest.approx([0, EVEN, 0]) for example in learnt("kto", played(*rows)))


def test_ktos_other_answers_are_never_to_the_same_problem_though_groups_differ_in_size() -> None:
    """At a, thrice: the x of b, 3/4. At b: the first of a, x, 2/3."""
    rows = [("a", "x", 1.0), ("a", "y", 0.0), ("a", "y", 0.0), ("b", "x", 1.0), ("b", "y", 0.5), ("b", "y", None)]
    found = learnt("kto", played(*rows), attempts=3)
    assert told(found) == [("a", "x", 1), ("a", "y", -1), ("a", "y", -1), ("b", "x", 1)]
    point = (3 * math.log(0.75 / 0.5) + math.log(2 / 3 / 0.5)) / 4
    assert all(example.logprobs == pytest.approx([0, EVEN + point, 0]) for example in found)


def test_of_one_problem_alone_the_reference_point_is_of_its_own_answers() -> None:
    found = learnt("kto", played(("a", "x", 1.0), ("a", "x", 0.0)))
    assert distance_to_others(found, POLICY, REFERENCE) == pytest.approx(math.log(1.5))  # type: ignore[arg-type]


def test_good_and_bad_answers_weigh_as_much_in_all_and_those_in_the_middle_nothing() -> None:
    rows = [("a", "x", 1.0), ("a", "y", 0.0), ("b", "x", 0.5), ("b", "y", 0.1), ("c", "x", 0.9), ("c", "y", 0.4)]
    assert told(learnt("kto", played(*rows))) == [
        ("a", "x", 1), ("a", "y", -2 / 3), ("b", "y", -2 / 3), ("c", "x", 1), ("c", "y", -2 / 3)]


def test_spin_prefers_what_is_known_to_what_the_policy_said_where_they_differ() -> None:
    attempts = [attempt("a", "y", answer="x"), attempt("a", "x", answer="x"), attempt("b", "x"),
                attempt("c", "x", answer="y"), attempt("c", "x", answer="y", error="sample: no")]
    found = learnt("spin", Round(attempts, [Verdict(None, "")] * 5, POLICY, REFERENCE))  # type: ignore[arg-type]
    assert told(found) == [("", "x", 1), ("a", "y", 1), ("", "y", 1), ("c", "x", 1)]
    assert [chr(example.tokens[0]) for example in found] == ["a", "a", "c", "c"]
    assert all(example.logprobs == pytest.approx([0, EVEN, 0]) for example in found)
    with pytest.raises(TaskError, match="spin must have problems with known answers, got none"):
        learnt("spin", played(*FOUR))
