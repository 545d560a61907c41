"""The checks of judges and policies pass what keeps its contract and name what breaks it, a breach at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pawl.interfaces import Policy
from pawl.records import Attempt, Evaluation, Verdict
from pawl.testing import ScriptedPolicy, check, check_judge, check_policy


def fair(attempts: Sequence[Attempt]) -> list[Verdict]:
    return [Verdict(None if a.error else float(a.completion.text == a.problem.answer), "fair") for a in attempts]


calls = iter(range(10**9))
JUDGES: dict[str, tuple[Any, str]] = {
    "too few": (lambda attempts: fair(attempts)[:1], "a verdict for each of 14 attempts, got 1"),
    "out of nothing": (
        lambda attempts: fair(attempts) or [Verdict(1.0, "x")],
        "a verdict for each of 0 attempts, got 1",
    ),
    "numbers": (lambda attempts: [1.0 for _ in attempts], "a judge must give a list of pawl.records.Verdict"),
    "NaN": (
        lambda attempts: [Verdict(float("nan"), "x") for _ in attempts],
        "a score must be None or in [0, 1], got nan",
    ),
    "no name": (lambda attempts: [replace(v, judge="") for v in fair(attempts)], "a verdict must name its judge"),
    "moody": (
        lambda attempts: [Verdict(1 / (1 + next(calls)), "x") for _ in attempts],
        "must say the same of the same",
    ),
    "guessing": (
        lambda attempts: [Verdict(0.0, "x") for _ in attempts],
        "must abstain (score None) on an attempt that failed",
    ),
    "raising": (
        lambda attempts: [Verdict(float(a.completion.text), "x") for a in attempts],
        "the judge raised ValueError",
    ),
}


def test_a_fair_judge_has_no_finding() -> None:
    assert check(fair) == check_judge(fair) == []


@pytest.mark.parametrize(("judge", "finding"), JUDGES.values(), ids=JUDGES.keys())
def test_a_judge_that_breaks_its_contract_is_named(judge: Any, finding: str) -> None:
    findings = check(judge)
    assert any(finding in found for found in findings), findings


class Broken(ScriptedPolicy):
    """A policy whose completions or thoughts are changed by a function."""

    def __init__(self, change: Any = None, think: Any = None) -> None:
        super().__init__({}, default=["ab", "ba", "cc"])
        self.change, self.think = change, think

    def propose(self, prefixes: Any, count: int, *, sampling: Any, keys: Any) -> Any:
        groups = super().propose(prefixes, count, sampling=sampling, keys=keys)
        return (
            [[self.change(c, keys, row) for c in group] for row, group in enumerate(groups)] if self.change else groups
        )

    def evaluate(self, prefixes: Any) -> Any:
        return [self.think(e) for e in super().evaluate(prefixes)] if self.think else super().evaluate(prefixes)


POLICIES: dict[str, tuple[Broken, str]] = {
    "type": (
        Broken(lambda c, keys, row: replace(c, tokens=c.tokens.astype(np.int64))),
        "tokens must be int32 [1 to 8]",
    ),
    "shape": (
        Broken(lambda c, keys, row: replace(c, logprobs=c.logprobs[:1])),
        "logprobs must be float32, one a token",
    ),
    "above 0": (Broken(lambda c, keys, row: replace(c, logprobs=c.logprobs + 1)), "must be finite and 0 at most"),
    "others": (
        Broken(lambda c, keys, row: replace(c, logprobs=c.logprobs - 1)),
        "must be those that came with the sample",
    ),
    "finish": (Broken(lambda c, keys, row: replace(c, finish="end")), "finish must be stop or length, got 'end'"),
    "length": (Broken(lambda c, keys, row: replace(c, finish="length")), "must finish by length at 8 tokens only"),
    "neighbours": (
        Broken(lambda c, keys, row: replace(c, tokens=c.tokens + np.int32(len(keys)))),
        "must not depend on its neighbours",
    ),
    "greedy": (
        Broken(lambda c, keys, row: replace(c, tokens=c.tokens + np.int32(keys[0, 0] % 97))),
        "must not depend on the keys",
    ),
    "text": (Broken(lambda c, keys, row: replace(c, text=c.text + "?")), "decode must give a completion's text"),
    "stop": (Broken(lambda c, keys, row: replace(c, text=c.text + "ab")), "must end before the stop string"),
    "sum": (Broken(think=lambda e: replace(e, logprobs=e.logprobs - 1)), "must sum to 1, got another sum"),
    "value": (Broken(think=lambda e: Evaluation(e.logprobs, 1.5)), "a value must be in [0, 1], got 1.5"),
}


@pytest.mark.parametrize(("policy", "finding"), POLICIES.values(), ids=POLICIES.keys())
def test_a_policy_that_breaks_its_contract_is_named(policy: Policy, finding: str) -> None:
    findings = check_policy(policy)
    assert any(finding in found for found in findings), findings
