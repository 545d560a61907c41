"""What is minimised, as pure functions of tensors. N positions, V vocabulary; all in nats."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

FARTHEST = 60.0
"""Log-ratio beyond which a probability counts as risen no further: its exponential would have no gradient."""


def weighted_likelihood(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """-sum(w log p(target)) / sum(w): logits [N, V], targets [N], weights [N] not all 0.

    With weights of 0 and 1 by truth this is the M-step of expert iteration (Anthony et al. 2017; ReST-EM, Singh et
    al. 2023, equation 4); with exp(reward / beta), reward-weighted regression (Peters and Schaal 2007, equation 8).
    """
    return (F.cross_entropy(logits, targets, reduction="none") * weights).sum() / weights.sum()


def clipped_surrogate(log_ratios: Tensor, advantages: Tensor, *, low: float, high: float) -> Tensor:
    """[N] -min(r A, clip(r, 1 - low, 1 + high) A) with r = exp(log_ratios): log pi / pi_old [N], of tokens or of whole
    answers, and their advantages [N].

    Schulman et al., "Proximal policy optimization algorithms", 2017, equation 7; with high above low it is the
    clip-higher of DAPO (Yu et al. 2025, equation 8). Where the policy is the one that drew the answers, r is 1 and the
    gradient REINFORCE's (Williams 1992).
    """
    ratios = log_ratios.clamp(max=FARTHEST).exp()
    return -torch.minimum(ratios * advantages, ratios.clamp(1 - low, 1 + high) * advantages)


def entropy(logits: Tensor) -> Tensor:
    """[N] entropy of the next token, from logits [N, V]."""
    logprobs = logits.log_softmax(-1)
    return -(logprobs.exp() * logprobs).sum(-1)


def kl_to_reference(logits: Tensor, reference: Tensor) -> Tensor:
    """[N] exact KL(policy || reference) of the next token, from logits [N, V] of both. The reference is a constant.

    The anchor of RLHF (Ziegler et al. 2019, equation 2), here summed over the whole vocabulary instead of sampled. On
    what the policy wrote, with a teacher as the reference, it is on-policy distillation (Agarwal et al. 2024).
    """
    policy, reference = logits.log_softmax(-1), reference.detach().log_softmax(-1)
    return (policy.exp() * (policy - reference)).sum(-1)


def kl_from_reference(logits: Tensor, reference: Tensor) -> Tensor:
    """[N] exact KL(reference || policy) of the next token, from logits [N, V] of both. The reference is a constant.

    Where the other direction lets go of what the reference says seldom, this one does not. With a teacher as the
    reference it is the distillation of Hinton et al. 2015, at temperature 1.
    """
    policy, reference = logits.log_softmax(-1), reference.detach().log_softmax(-1)
    return (reference.exp() * (reference - policy)).sum(-1)


def kl_estimate(logits: Tensor, reference: Tensor, targets: Tensor) -> Tensor:
    """[N] r - 1 - log r with r = reference / policy at the targets [N] alone: never negative and, where the policy drew
    the targets, KL(policy || reference) on average. The reference is a constant.

    Schulman, "Approximating KL divergence", 2020: k3; as a term of the loss in GRPO (Shao et al. 2024, equation 4).
    """
    policy, reference = logits.log_softmax(-1), reference.detach().log_softmax(-1)
    log_ratio = (reference - policy).gather(-1, targets[:, None])[:, 0]
    return log_ratio.expm1() - log_ratio


def value_error(value_logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean binary cross-entropy of value logits [N] against final scores [N] in [0, 1]; weights [N].

    Its minimum is the expected score; a proper loss for graded scores too.
    """
    return F.binary_cross_entropy_with_logits(value_logits, targets, weights, reduction="sum") / weights.sum()
