"""vLLM in this process: started from a policy, given its weights in memory, asked what it holds (extra `vllm`).

`LLM.apply_model` runs a function on the engine's own model, as long as both are in one process
(VLLM_ENABLE_V1_MULTIPROCESSING=0, which also makes its scheduling repeatable); the model's `load_weights` takes tensors
under their Hugging Face names, fused and cut as the engine likes. It starts with random weights, so that nothing can be
sampled from a checkpoint by mistake.

Not covered: several GPUs, quantised weights, engines in other processes, memory that the engine frees while the policy
learns.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pawl.errors import MissingExtraError
from pawl.interfaces import Trainable
from pawl.models.weight_hash import weight_hash
from pawl.records import FloatArray, IntArray, Sampling

MEMORY = 0.4
"""Share of the GPU's memory that the engine takes; the rest is for learning."""

State = list[tuple[int, int]]
"""What tells that weights were written to, a pair for each."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one request came to."""

    tokens: IntArray
    """[T], a token that ended it included."""
    logprobs: FloatArray
    """[T] at temperature 1, before anything was cut off."""


class Engine:
    """One engine, for all policies of an architecture."""

    def __init__(self, dtype: torch.dtype) -> None:
        """Of weights and products. It starts when it is first given weights. Raises MissingExtraError without vLLM."""
        if importlib.util.find_spec("vllm") is None:
            raise MissingExtraError("sampling with vLLM", "vllm")
        self.dtype = dtype
        self.llm: Any = None
        self._owner: weakref.ref[Trainable] | None = None
        self._state: State = []

    @cached_property
    def package(self) -> Any:
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # read when vLLM starts
        return importlib.import_module("vllm")

    def _start(self, policy: Trainable) -> Any:
        """What vLLM calls an LLM. Tokens go in and come out, so it needs no tokenizer."""
        with tempfile.TemporaryDirectory() as directory:
            policy.save(Path(directory))
            return self.package.LLM(
                model=directory, dtype=str(self.dtype).removeprefix("torch."), load_format="dummy",
                skip_tokenizer_init=True, generation_config="vllm", max_model_len=policy.context,
                gpu_memory_utilization=MEMORY, logprobs_mode="raw_logprobs", seed=0)

    def has(self, policy: Trainable, state: State) -> bool:
        """Whether it was last given the weights of this very policy in this state. The state alone would not do: a new
        policy may come to lie where one lay that is gone."""
        return self._owner is not None and self._owner() is policy and self._state == state

    def hand_over(self, policy: Trainable, state: State, weights: Iterable[tuple[str, Tensor]]) -> None:
        """The engine's weights become these, under their Hugging Face names; what it kept of prefixes goes."""
        self._owner = None
        if self.llm is None:
            self.llm = self._start(policy)
        self.llm.apply_model(lambda model: model.load_weights((name, part.to(self.dtype)) for name, part in weights))
        self.llm.reset_prefix_cache()
        self._owner, self._state = weakref.ref(policy), state

    def held(self) -> str:
        """The hash of the weights that the engine has now."""
        (found,) = self.llm.apply_model(
            lambda model: weight_hash((part for _, part in model.named_parameters()), self.dtype))
        return str(found)

    def draw(self, prefixes: Sequence[IntArray], seeds: Sequence[int], sampling: Sampling, end: Sequence[int]
             ) -> list[Drawn]:
        """A completion of each prefix, by the random numbers of its own seed; `end` are the tokens that end one."""
        asked = [self.package.SamplingParams(
            temperature=sampling.temperature, top_k=sampling.top_k, top_p=sampling.top_p, seed=seed, logprobs=0,
            max_tokens=sampling.max_tokens, stop_token_ids=list(end), ignore_eos=True, detokenize=False)
            for seed in seeds]
        prompts = [{"prompt_token_ids": prefix.tolist()} for prefix in prefixes]
        return [_drawn(request.outputs[0]) for request in self.llm.generate(prompts, asked, use_tqdm=False)]


def _drawn(output: Any) -> Drawn:
    tokens = np.array(output.token_ids, np.int32)
    chances = [said[token].logprob for token, said in zip(output.token_ids, output.logprobs, strict=True)]
    return Drawn(tokens, np.array(chances, np.float32))
