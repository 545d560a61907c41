"""One token a row from logits and a uniform number a row: greedy, temperature, top-k, top-p, by inverse CDF."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pawl.models import kernels
from pawl.records import Sampling


@torch.no_grad()
def draw(logits: Tensor, uniforms: NDArray[np.float64], sampling: Sampling) -> tuple[Tensor, Tensor]:
    """Tokens [B] and their log-probabilities [B] at temperature 1, from logits [B, V] and uniforms [B] in [0, 1).

    A row's draw is a function of its own logits and its own number. Ties at the cut-off of top-k are kept.
    """
    logits = logits.float()
    whole = sampling.top_k == 0 and sampling.top_p == 1
    if sampling.temperature > 0 and whole and kernels.serve(logits):
        return kernels.draw(logits, uniforms, sampling.temperature)
    logprobs = logits.log_softmax(-1)
    if sampling.temperature == 0:
        tokens = logits.argmax(-1)
    else:
        weights = truncate((logits / sampling.temperature).softmax(-1), sampling)
        # float64: over a large vocabulary a float32 sum would lose the rarest tokens.
        cumulative = weights.cumsum(-1, dtype=torch.float64)
        points = torch.from_numpy(uniforms).to(logits.device)[:, None] * cumulative[:, -1:]
        tokens = torch.searchsorted(cumulative, points, right=True).squeeze(-1).clamp_(max=logits.shape[-1] - 1)
    return tokens, logprobs.gather(-1, tokens[:, None]).squeeze(-1)


def truncate(probabilities: Tensor, sampling: Sampling) -> Tensor:
    """Probabilities [B, V] with the tail that top-k and top-p cut off set to 0; not renormalised."""
    vocabulary = probabilities.shape[-1]
    if 0 < sampling.top_k < vocabulary:
        threshold = probabilities.topk(sampling.top_k, dim=-1).values[:, -1:]
        probabilities = probabilities.where(probabilities >= threshold, 0.0)
    if sampling.top_p < 1:
        ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
        before = ordered.cumsum(-1) - ordered
        # A token stays while the likelier ones have not reached p; the likeliest always stays.
        kept = ordered.where(before < sampling.top_p * ordered.sum(-1, keepdim=True), 0.0)
        probabilities = torch.zeros_like(probabilities).scatter(-1, order, kept)
    return probabilities
