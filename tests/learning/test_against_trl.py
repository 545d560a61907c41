"""Losses and gradients beside those of TRL's trainers, where TRL has the same loss, on the same batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pawl.learning.advantages import group_normalised, leave_one_out
from pawl.learning.batch import collate
from pawl.learning.gradient import batch_losses, weighted
from pawl.learning.objective import Objective
from pawl.learning.terms import Desirability, Preference, Surrogate, Term
from pawl.models.opening import fresh_policy
from pawl.models.policy import TransformerPolicy
from pawl.records import TokenExample

trl = pytest.importorskip("trl", reason="the peer is trl")
transformers = pytest.importorskip("transformers", reason="the peer is trl")
Dataset = pytest.importorskip("datasets", reason="the peer is trl").Dataset
torch.set_num_threads(1)

ROWS = [("1+2=", "3", "25"), ("4*4=", "16", "7"), ("9-1=", "8888", "80")]
COMMON = {"use_cpu": True, "bf16": False, "report_to": "none", "per_device_train_batch_size": 3, "max_steps": 1,
          "disable_tqdm": True}


@dataclass(frozen=True)
class Pair:
    """A policy and its reference, each beside its checkpoint."""

    policy: TransformerPolicy
    reference: TransformerPolicy
    paths: tuple[str, str]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    made, paths = [], []
    for seed in (0, 1):
        policy = fresh_policy(["0123456789+-*="], tokenizer="char", depth=1, context=32, seed=seed)
        for parameter in policy.model.parameters():
            parameter.data.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed)), alpha=0.1)
        policy.model.value_head.weight.data.zero_()
        paths.append(str(tmp_path_factory.mktemp(f"checkpoint{seed}")))
        policy.save(Path(paths[-1]))
        made.append(policy)
    return Pair(made[0], made[1], (paths[0], paths[1]))


def examples(tokens: Tensor, answers: Tensor, weights: Sequence[float]) -> list[TokenExample]:
    """Rows of a peer's batch, padded on either side, as examples: their tokens and the mask of their answers [B, T]."""
    made = []
    for row, mask, weight in zip(tokens.tolist(), answers.tolist(), weights, strict=True):
        last = max(place for place, of_answer in enumerate(mask) if of_answer)
        first = next(place for place, token in enumerate(row) if token != 0)
        begin = mask.index(1) - first
        written = np.array(row[first : last + 1], np.int32)
        made.append(TokenExample(written, (weight * (np.arange(len(written)) >= begin)).astype(np.float32), begin, None,
                                 "self", ""))
    return made


def beside(policy: TransformerPolicy, lessons: Sequence[TokenExample], other: TransformerPolicy, raised: float = 0.0
           ) -> list[TokenExample]:
    theirs = other.logprobs([one.tokens[: one.prompt_length] for one in lessons],
                            [one.tokens[one.prompt_length :] for one in lessons])
    made = []
    for one, logprobs in zip(lessons, theirs, strict=True):
        known = np.concatenate((np.zeros(one.prompt_length, np.float32), logprobs))
        known[one.prompt_length] += raised
        made.append(replace(one, logprobs=known))
    return made


def ours(policy: TransformerPolicy, lessons: Sequence[TokenExample], objective: Objective) -> tuple[float, Tensor]:
    """The loss and its gradient at the embedding."""
    policy.model.zero_grad()
    loss = weighted(batch_losses(policy, collate(lessons, torch.device("cpu")), objective), objective)
    loss.backward()
    assert policy.model.embed.weight.grad is not None
    return float(loss.detach()), policy.model.embed.weight.grad.clone()


def theirs(trainer: Any, loss: Tensor) -> tuple[float, Tensor]:
    trainer.model.zero_grad()
    loss.backward()
    return float(loss.detach()), trainer.model.get_input_embeddings().weight.grad.clone()


def same(found: tuple[float, Tensor], expected: tuple[float, Tensor]) -> None:
    assert found[0] == pytest.approx(expected[0], rel=1e-4, abs=1e-6)
    assert float(expected[1].abs().max()) > 1e-5
    torch.testing.assert_close(found[1], expected[1], atol=1e-6, rtol=1e-3)


def models(pair: Pair) -> list[Any]:
    """The policy and its reference as TRL takes them."""
    return [transformers.AutoModelForCausalLM.from_pretrained(path) for path in pair.paths]


def first_batch(trainer: Any) -> dict[str, Tensor]:
    batch: dict[str, Tensor] = next(iter(trainer.get_train_dataloader()))
    return batch


@pytest.mark.parametrize(("loss", "kind"), [("sigmoid", "dpo"), ("ipo", "ipo")])
def test_preferences_are_those_of_the_dpo_trainer(pair: Pair, loss: str, kind: str, tmp_path: Path) -> None:
    rows = Dataset.from_list([{"prompt": asked, "chosen": better, "rejected": worse} for asked, better, worse in ROWS])
    config = trl.DPOConfig(str(tmp_path), loss_type=[loss], beta=0.3, **COMMON)
    trainer = trl.DPOTrainer(*models(pair), config, train_dataset=rows)
    batch = first_batch(trainer)
    expected = theirs(trainer, trainer.compute_loss(trainer.model, batch))
    chosen, rejected = (examples(tokens, mask, [1.0] * 3) for tokens, mask in zip(
        batch["input_ids"].chunk(2), batch["completion_mask"].chunk(2), strict=True))
    in_turn = [one for both in zip(chosen, rejected, strict=True) for one in both]
    assert len({len(one.tokens) for one in in_turn}) > 1
    found = ours(pair.policy, beside(pair.policy, in_turn, pair.reference),
                 Objective(Preference(kind, 0.3)))  # type: ignore[arg-type]  # parametrised
    same(found, expected)


def test_good_and_bad_answers_are_those_of_the_kto_trainer(pair: Pair, tmp_path: Path) -> None:
    rows = Dataset.from_list([{"prompt": asked, "completion": better, "label": place != 1}
                              for place, (asked, better, _) in enumerate(ROWS)])
    config = trl.KTOConfig(str(tmp_path), beta=0.3, **COMMON)
    trainer = trl.KTOTrainer(*models(pair), config, train_dataset=rows)
    batch = first_batch(trainer)
    expected = theirs(trainer, trainer.compute_loss(trainer.model, batch))
    signs = [1.0 if label else -1.0 for label in batch["label"]]
    lessons = examples(batch["input_ids"], batch["completion_mask"], signs)
    others = examples(batch["KL_input_ids"], batch["KL_completion_mask"], signs)
    apart = [policy.logprobs([one.tokens[: one.prompt_length] for one in others],
                             [one.tokens[one.prompt_length :] for one in others])
             for policy in (pair.policy, pair.reference)]
    point = max(0.0, float(np.mean([float((new - old).sum()) for new, old in zip(*apart, strict=True)])))
    found = ours(pair.policy, beside(pair.policy, lessons, pair.reference, raised=point), Objective(Desirability(0.3)))
    # TRL's loss is the mean over answers as well.
    same(found, expected)


SCORES = np.array([[1.0, 0.0, 0.5], [0.0, 0.0, 1.0]])


@pytest.fixture(scope="module")
def played(pair: Pair) -> tuple[list[TokenExample], dict[str, Tensor]]:
    """Six answers to two prompts, as examples without weights, and as TRL's trainers pass them on."""
    answers = ["3", "25", "7777", "16", "8", "444"]
    prompts = [pair.policy.encode("1+2=")] * 3 + [pair.policy.encode("44*44=")] * 3
    completions = [np.append(pair.policy.tokenizer.encode(answer, continues=True), pair.policy.tokenizer.eos_id)
                   for answer in answers]
    width, longest = max(map(len, prompts)), max(map(len, completions))
    asked, written = torch.zeros(6, width, dtype=torch.long), torch.zeros(6, longest, dtype=torch.long)
    of_asked, of_written = torch.zeros_like(asked), torch.zeros_like(written)
    for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        asked[row, width - len(prompt) :], of_asked[row, width - len(prompt) :] = torch.tensor(prompt), 1
        written[row, : len(completion)], of_written[row, : len(completion)] = torch.tensor(completion), 1
    lessons = [TokenExample(np.concatenate(both).astype(np.int32), np.ones(len(both[0]) + len(both[1]), np.float32),
                            len(both[0]), None, "self", "") for both in zip(prompts, completions, strict=True)]
    known = pair.reference.logprobs(prompts, completions)
    old = torch.zeros(6, longest)
    for row, logprobs in enumerate(known):
        old[row, : len(logprobs)] = torch.from_numpy(logprobs)
    return lessons, {"prompt_ids": asked, "prompt_mask": of_asked, "completion_ids": written,
                     "completion_mask": of_written, "old_per_token_logps": old, "old_logps": old.sum(1),
                     "num_items_in_batch": of_written.sum()}


def weighed(pair: Pair, lessons: Sequence[TokenExample], advantages: np.ndarray) -> list[TokenExample]:
    signed = [replace(one, weights=(advantage * (np.arange(len(one.tokens)) >= one.prompt_length)).astype(np.float32))
              for one, advantage in zip(lessons, advantages.ravel(), strict=True)]
    return beside(pair.policy, signed, pair.reference)


@pytest.mark.parametrize(("loss", "term"), [
    ("grpo", Surrogate(per="sequence", high=0.28)),
    ("dapo", Surrogate(per="token", high=0.28)),
    ("dr_grpo", Surrogate(per="length", high=0.28, length=8.0)),
])
def test_the_surrogate_is_that_of_the_grpo_trainer(pair: Pair, loss: str, term: Term, tmp_path: Path,
                                                   played: tuple[list[TokenExample], dict[str, Tensor]]) -> None:
    config = trl.GRPOConfig(str(tmp_path), loss_type=loss, epsilon_high=0.28, max_completion_length=8,
                            num_generations=3, **COMMON | {"per_device_train_batch_size": 6})
    trainer = trl.GRPOTrainer(pair.paths[0], lambda **_: [0.0] * 6, config,
                              Dataset.from_dict({"prompt": ["1+2="]}))
    trainer.current_gradient_accumulation_steps = 1
    trainer.model.train()
    lessons, batch = played
    advantages = group_normalised(SCORES)
    given = batch | {"advantages": torch.tensor(advantages.ravel(), dtype=torch.float32)}
    expected = theirs(trainer, trainer._compute_loss(trainer.model, given))
    same(ours(pair.policy, weighed(pair, lessons, advantages), Objective(term)), expected)


def test_the_ratio_of_answers_is_that_of_the_rloo_trainer(pair: Pair, tmp_path: Path,
                                                          played: tuple[list[TokenExample], dict[str, Tensor]]) -> None:
    config = trl.RLOOConfig(str(tmp_path), max_completion_length=8, num_generations=3,
                            **COMMON | {"per_device_train_batch_size": 6})
    trainer = trl.RLOOTrainer(pair.paths[0], lambda **_: [0.0] * 6, config,
                              Dataset.from_dict({"prompt": ["1+2="]}))
    trainer.current_gradient_accumulation_steps = 1
    lessons, batch = played
    advantages = leave_one_out(SCORES)
    given = batch | {"advantages": torch.tensor(advantages.ravel(), dtype=torch.float32)}
    expected = theirs(trainer, trainer._compute_loss(trainer.model, given))
    same(ours(pair.policy, weighed(pair, lessons, advantages), Objective(Surrogate(ratio="sequence"))), expected)

