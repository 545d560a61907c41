"""vLLM as a sampler. Without a GPU a small module stands in for it, whose engine is a transformer of ours: it begins
with random weights, lays them out in another way, and can be made to keep old ones or to compute other numbers."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.machinery import ModuleSpec
from itertools import chain
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pawl.errors import MissingExtraError, SamplerError
from pawl.keys import row_keys
from pawl.models import opening, vllm_sampler
from pawl.models.checkpoint import hf_views, load_checkpoint
from pawl.models.hf_policy import load_hf_policy
from pawl.models.opening import fresh_policy, open_policy, sampled_by
from pawl.models.pair import PolicyWithValue
from pawl.models.policy import TransformerPolicy
from pawl.models.sampling import sample
from pawl.models.transformer import Transformer, initialise
from pawl.models.vllm_sampler import VLLMSampler, weights_of
from pawl.records import Completion, Sampling
from pawl.testing import check_policy

torch.set_num_threads(1)

TEXTS = ["1+2=3\n", "40*2=80", "7-5=2 abc"]
PROMPTS = ["1+2=", "7", "40*2"]
KEYS = row_keys(5, PROMPTS, 4)


class Model:
    """The engine's own: its embeddings are padded, its queries, keys and values one matrix."""

    def __init__(self, transformer: Transformer, dtype: torch.dtype) -> None:
        self.transformer, self.dtype, self.loads, self.skipped = transformer, dtype, 0, ""

    @torch.no_grad()
    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        self.loads += 1
        views = hf_views(self.transformer)
        for name, weight in weights:
            assert weight.dtype == self.dtype
            if not self.skipped or self.skipped not in name:
                views[name].copy_(weight.view(views[name].shape))

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        for name, weight in self.transformer.named_parameters():
            if "value_head" not in name:
                yield name, (F.pad(weight, (0, 0, 0, 8)) if name == "embed.weight" else weight).to(self.dtype)


class LLM:
    started: list[LLM]

    def __init__(self, model: str, *, dtype: str, load_format: str, skip_tokenizer_init: bool, generation_config: str,
                 max_model_len: int, gpu_memory_utilization: float, logprobs_mode: str, seed: int) -> None:
        assert os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"
        assert (load_format, logprobs_mode, skip_tokenizer_init) == ("dummy", "raw_logprobs", True)
        transformer, _, _ = load_checkpoint(model)
        initialise(transformer, 99)
        self.model, self.resets = Model(transformer, getattr(torch, dtype)), 0
        type(self).started.append(self)

    def apply_model(self, func: Callable[[Model], Any]) -> list[Any]:
        return [func(self.model)]

    def reset_prefix_cache(self) -> None:
        self.resets += 1

    def generate(self, prompts: Sequence[dict[str, list[int]]], asked: Sequence[Any], *, use_tqdm: bool) -> list[Any]:
        assert not use_tqdm
        return [SimpleNamespace(outputs=[self._drawn(np.array(prompt["prompt_token_ids"], np.int32), one)])
                for prompt, one in zip(prompts, asked, strict=True)]

    def _drawn(self, prompt: Any, asked: Any) -> Any:
        sampling = Sampling(asked.max_tokens, asked.temperature, top_k=asked.top_k, top_p=asked.top_p)
        ((row,),) = sample(self.model.transformer, [prompt], 1, sampling=sampling, end=frozenset(asked.stop_token_ids),
                           keys=np.array([[asked.seed]], np.uint64))
        said = [{int(token): SimpleNamespace(logprob=float(chance))}
                for token, chance in zip(row.tokens, row.logprobs, strict=True)]
        return SimpleNamespace(token_ids=row.tokens.tolist(), logprobs=said)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[LLM]:
    """The engines that were started, of a vLLM that is none."""
    module, engines = ModuleType("vllm"), list[LLM]()
    module.__spec__ = ModuleSpec("vllm", None)
    module.LLM = type("LLM", (LLM,), {"started": engines})  # type: ignore[attr-defined]
    module.SamplingParams = SimpleNamespace  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", module)
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "1")
    return engines


def make(dtype: str = "float32") -> TransformerPolicy:
    policy = fresh_policy(TEXTS, tokenizer="char", depth=2, context=64, seed=0, dtype=dtype)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for _, parameter in policy.named_parameters():
            parameter.add_(torch.randn(parameter.shape, generator=random), alpha=0.15)
    return policy


def drawn(policy: Any, count: int = 4, keys: Any = KEYS, **sampling: Any) -> list[Completion]:
    asked = Sampling(**({"max_tokens": 12} | sampling))
    return list(chain(*policy.propose([policy.encode(prompt) for prompt in PROMPTS], count, sampling=asked, keys=keys)))


def change(policy: Any) -> None:
    """As a step of an optimiser."""
    with torch.no_grad():
        next(policy.named_parameters())[1].mul_(1.01)


@pytest.mark.parametrize("sampling", [{}, {"temperature": 0.0}, {"temperature": 1.5, "top_k": 5}, {"stop": ("1", "2")}])
def test_it_draws_what_the_policy_would_by_the_same_random_numbers(
    started: list[LLM], sampling: dict[str, Any]
) -> None:
    policy = make()
    ours, theirs = drawn(policy, keys=KEYS >> np.uint64(1), **sampling), drawn(VLLMSampler(policy), **sampling)
    for left, right in zip(ours, theirs, strict=True):
        assert (left.tokens.tolist(), left.text, left.finish) == (right.tokens.tolist(), right.text, right.finish)
        np.testing.assert_allclose(left.logprobs, right.logprobs, atol=1e-5)
    assert len({completion.finish for completion in theirs}) == 2 or "stop" not in sampling


def test_it_keeps_the_contract_of_a_policy(started: list[LLM]) -> None:
    assert check_policy(VLLMSampler(make())) == []


def test_in_bfloat16_rounded_weights_go_over_and_pass(started: list[LLM]) -> None:
    sampler = VLLMSampler(make("bfloat16"))
    assert drawn(sampler)
    assert {weight.dtype for _, weight in sampler.named_parameters()} == {torch.float32}
    assert started[0].model.dtype == torch.bfloat16


def test_weights_go_over_when_they_are_not_what_went_last(started: list[LLM]) -> None:
    sampler, loads = VLLMSampler(make()), []
    clone = sampler.clone()
    for step in (lambda: None, lambda: None, lambda: change(sampler), lambda: None):
        step()
        drawn(sampler)
        loads.append(started[0].model.loads)
    drawn(clone)
    drawn(sampler)
    assert loads == [1, 1, 2, 2] and started[0].model.loads == started[0].resets == 4
    assert len(started) == 1


def test_a_new_policy_is_not_taken_for_one_that_lay_there(started: list[LLM]) -> None:
    sampler, other = VLLMSampler(make()), make()
    drawn(sampler)
    state = sampler.engine._state
    assert sampler.engine.has(sampler.policy, state) and not sampler.engine.has(other, state)


@pytest.mark.parametrize("skipped", ["", "layers.1.mlp.down_proj", "norm"])
def test_weights_that_did_not_arrive_stop_the_run(started: list[LLM], skipped: str) -> None:
    """All of them, or some."""
    sampler = VLLMSampler(make())
    drawn(sampler)
    started[0].model.skipped = skipped or "."
    with torch.no_grad():
        for _, parameter in sampler.named_parameters():
            parameter.mul_(1.01)
    with pytest.raises(SamplerError, match=r"whose hash is [0-9a-f]{16}, got [0-9a-f]{16}: .* just now"):
        drawn(sampler)


def test_weights_that_changed_unseen_stop_the_run_at_the_next_check(
    started: list[LLM], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vllm_sampler, "CHECKED_EVERY", 30)
    sampler = VLLMSampler(make())
    drawn(sampler)
    next(sampler.named_parameters())[1].data.mul_(1.5)
    for _ in range(2):
        drawn(sampler)
    with pytest.raises(SamplerError, match="since when they changed"):
        drawn(sampler)


def test_an_engine_that_computes_other_numbers_stops_the_run(started: list[LLM]) -> None:
    """The same weights, turned by positions in another way."""
    sampler = VLLMSampler(make())
    drawn(sampler)
    change(sampler)
    model = started[0].model.transformer
    model.arch = replace(model.arch, rope_theta=3.0)
    model._rotary = model._rotary[:0]
    with pytest.raises(SamplerError, match=r"within 0\.02 nats a token .* got \d\.\d+ on 12 completions"):
        drawn(sampler)


def test_an_engine_that_says_no_numbers_stops_the_run(started: list[LLM], monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = VLLMSampler(make())
    monkeypatch.setattr(LLM, "_drawn", lambda self, prompt, asked: SimpleNamespace(
        token_ids=[3], logprobs=[{3: SimpleNamespace(logprob=float("nan"))}]))
    with pytest.raises(SamplerError, match="got nan"):
        drawn(sampler)


def test_a_row_that_a_stop_string_ends_is_cut_behind_it(started: list[LLM]) -> None:
    sampler = VLLMSampler(make())
    free, stopped = drawn(sampler, temperature=1.5), drawn(sampler, temperature=1.5, stop=("1", "2"))
    cut = [right for left, right in zip(free, stopped, strict=True) if len(right.tokens) < len(left.tokens)]
    assert cut and all(len(row.tokens) == len(row.logprobs) and row.finish == "stop" for row in cut)
    assert not any("1" in row.text or "2" in row.text for row in stopped)


def test_all_but_its_draws_is_the_policys(started: list[LLM], tmp_path: Path) -> None:
    policy = make()
    sampler, prefixes = VLLMSampler(policy), [policy.encode(prompt) for prompt in PROMPTS]
    with sampler.remembering():
        sampler.evaluate(prefixes[:1])
        assert sampler.unread(prefixes)[0] == 0
    sampler.save(tmp_path)
    opened = open_policy(tmp_path)
    for ours, theirs in zip(sampler.evaluate(prefixes), opened.evaluate(prefixes), strict=True):
        np.testing.assert_array_equal(ours.logprobs, theirs.logprobs)
    assert sampler.context == 64 and not started


def test_vllm_as_the_device_puts_it_beside_the_policy_and_not_beside_the_value(
    started: list[LLM], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    PolicyWithValue(make(), make()).save(tmp_path)
    monkeypatch.setattr(opening, "device_of", lambda name: torch.device("cpu"))  # as if there were a GPU
    opened = open_policy(tmp_path, device="vllm")
    assert isinstance(opened, PolicyWithValue) and isinstance(opened.policy, VLLMSampler)
    assert isinstance(opened.value, TransformerPolicy)
    assert isinstance(sampled_by(make(), "cpu"), TransformerPolicy)


def test_weights_have_the_names_that_transformers_gives_them(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the other policy needs the extra `hf`")
    ours = make()
    ours.save(tmp_path)
    theirs = dict(weights_of(load_hf_policy(tmp_path)))
    assert {name: weight.shape for name, weight in weights_of(ours)} == {
        name: weight.shape for name, weight in theirs.items()}
    assert all(torch.equal(weight, theirs[name]) for name, weight in weights_of(ours))


def test_without_vllm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pawl\[vllm\]"):
        VLLMSampler(make())


@pytest.mark.skipif(not torch.cuda.is_available() or importlib.util.find_spec("vllm") is None,
                    reason="needs a GPU and vllm")
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_vllm_itself_takes_the_weights_and_agrees(dtype: str, tmp_path: Path) -> None:
    policy = fresh_policy(TEXTS, tokenizer="char", depth=8, context=64, seed=0)
    policy.save(tmp_path)
    sampler = open_policy(tmp_path, device="vllm", dtype=dtype)
    first = drawn(sampler)
    change(sampler)
    second = drawn(sampler)  # checked again
    assert [row.tokens.tolist() for row in drawn(sampler)] == [row.tokens.tolist() for row in second]
    assert all(1 <= len(row.tokens) <= 12 for row in first + second)
