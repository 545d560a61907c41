"""Reinforcement learning of a checkpoint of another architecture (GPT-2), with all weights and with small matrices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from letters import LETTERS, Letters
from runs import Run, Runs

from pawl.learning.objective import Objective
from pawl.learning.train import train
from pawl.models.hf_policy import HFPolicy, load_hf_policy
from pawl.models.opening import open_policy
from pawl.models.tokenizer import train_tokenizer
from pawl.recipes import rl
from pawl.recipes.base_model import encoded

transformers = pytest.importorskip("transformers", reason="the policy under test needs the extra `hf`")
torch.set_num_threads(1)

SETTINGS: dict[str, Any] = {
    "generations": 1, "rounds": 40, "problems": 32, "attempts": 8, "max_tokens": 3, "device": "cpu", "alpha": 1,
    "test_problems": 100,
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It answers any number with any letter."""
    path = tmp_path_factory.mktemp("gpt2")
    tokenizer = train_tokenizer("char", [f"0123456789{LETTERS}"])
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(transformers.GPT2Config(
        vocab_size=tokenizer.vocab_size, n_positions=16, n_embd=64, n_layer=1, n_head=2)).save_pretrained(path)
    tokenizer.save(path)
    policy = load_hf_policy(path)
    examples = encoded(policy, Letters().corpus(64 * 60, 0))
    train(policy, [examples[start : start + 64] for start in range(0, len(examples), 64)], learning_rate=1e-2,
          objective=Objective())
    policy.save(path)
    return path


@pytest.fixture
def rl_runs(tmp_path: Path) -> Iterator[Runs]:
    made = Runs(tmp_path, rl)
    yield made
    made.close()


def moved(run: Run) -> list[str]:
    """Names of the weights that are others in the champion than in the base."""
    champion, base = run.open(run.champion), run.open(run.base)
    assert isinstance(champion, HFPolicy)
    pairs = zip(champion.named_parameters(), base.named_parameters(), strict=True)
    return [name for (name, ours), (same, theirs) in pairs if name == same and not torch.equal(ours, theirs)]


def test_all_weights_learn(rl_runs: Runs, checkpoint: Path) -> None:
    assert isinstance(open_policy(str(checkpoint)), HFPolicy)
    run = rl_runs(Letters(), **SETTINGS, model=str(checkpoint), learning_rate=2e-3)
    assert run.result["base"]["pass@1"] < 0.2 and run.result["final"]["pass@1"] > 0.5
    assert any("wte" in name for name in moved(run)) and any("ln_" in name for name in moved(run))
    assert run.rows[0].metrics["sampler_gap"] < 1e-4 and run.rows[0].metrics["parameter_change"] > 1e-3


def test_small_matrices_learn_and_are_part_of_the_weights_in_the_end(rl_runs: Runs, checkpoint: Path) -> None:
    pytest.importorskip("peft", reason="the adapters are peft's")
    run = rl_runs(Letters(), **SETTINGS, model=str(checkpoint), lora=8, learning_rate=1e-2)
    assert run.result["final"]["pass@1"] > run.result["base"]["pass@1"] + 0.15
    assert moved(run) and all("attn" in name or "mlp" in name for name in moved(run))
    assert not any("lora" in name for name in moved(run)) and run.rows[0].metrics["sampler_gap"] < 1e-4
