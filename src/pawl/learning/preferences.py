"""What is minimised where answers were compared, or found good or bad, as pure functions of tensors.

Letters: P pairs, N answers. A ratio is log pi(answer) / pi_ref(answer), summed over the answer's tokens, in nats: beta
times it is the reward that the policy implies (Rafailov et al. 2023, equation 5). A margin is the ratio of the answer
that was liked better minus that of the other.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def dpo(margins: Tensor, *, beta: float) -> Tensor:
    """[P] -log sigmoid(beta margin), of margins [P].

    Rafailov et al., "Direct preference optimization", 2023, equation 7. With real text as what was liked and the
    policy's own as the other it is SPIN (Chen et al. 2024, equation 4.7, with the logistic loss and beta as lambda).
    """
    return F.softplus(-beta * margins)


def ipo(margins: Tensor, *, beta: float) -> Tensor:
    """[P] (margin - 1 / (2 beta))^2, of margins [P]: pulled to a goal, where DPO's never ends.

    Azar et al., "A general theoretical paradigm to understand learning from human preferences", 2023, equation 17.
    Ratios that are means over an answer's tokens make beta comparable between lengths.
    """
    return (margins - 1 / (2 * beta)) ** 2


def kto(ratios: Tensor, signs: Tensor, *, beta: float) -> Tensor:
    """[N] 1 - sigmoid(beta sign ratio), of ratios [N] less the reference point, and signs [N]: 1 for a good answer and
    -1 for a bad one.

    Ethayarajh et al., "KTO: Model alignment as prospect theoretic optimization", 2024, equation 8, with lambda 1 for
    both. The reference point is KL(policy || reference), estimated on answers to other prompts (section 4.1).
    """
    return (-beta * signs * ratios).sigmoid()


def bradley_terry(better: Tensor, worse: Tensor) -> Tensor:
    """[P] -log sigmoid(better - worse): of scores [P] of answers that were liked and of what they were compared with.

    Bradley and Terry 1952; as the loss of a reward model, Ouyang et al. 2022, equation 1.
    """
    return F.softplus(worse - better)
