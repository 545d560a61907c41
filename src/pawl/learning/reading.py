"""What a policy thinks of every prefix of an example, without learning from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from pawl.interfaces import Trainable
from pawl.learning.gradient import pieces_of
from pawl.records import FloatArray, TokenExample
from pawl.stages import count as count_tokens

TOGETHER = 256
"""Examples in one batch."""


@torch.no_grad()
def values_before(policy: Trainable, examples: Sequence[TokenExample]) -> list[FloatArray]:
    """For each example the values [T] in [0, 1] of the prefixes before each token of its answer."""
    device = next(parameter for _, parameter in policy.named_parameters()).device
    found: list[FloatArray] = []
    for start in range(0, len(examples), TOGETHER):
        for piece in pieces_of(examples[start : start + TOGETHER], device):
            values = policy.values(piece.tokens, piece.spans)
            ends = piece.spans.sum(1).cumsum(0)[:-1].tolist()
            found += np.split(values.sigmoid().float().cpu().numpy(), ends)
    count_tokens(policy.named_parameters, read=sum(len(example.tokens) for example in examples))
    return found
