"""LoRA: a model learns by small matrices beside its own, which then become part of them (extra `hf`).

Hu et al., "LoRA: Low-rank adaptation of large language models", 2021, by peft. What learns is a hundredth of the
weights, and so are its gradients and the optimiser's memory. Not covered: adapters as files of their own; Pawl's own
transformer and vLLM, which take whole weights.
"""

from __future__ import annotations

import importlib
from typing import Any

import torch

from pawl.errors import ConfigError, MissingExtraError
from pawl.interfaces import Trainable
from pawl.models.hf_policy import HFPolicy

SCALE = 2.0
"""Of what the small matrices add, alpha / rank."""


def with_adapters(policy: Trainable, rank: int, *, seed: int) -> HFPolicy:
    """The policy itself with small matrices of a rank beside every linear layer, which with its value head are all that
    learns from now on; nothing it says has changed yet. Raises ConfigError for a policy that transformers did not open
    or a rank below 1, MissingExtraError without peft."""
    if not isinstance(policy, HFPolicy):
        raise ConfigError(f"LoRA must have a model that transformers opens, got a {type(policy).__name__}",
                          hint="name a checkpoint with --model, or leave lora at 0 and train all weights")
    if rank < 1:
        raise ConfigError(f"the rank of LoRA must be at least 1, got {rank}")
    peft = _peft()
    config = peft.LoraConfig(r=rank, lora_alpha=SCALE * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    with torch.random.fork_rng():
        torch.manual_seed(seed % 2**63)
        peft.get_peft_model(policy.model.causal, config)
    return policy


def merged(policy: HFPolicy) -> HFPolicy:
    """The policy itself, its small matrices made part of its own, all of which may learn again."""
    for name, module in list(policy.model.causal.named_modules()):
        if isinstance(module, _peft().tuners.lora.LoraLayer):
            _replace(policy.model.causal, name, module)
    policy.model.causal.requires_grad_(True)
    for left in ("peft_config", "_hf_peft_config_loaded"):  # what peft leaves behind would change how it is saved
        if left in vars(policy.model.causal):
            delattr(policy.model.causal, left)
    return policy


def _replace(causal: Any, name: str, layer: Any) -> None:
    layer.merge(safe_merge=True)
    parent, _, own = name.rpartition(".")
    setattr(causal.get_submodule(parent), own, layer.get_base_layer())


def _peft() -> Any:
    try:
        return importlib.import_module("peft")
    except ModuleNotFoundError as error:
        raise MissingExtraError("LoRA", "hf") from error
