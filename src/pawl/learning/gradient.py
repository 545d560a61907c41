"""The loss of a batch and its gradient, a piece of the batch after the other.

On a CPU pieces are learnt from side by side, a thread each: operations that follow each other on one core wait for
nobody, what lies between two of them stays near it, a piece is padded to its own longest row only, and what must be
kept for a gradient is that of a piece. What comes out is a function of the batch and of the number of threads, never of
their timing. Another device takes larger pieces, one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from pawl.interfaces import Trainable
from pawl.learning.batch import Batch, collate
from pawl.learning.losses import entropy, kl_estimate, kl_from_reference, kl_to_reference, value_error
from pawl.learning.objective import Distance, Objective
from pawl.learning.preferences import bradley_terry
from pawl.learning.terms import Likelihood
from pawl.records import TokenExample
from pawl.threads import one_thread_each

TOKENS = 2560
"""Of a piece, at most, as long as a row has fewer: with more, what one operation leaves is gone from the core when the
next one comes; with fewer, starting operations takes longer than the operations."""
AT_ONCE = 2**15
"""Tokens of a piece on another device, about: their logits must fit into its memory."""
MOST_NUMBERS = 2**28
"""Of gradients that threads may hold side by side. With more, pieces follow each other, on all threads."""


def pieces_of(examples: Sequence[TokenExample], device: torch.device, *, together: int = 1) -> list[Batch]:
    """A batch, in its order, in pieces of about as many tokens, as many for each thread. So many examples that belong
    `together` stay so."""
    lengths = np.array([len(example.tokens) for example in examples])
    tokens = lengths.reshape(-1, together).sum(1).cumsum()
    threads, most = (torch.get_num_threads(), TOKENS) if device.type == "cpu" else (1, AT_ONCE)
    number = threads * math.ceil(tokens[-1] / (threads * most))
    cuts = together * (np.searchsorted(tokens, tokens[-1] * np.arange(1, number) / number) + 1)
    bounds = pairwise([0, *np.unique(cuts[cuts < len(examples)]).tolist(), len(examples)])
    return [collate(examples[start:stop], device, first=start) for start, stop in bounds]


def leave_gradient(policy: Trainable, pieces: Sequence[Batch], objective: Objective,
                   reference: Trainable | None = None) -> dict[str, float]:
    """The parts of the loss on a batch; a part that has no position in it is absent. Their weighted sum's gradient is
    left at the policy's parameters."""
    parameters = [parameter for _, parameter in policy.named_parameters() if parameter.requires_grad]
    wholes = _Wholes.of(pieces, objective)

    def work(mine: Sequence[Batch]) -> _Share:
        share = _Share({}, [None] * len(parameters))
        for piece in mine:
            losses = _losses(policy, piece, objective, reference, wholes)
            if losses:
                found = torch.autograd.grad(weighted(losses, objective), parameters, allow_unused=True)
                share.add(_Share({name: float(loss.detach()) for name, loss in losses.items()}, list(found)))
        return share

    threads = _threads(parameters)
    whole, *others = one_thread_each(work, [pieces[first::threads] for first in range(threads)], threads)
    for other in others:
        whole.add(other)
    for parameter, gradient in zip(parameters, whole.gradients, strict=True):
        parameter.grad = gradient
    return whole.losses


def batch_losses(policy: Trainable, batch: Batch, objective: Objective,
                 reference: Trainable | None = None) -> dict[str, Tensor]:
    """The parts of the loss on a batch in one piece."""
    return _losses(policy, batch, objective, reference, _Wholes.of([batch], objective))


def weighted(losses: dict[str, Tensor], objective: Objective) -> Tensor:
    """The whole loss. What is there to be looked at alone is no part of it."""
    weights = {"train_loss": 1.0, "train_kl": objective.kl, "entropy": -objective.entropy,
               "value_loss": objective.value}
    return torch.stack([weights[name] * loss for name, loss in losses.items() if name in weights]).sum()


@dataclass(frozen=True, slots=True)
class _Wholes:
    """What the sums over a batch are divided by."""

    term: float
    """Of what is done about the answers."""
    spans: int
    """Positions of answers."""
    value_weights: float
    held: int
    """Positions at which the distance to the reference is measured."""

    @classmethod
    def of(cls, pieces: Sequence[Batch], objective: Objective) -> _Wholes:
        term = objective.term
        return cls(sum(term.amount(piece) for piece in pieces) if term else 0.0,
                   sum(int(piece.spans.sum()) for piece in pieces),
                   sum(float(piece.value_weights.sum()) for piece in pieces),
                   sum(int(_held(piece, objective).sum()) for piece in pieces))


@dataclass(slots=True)
class _Share:
    """What some of the pieces add."""

    losses: dict[str, float]
    gradients: list[Tensor | None]

    def add(self, other: _Share) -> None:
        self.losses = {name: self.losses.get(name, 0.0) + other.losses.get(name, 0.0)
                       for name in self.losses | other.losses}
        self.gradients = [more if mine is None else mine if more is None else mine + more
                          for mine, more in zip(self.gradients, other.gradients, strict=True)]


def _threads(parameters: Sequence[nn.Parameter]) -> int:
    """That learn side by side."""
    threads = torch.get_num_threads() if parameters[0].device.type == "cpu" else 1
    return threads if threads * sum(parameter.numel() for parameter in parameters) <= MOST_NUMBERS else 1


def _losses(policy: Trainable, piece: Batch, objective: Objective, reference: Trainable | None, wholes: _Wholes
            ) -> dict[str, Tensor]:
    """What a piece adds to each part of the loss of the batch."""
    valued = (piece.value_weights > 0) & (objective.value > 0)
    if not objective.speaks:
        if not valued.any():
            return {}
        read = policy.values if objective.frozen else lambda *where: policy.forward(*where)[1]
        return _value_loss(read(piece.tokens, valued), piece, valued, objective, wholes)
    spoken, held = _spoken(piece, objective), _held(piece, objective)
    undecided = piece.spans if objective.entropy else torch.zeros_like(piece.spans)
    chosen = spoken | held | undecided | valued
    rows = chosen.any(1)
    if not rows.any():
        return {}
    piece = piece.only(rows)
    spoken, held, undecided, valued, chosen = (mask[rows] for mask in (spoken, held, undecided, valued, chosen))
    logits, values = policy.forward(piece.tokens, chosen)
    losses = _value_loss(values[valued[chosen]], piece, valued, objective, wholes)
    if objective.term is not None and spoken.any():
        likely = logits if spoken.equal(chosen) else logits[spoken[chosen]]  # the same, without copying the most of it
        losses |= objective.term.parts(likely, piece, spoken, wholes.term)
    if undecided.any():
        losses["entropy"] = entropy(logits[undecided[chosen]]).sum() / wholes.spans
    if objective.kl and reference is not None and held.any():
        kept = held.any(1)
        with torch.no_grad():
            anchor, _ = reference.forward(piece.tokens[kept], held[kept])
        apart = _distance(logits[held[chosen]], anchor, piece.targets[held], objective.distance)
        losses["train_kl"] = apart.sum() / wholes.held
    return losses


def _spoken(piece: Batch, objective: Objective) -> Tensor:
    """[B, T] positions about which something is done."""
    return objective.term.places(piece) if objective.term else torch.zeros_like(piece.spans)


def _held(piece: Batch, objective: Objective) -> Tensor:
    """[B, T] positions at which the distance to the reference is measured: of what is learnt by its likelihood and of
    all other answers."""
    if not objective.kl:
        return torch.zeros_like(piece.spans)
    learnt = piece.weights > 0 if isinstance(objective.term, Likelihood | None) else piece.spans
    return learnt & (piece.numbers % objective.kl_rows == 0)[:, None]


def _distance(logits: Tensor, reference: Tensor, targets: Tensor, kind: Distance) -> Tensor:
    """[N] how far the policy is from the reference at each position."""
    match kind:
        case "reverse":
            return kl_to_reference(logits, reference)
        case "forward":
            return kl_from_reference(logits, reference)
        case "k3":
            return kl_estimate(logits, reference, targets)


def _value_loss(values: Tensor, piece: Batch, valued: Tensor, objective: Objective, wholes: _Wholes
                ) -> dict[str, Tensor]:
    if not valued.any():
        return {}
    weights = piece.value_weights[valued]
    share = float(weights.sum()) / wholes.value_weights
    if objective.compares:
        better, worse = values[0::2], values[1::2]
        return {"value_loss": bradley_terry(better, worse).mean() * share,
                "foreseen": (better.detach() > worse.detach()).float().mean() * share}
    return {"value_loss": value_error(values, piece.values[valued], weights) * share}
