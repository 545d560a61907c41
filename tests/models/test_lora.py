"""Small matrices that learn beside a model's own, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from pawl.errors import ConfigError
from pawl.learning.objective import Objective
from pawl.learning.train import train
from pawl.models.hf_policy import HFPolicy, load_hf_policy
from pawl.models.lora import merged, with_adapters
from pawl.models.opening import fresh_policy, open_policy
from pawl.records import TokenExample

pytest.importorskip("peft", reason="the adapters are peft's")
torch.set_num_threads(1)

PROMPT, ANSWER = np.array([3, 4, 5], np.int32), np.array([6, 7, 8, 9], np.int32)
EXAMPLE = TokenExample(np.concatenate((PROMPT, ANSWER)), np.array([0, 0, 0, 1, 1, 1, 1], np.float32), 3, None, "self",
                       "")


@pytest.fixture
def policy(tmp_path: Path) -> HFPolicy:
    fresh_policy(["0123456789"], tokenizer="char", depth=1, context=32, seed=0).save(tmp_path / "base")
    return load_hf_policy(tmp_path / "base")


def said(policy: object) -> np.ndarray:
    found: np.ndarray = policy.logprobs([PROMPT], [ANSWER])[0]  # type: ignore[attr-defined]
    return found


def taught(policy: HFPolicy, rank: int = 2) -> HFPolicy:
    adapted = with_adapters(policy, rank, seed=0)
    train(adapted, [[EXAMPLE] * 4] * 30, learning_rate=1e-2, objective=Objective())
    return adapted


def test_nothing_changes_until_something_is_learnt(policy: HFPolicy) -> None:
    before = said(policy)
    np.testing.assert_array_equal(said(with_adapters(policy, 2, seed=0)), before)


def test_only_small_matrices_and_the_value_head_learn(policy: HFPolicy) -> None:
    own = {name: parameter.detach().clone() for name, parameter in policy.named_parameters()}
    before = said(policy)
    adapted = taught(policy)
    learning = {name for name, parameter in adapted.named_parameters() if parameter.requires_grad}
    assert learning and all("lora" in name or "value_head" in name for name in learning)
    kept = {name.replace(".base_layer", ""): parameter for name, parameter in adapted.named_parameters()}
    assert all(torch.equal(kept[name], parameter) for name, parameter in own.items())
    assert said(adapted).mean() > before.mean() + 0.5


def test_merged_it_says_the_same_with_weights_of_its_own_that_all_may_learn(policy: HFPolicy) -> None:
    names = [name for name, _ in policy.named_parameters()]
    adapted = taught(policy)
    expected = said(adapted)
    whole = merged(adapted)
    np.testing.assert_allclose(said(whole), expected, atol=1e-4)
    assert [name for name, _ in whole.named_parameters()] == names
    assert all(parameter.requires_grad for _, parameter in whole.named_parameters())


def test_what_was_merged_is_a_checkpoint_like_any_other(policy: HFPolicy, tmp_path: Path) -> None:
    whole = merged(taught(policy))
    whole.save(tmp_path / "whole")
    np.testing.assert_allclose(said(open_policy(tmp_path / "whole")), said(whole), atol=1e-4)
    assert not (tmp_path / "whole" / "adapter_config.json").exists()


def test_what_was_merged_can_be_adapted_again(policy: HFPolicy) -> None:
    once = merged(taught(policy))
    before = said(once)
    np.testing.assert_array_equal(said(with_adapters(once, 3, seed=1)), before)


def test_a_copy_learns_apart_from_what_it_was_copied_from(policy: HFPolicy) -> None:
    adapted = with_adapters(policy, 2, seed=0)
    before = said(adapted)
    train(adapted.clone(), [[EXAMPLE] * 4] * 5, learning_rate=1e-2, objective=Objective())
    np.testing.assert_array_equal(said(adapted), before)


def test_the_same_seed_begins_alike_and_nobody_elses_luck_changes(policy: HFPolicy) -> None:
    state = torch.random.get_rng_state()
    first, second, other = (dict(with_adapters(policy.clone(), 2, seed=seed).named_parameters()) for seed in (0, 0, 1))
    name = next(name for name in first if "lora_A" in name)
    assert torch.equal(first[name], second[name]) and not torch.equal(first[name], other[name])
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_model_that_transformers_did_not_open_is_refused(policy: HFPolicy) -> None:
    ours = fresh_policy(["0123"], tokenizer="char", depth=1, context=32, seed=0)
    with pytest.raises(ConfigError, match="LoRA must have a model that transformers opens, got a TransformerPolicy"):
        with_adapters(ours, 2, seed=0)
    with pytest.raises(ConfigError, match="rank of LoRA must be at least 1, got 0"):
        with_adapters(policy, 0, seed=0)
