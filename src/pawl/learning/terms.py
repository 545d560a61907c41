"""What is done about the answers of a batch: made likelier, made likelier by their advantages, or preferred.

Each kind of learner is a term: which positions it looks at, how much of the batch it counts, and what a piece adds to
the loss. The formulas are in `losses` and `preferences`; the training loop is the same for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from pawl.learning import preferences
from pawl.learning.batch import Batch
from pawl.learning.losses import clipped_surrogate, weighted_likelihood


@dataclass(frozen=True, slots=True)
class Likelihood:
    """The weighted mean of log-likelihoods: SFT, expert iteration and, with weights by reward, its regression. No
    weight may be below 0."""

    together: ClassVar[int] = 1
    """Rows that belong together."""

    def places(self, piece: Batch) -> Tensor:
        """[B, T] positions whose logits it needs."""
        return piece.weights > 0

    def amount(self, piece: Batch) -> float:
        """What the loss of a batch is divided by, as far as it is in a piece."""
        return float(piece.weights.sum())

    def parts(self, logits: Tensor, piece: Batch, places: Tensor, whole: float) -> dict[str, Tensor]:
        """What a piece adds to the loss of a batch of a whole amount, from logits [N, V] at the N places."""
        weights = piece.weights[places]
        mean = weighted_likelihood(logits, piece.targets[places], weights)
        return {"train_loss": mean * (float(weights.sum()) / whole)}


@dataclass(frozen=True, slots=True)
class Surrogate:
    """Policy gradient: a token's weight is its advantage, and how far the policy may move from whoever wrote the
    answers is bounded."""

    low: float = 0.2
    high: float = 0.2
    """An answer gains nothing from a probability beyond 1 - low and 1 + high of what it was; infinity is unbounded."""
    ratio: Literal["token", "sequence"] = "token"
    """Of which that probability is: of each token (PPO, GRPO), or of the whole answer (RLOO; Ahmadian et al. 2024)."""
    per: Literal["token", "sequence", "length"] = "token"
    """The loss is a mean over all tokens of a batch (DAPO), a mean over answers of the means of their tokens (GRPO,
    which favours short right answers and long wrong ones), or a sum over tokens for each answer and `length` (Dr. GRPO,
    Liu et al. 2025). Of whole answers it is the mean over them."""
    length: float = 1.0
    """Tokens by which the sum of an answer is divided where the loss is per length."""
    together: ClassVar[int] = 1

    def places(self, piece: Batch) -> Tensor:
        return piece.weights != 0

    def amount(self, piece: Batch) -> float:
        if self.per == "token" and self.ratio == "token":
            return float(piece.spans.sum())
        return len(piece.spans) * (self.length if self.per == "length" and self.ratio == "token" else 1.0)

    def parts(self, logits: Tensor, piece: Batch, places: Tensor, whole: float) -> dict[str, Tensor]:
        """The loss, and `clipped`, how much of what it is a mean over lies beyond its bound."""
        ratios, advantages = _log_ratios(logits, piece, places), piece.weights[places]
        scale = torch.ones_like(advantages)
        if self.ratio == "sequence":
            ratios, advantages = by_row(ratios, places), _of_answer(piece)
            scale = torch.ones_like(advantages)
        elif self.per == "sequence":
            scale = (1 / piece.spans.sum(1).clamp(min=1))[places.nonzero()[:, 0]]
        loss = (clipped_surrogate(ratios, advantages, low=self.low, high=self.high) * scale).sum() / whole
        beyond = torch.where(advantages > 0, ratios.exp() > 1 + self.high, ratios.exp() < 1 - self.low)
        return {"train_loss": loss, "clipped": (beyond.detach() * scale).sum() / whole}


@dataclass(frozen=True, slots=True)
class Preference:
    """Answers that were liked better than others: rows are pairs, what was liked first. Every row has the reference's
    log-probabilities."""

    kind: Literal["dpo", "ipo"] = "dpo"
    beta: float = 0.1
    """Weight of the distance to the reference."""
    together: ClassVar[int] = 2

    def places(self, piece: Batch) -> Tensor:
        return piece.weights != 0

    def amount(self, piece: Batch) -> float:
        return len(piece.spans) / 2

    def parts(self, logits: Tensor, piece: Batch, places: Tensor, whole: float) -> dict[str, Tensor]:
        """The loss, and `preferred`, the share of pairs whose better answer has the larger ratio."""
        ratios = by_row(_log_ratios(logits, piece, places), places)
        if self.kind == "ipo":
            ratios = ratios / places.sum(1).clamp(min=1)
        margins = ratios[0::2] - ratios[1::2]
        losses = (preferences.ipo if self.kind == "ipo" else preferences.dpo)(margins, beta=self.beta)
        return {"train_loss": losses.sum() / whole, "preferred": (margins.detach() > 0).sum() / whole}


@dataclass(frozen=True, slots=True)
class Desirability:
    """Answers of which each is good, with weights above 0, or bad, with weights below: KTO. Every row has the
    reference's log-probabilities, raised by the reference point."""

    beta: float = 0.1
    together: ClassVar[int] = 1

    def places(self, piece: Batch) -> Tensor:
        return piece.weights != 0

    def amount(self, piece: Batch) -> float:
        return float(len(piece.spans))

    def parts(self, logits: Tensor, piece: Batch, places: Tensor, whole: float) -> dict[str, Tensor]:
        ratios, weights = by_row(_log_ratios(logits, piece, places), places), _of_answer(piece)
        losses = weights.abs() * preferences.kto(ratios, weights.sign(), beta=self.beta)
        return {"train_loss": losses.sum() / whole}


Term: TypeAlias = Likelihood | Surrogate | Preference | Desirability


def by_row(values: Tensor, places: Tensor) -> Tensor:
    """[B] sums of values [N] at the N places [B, T] of each row."""
    return values.new_zeros(len(places)).index_add(0, places.nonzero()[:, 0], values)


def _of_answer(piece: Batch) -> Tensor:
    """[B] the weight of each row's answer, where all of its tokens have one: the largest or, below 0, the smallest, for
    the last position has none."""
    return piece.weights.amax(1) + piece.weights.amin(1)


def _log_ratios(logits: Tensor, piece: Batch, places: Tensor) -> Tensor:
    """[N] log-probability of each token beyond that of whom the policy is compared with; 0, but for its gradient, where
    nobody is."""
    logprobs = -F.cross_entropy(logits, piece.targets[places], reduction="none")
    if piece.logprobs is None:
        return logprobs - logprobs.detach()
    known = piece.logprobs[places]
    return logprobs - torch.where(known.isnan(), logprobs.detach(), known)
