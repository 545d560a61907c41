"""The scripted policy says what its script says, as often as the script says it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from pawl.interfaces import Policy
from pawl.keys import row_keys, stream
from pawl.records import Completion, Sampling
from pawl.testing import ScriptedPolicy, check_policy

SCRIPT = {"1+1=": ["2", "2", "3", "10"], "2*2=": ["4"], "émile 🦀": ["ça 🦀 va", ""]}


def draws(policy: Policy, prompt: str, count: int, sampling: Sampling) -> list[Completion]:
    [row] = policy.propose(
        [policy.encode(prompt)], count, sampling=sampling, keys=row_keys(stream(0, "draw"), ["x"], count)
    )
    return row


def test_the_scripted_policy_keeps_the_contract_of_policies() -> None:
    assert check_policy(ScriptedPolicy(SCRIPT), list(SCRIPT)) == []
    assert check_policy(ScriptedPolicy({}, default=["a word", "another"])) == []


def test_it_draws_each_answer_as_often_as_the_script_has_it() -> None:
    counts = Counter(one.text for one in draws(ScriptedPolicy(SCRIPT), "1+1=", 2000, Sampling(8)))
    assert counts.keys() == {"2", "3", "10"}
    expected = [1000, 500, 500]
    assert stats.chisquare([counts[text] for text in ("2", "3", "10")], expected).pvalue > 0.001


def test_its_log_probabilities_are_those_of_the_script() -> None:
    policy = ScriptedPolicy(SCRIPT)
    chances = {one.text: float(one.logprobs.sum()) for one in draws(policy, "1+1=", 50, Sampling(8))}
    assert chances == pytest.approx({"2": np.log(1 / 2), "3": np.log(1 / 4), "10": np.log(1 / 4)})
    started = policy.encode("1+1=1")
    assert [float(one) for one in policy.logprobs([started], [policy.encode("0")])[0]] == [0.0]


def test_greedy_takes_the_likeliest_answer() -> None:
    assert {one.text for one in draws(ScriptedPolicy(SCRIPT), "1+1=", 5, Sampling(8, temperature=0.0))} == {"2"}


def test_it_stops_at_stop_strings_and_at_the_longest_completion() -> None:
    policy = ScriptedPolicy({"x": ["one\ntwo"]})
    [stopped] = draws(policy, "x", 1, Sampling(20, stop=("\n",)))
    [cut] = draws(policy, "x", 1, Sampling(5))
    [whole] = draws(policy, "x", 1, Sampling(20))
    assert (stopped.text, stopped.finish) == ("one", "stop")
    assert (cut.text, cut.finish, len(cut.tokens)) == ("one\nt", "length", 5)
    assert (whole.text, whole.finish, len(whole.tokens)) == ("one\ntwo", "stop", 8)


def test_a_whole_answer_can_be_asked_about_with_its_end() -> None:
    policy = ScriptedPolicy({"x": ["ab"]}, value=0.25)
    (open_, ended) = policy.evaluate([policy.encode("xa"), np.append(policy.encode("xab"), np.int32(256))])
    assert (open_.value, ended.value) == (0.25, 0.25)
    assert np.exp(open_.logprobs)[ord("b")] == np.exp(ended.logprobs)[256] == 1.0


def test_messages_are_named_by_their_text() -> None:
    messages = ({"role": "user", "content": "1+1?"},)
    policy = ScriptedPolicy({ScriptedPolicy.render(messages): ["2"]}, value=0.25)
    assert policy.encode(messages).tolist() == list(b"user: 1+1?\n")
    assert policy.evaluate([policy.encode(messages)])[0].value == 0.25
