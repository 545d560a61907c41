"""A policy with random weights and what it may learn, for the tests of learning."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from pawl.learning.batch import collate
from pawl.learning.gradient import batch_losses
from pawl.learning.objective import Objective
from pawl.models.architecture import Architecture, small
from pawl.models.policy import TransformerPolicy
from pawl.models.tokenizer import train_tokenizer
from pawl.models.transformer import Transformer, initialise
from pawl.records import TokenExample

TOKENIZER = train_tokenizer("char", ["0123456789+-*/=\n"])
PLAIN = small(24, depth=2, width=64, max_positions=64)
LIKELIHOOD = Objective()
JOINT = Objective(kl=0.5, value=0.5)
ARCHITECTURES = {
    "llama": PLAIN,
    "grouped and untied": replace(PLAIN, num_heads=4, num_kv_heads=2, head_dim=16, tie_embeddings=False),
    "biases": replace(PLAIN, family="qwen2", qkv_bias=True),
    "query and key norms": replace(PLAIN, family="qwen3", qk_norm=True),
}


def make(arch: Architecture = PLAIN, seed: int = 0) -> TransformerPolicy:
    """A policy with random weights, its value head's too."""
    model, random = Transformer(arch), torch.Generator().manual_seed(seed)
    initialise(model, seed)
    for parameter in model.parameters():
        parameter.data.add_(torch.randn(parameter.shape, generator=random), alpha=0.1)
    return TransformerPolicy(model, TOKENIZER)


def examples(count: int = 8, *, value: float | None = 1.0, seed: int = 0) -> list[TokenExample]:
    """Random tokens, the last half of each to be learnt."""
    random = np.random.default_rng(seed)
    made = []
    for place in range(count):
        length = 6 + place % 4
        tokens = random.integers(3, 20, size=length).astype(np.int32)
        weights = (np.arange(length) >= length // 2).astype(np.float32)
        made.append(TokenExample(tokens, weights, length // 2, value and place % 2 * value, "self", str(place)))
    return made


def distance(policy: TransformerPolicy, reference: TransformerPolicy, count: int = 8) -> float:
    batch = collate(examples(count), torch.device("cpu"))
    objective = Objective(kl=1.0)
    return float(batch_losses(policy, batch, objective, reference)["train_kl"].detach())
