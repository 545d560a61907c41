"""A policy and its value network are one policy: on disk, as copies, and when asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pawl.keys import row_keys
from pawl.learning.objective import VALUE_NETWORK, Objective
from pawl.learning.train import planned, train
from pawl.models.opening import fresh_policy, open_policy
from pawl.models.pair import PolicyWithValue, critic_of
from pawl.models.policy import TransformerPolicy
from pawl.records import Demonstration, Sampling, TokenExample
from pawl.testing import ScriptedPolicy

torch.set_num_threads(1)

TEXTS = ["1+2=3\n", "40*2=80"] * 4


def fresh(seed: int) -> TransformerPolicy:
    policy = fresh_policy(TEXTS, tokenizer="char", depth=1, context=32, seed=seed)
    with torch.no_grad():
        policy.model.value_head.weight.normal_(generator=torch.Generator().manual_seed(seed))
    return policy


@pytest.fixture
def pair() -> PolicyWithValue:
    return PolicyWithValue(fresh(0), fresh(1))


def weights(policy: TransformerPolicy) -> list[torch.Tensor]:
    return [parameter.detach().clone() for _, parameter in policy.named_parameters()]


def test_it_speaks_with_the_policy_and_judges_with_the_value(pair: PolicyWithValue) -> None:
    prefixes = [pair.encode(text) for text in ("1+2", "40*")]
    keys = row_keys(0, ["a", "b"], 2)
    drawn, alone = (each.propose(prefixes, 2, sampling=Sampling(4), keys=keys) for each in (pair, pair.policy))
    assert [[row.text for row in group] for group in drawn] == [[row.text for row in group] for group in alone]
    for found, said, judged in zip(pair.evaluate(prefixes), pair.policy.evaluate(prefixes),
                                   pair.value.evaluate(prefixes), strict=True):
        np.testing.assert_array_equal(found.logprobs, said.logprobs)
        assert found.value == judged.value != said.value


def test_it_opens_as_it_was_saved_and_its_policy_opens_alone(pair: PolicyWithValue, tmp_path: Path) -> None:
    pair.save(tmp_path)
    opened = open_policy(tmp_path)
    assert isinstance(opened, PolicyWithValue)
    prefix = [pair.encode("1+2")]
    (found,), (expected,) = opened.evaluate(prefix), pair.evaluate(prefix)
    assert found.value == expected.value
    np.testing.assert_array_equal(found.logprobs, expected.logprobs)
    transformers = pytest.importorskip("transformers", reason="the extra `hf` has transformers")
    alone = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    logits = alone(torch.from_numpy(prefix[0]).long()[None]).logits[0, -1]
    torch.testing.assert_close(logits.log_softmax(-1), torch.from_numpy(expected.logprobs), rtol=1e-4, atol=1e-5)


def test_a_copy_is_its_own(pair: PolicyWithValue) -> None:
    copy = pair.clone()
    with torch.no_grad():
        for part in (copy.policy, copy.value):
            next(part.named_parameters())[1].add_(1)
    prefix = [pair.encode("1+2")]
    assert copy.evaluate(prefix)[0].value != pair.evaluate(prefix)[0].value


@pytest.mark.parametrize("learner", ["policy", "value"])
def test_each_learns_by_itself(pair: PolicyWithValue, learner: str) -> None:
    assert isinstance(pair.policy, TransformerPolicy) and isinstance(pair.value, TransformerPolicy)
    prompt, completion = pair.encode_demonstration(Demonstration("1+2", "=3"))
    tokens = np.concatenate((prompt, completion))
    weighted = np.where(np.arange(len(tokens)) < len(prompt), 0, 1).astype(np.float32)
    example = TokenExample(tokens, weighted, len(prompt), 1.0, "self", "p")
    before = {"policy": weights(pair.policy), "value": weights(pair.value)}
    objective = Objective() if learner == "policy" else VALUE_NETWORK
    train(pair if learner == "policy" else critic_of(pair), planned([example], [np.zeros(1, np.int64)] * 2),
          learning_rate=1e-2, objective=objective)
    for name, part in (("policy", pair.policy), ("value", pair.value)):
        moved = [not torch.equal(old, new) for old, new in zip(before[name], weights(part), strict=True)]
        assert any(moved) == (name == learner)
        if name == learner == "value":
            assert sum(moved) >= len(moved) - 1  # all but a bias that may not matter


def test_a_policy_alone_is_its_own_critic() -> None:
    policy = fresh(0)
    assert critic_of(policy) is policy


def test_each_remembers_what_it_has_read_itself(pair: PolicyWithValue) -> None:
    assert isinstance(pair.policy, TransformerPolicy) and isinstance(pair.value, TransformerPolicy)
    prefix = [pair.encode("40*2")]
    plain = pair.evaluate(prefix)
    with pair.remembering():
        pair.value.evaluate(prefix)
        assert pair.value.unread(prefix) == [0] and pair.unread(prefix) == pair.policy.unread(prefix) == [4]
        (found,) = pair.evaluate(prefix)
        assert pair.unread(prefix) == [0]
    assert found.value == pytest.approx(plain[0].value, abs=1e-5)
    np.testing.assert_allclose(found.logprobs, plain[0].logprobs, atol=2e-5)
    assert pair.unread(prefix) == pair.value.unread(prefix) == [4]


def test_a_policy_that_is_its_own_value_remembers_once() -> None:
    policy = fresh(0)
    pair = PolicyWithValue(policy, policy)
    with pair.remembering():
        pair.evaluate([pair.encode("1+2")])
        assert pair.unread([pair.encode("1+2=")]) == [1]
    assert policy.unread([pair.encode("1+2")]) == [3]


def test_beside_one_that_cannot_remember_prefixes_count_whole() -> None:
    scripted: Any = ScriptedPolicy({})
    pair = PolicyWithValue(scripted, fresh(0))
    with pair.remembering():
        prefix = [pair.value.encode("1+2")]
        pair.value.evaluate(prefix)
        assert pair.unread(prefix) == [3]
