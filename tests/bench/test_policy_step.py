"""The comparison with TRL, small: what its rows say, and that both sides do the same work."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pawl.bench.pairs import TurnAbout
from pawl.bench.policy_step import Load, Sides, policy_step, run
from pawl.bench.trl_peers import need_trl
from pawl.errors import MissingExtraError
from pawl.judges.truth import truth
from pawl.models.opening import fresh_policy
from pawl.recipes.countdown import Settings
from pawl.tasks.countdown import Countdown

torch.set_num_threads(1)

LOAD = Load(prompts=3, completions=2, new_tokens=4, train_steps=2)
TINY = Settings(depth=1, base_steps=1, batch=8)
PROMISED = {"name", "size", "peer", "ratio", "low", "high", "unit"}


@pytest.fixture
def sides(tmp_path: Path) -> Sides:
    pytest.importorskip("trl", reason="the peer is trl")
    need_trl("a test")
    task = Countdown()
    texts = [text.prompt + text.completion for text in task.corpus(50, 0)]
    fresh_policy(texts, tokenizer="char", depth=1, context=64, seed=0).save(tmp_path)
    return Sides(tmp_path, task, repeats=1, compiled=False)


def test_both_sides_sample_and_learn_the_same_number_of_tokens_in_as_many_steps(sides: Sides) -> None:
    policy = sides.policy(LOAD, "float32")
    learnt = [policy_step(policy, policy.clone(), truth(sides.task), problems, LOAD)[1]
              for problems in sides.problems(LOAD)]
    turns = TurnAbout(lambda: LOAD.attempts, work=LOAD.attempts, repeats=1)
    trainer = sides.grpo(LOAD, "float32", turns)
    trainer.train()
    told = trainer.state.log_history[-1]
    assert told["completions/min_length"] == told["completions/max_length"] == LOAD.new_tokens
    assert told["num_tokens"] == sum(training.tokens for training in learnt)
    assert trainer.state.global_step == sum(training.steps for training in learnt) == turns.calls == 3


def test_a_step_learns_every_token_that_was_sampled(sides: Sides) -> None:
    examples = sides.examples(LOAD)
    assert len(examples) == LOAD.attempts * LOAD.train_steps
    for example in examples:
        assert len(example.tokens) == example.prompt_length + LOAD.new_tokens
        assert example.weights.sum() == LOAD.new_tokens


def test_completions_end_where_lengths_are_not_forced(sides: Sides) -> None:
    forced, free = (sides.policy(load, "float32").tokenizer.end_ids for load in (LOAD, Load(forced=False)))
    assert forced == () and free != ()


def test_a_row_for_each_load_and_precision_holds_what_is_promised() -> None:
    pytest.importorskip("trl", reason="the peer is trl")
    free = Load(prompts=3, completions=2, new_tokens=4, forced=False, kl=0.1)
    rows = run(1, ["float32", "bfloat16"], [LOAD, free], [LOAD], TINY, compiled=False)
    assert [(row["peer"], row["size"].split()[-1]) for row in rows] == [
        (peer, dtype) for dtype in ("float32", "bfloat16")
        for peer in ("TRL GRPOTrainer", "TRL GRPOTrainer, both with KL", "TRL SFTTrainer")]
    for row in rows:
        assert row.keys() >= PROMISED and row["name"] == "policy-step"
        assert 0 < row["low"] <= row["ratio"] <= row["high"]


def test_the_peer_is_compiled_where_asked_for_and_its_rows_say_so(sides: Sides) -> None:
    turns = TurnAbout(lambda: LOAD.attempts, work=LOAD.attempts, repeats=1)
    for compiled in (False, True):
        asked = replace(sides, compiled=compiled)
        assert asked.grpo(LOAD, "float32", turns).args.torch_compile is compiled
        assert asked.named("TRL").endswith(", compiled") is compiled


def test_without_the_peer_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trl", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pawl\[bench\]'"):
        run(1)
