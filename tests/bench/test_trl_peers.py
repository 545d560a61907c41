"""TRL's trainers as they are set up: what they learn from, and what they are rewarded for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pawl.bench.trl_peers import grpo, need_trl, sft
from pawl.models.opening import fresh_policy
from pawl.records import TokenExample
from pawl.tasks.countdown import Countdown

TASK = Countdown(numbers=2, max_number=9)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("trl", reason="the peer is trl")
    need_trl("a test")
    directory = tmp_path_factory.mktemp("checkpoint")
    texts = [problem.prompt for problem in TASK.problems("train", 20, 0)]
    fresh_policy(texts, tokenizer="char", depth=1, context=32, seed=0).save(directory)
    return directory


def test_sft_learns_the_tokens_that_have_a_weight(checkpoint: Path) -> None:
    example = TokenExample(np.array([3, 4, 5, 6], np.int32), np.array([0, 0, 1, 1], np.float32), 2, None, "self", "")
    trainer = sft(checkpoint, [example], lambda: None, dtype="float32", max_steps=1)
    assert trainer.train_dataset[0]["input_ids"] == [3, 4, 5, 6]
    assert trainer.train_dataset[0]["labels"] == [-100, -100, 5, 6]


def test_the_reward_of_grpo_is_the_truth(checkpoint: Path) -> None:
    problem = Countdown.problem((2, 3), 6)
    trainer = grpo(checkpoint, TASK, [problem], lambda: None, dtype="float32", max_steps=1)
    (reward,) = trainer.reward_funcs
    assert reward(prompts=[problem.prompt] * 2, completions=["3*2=6", "3+2=5"], completion_ids=[[1], [2]]) == [1.0, 0.0]


def test_a_training_ends_when_it_is_told_to(checkpoint: Path) -> None:
    steps = iter((False, True, False))
    example = TokenExample(np.array([3, 4, 5], np.int32), np.ones(3, np.float32), 0, None, "self", "")
    trainer = sft(checkpoint, [example] * 5, lambda: next(steps), dtype="float32", max_steps=5,
                  per_device_train_batch_size=1)
    trainer.train()
    assert trainer.state.global_step == 2


@pytest.mark.parametrize(("dtype", "mixed"), [("float32", False), ("bfloat16", True)])
def test_bfloat16_is_mixed_over_weights_in_float32(checkpoint: Path, dtype: str, mixed: bool) -> None:
    example = TokenExample(np.array([3, 4], np.int32), np.ones(2, np.float32), 0, None, "self", "")
    trainer = sft(checkpoint, [example], lambda: None, dtype=dtype, max_steps=1)
    assert trainer.args.bf16 is mixed and str(trainer.model.dtype) == "torch.float32"
