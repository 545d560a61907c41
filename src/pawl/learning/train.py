"""The one training loop: every learner is this with other examples, weights and targets.

Not covered: gradient accumulation, mixed precision and several devices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pawl.errors import TrainingError
from pawl.interfaces import Trainable
from pawl.learning.batch import Batch, collate
from pawl.learning.losses import kl_to_reference, value_error, weighted_likelihood
from pawl.learning.optimiser import Optimiser
from pawl.records import TokenExample
from pawl.stages import count as count_tokens

KL_ROWS = 16
"""The distance to the reference is measured on every sixteenth row, at a sixteenth of the cost. Rows stand by length,
and the first is always among them, so that short ones count a little more."""


@dataclass(frozen=True, slots=True)
class Objective:
    """The weight of each part of the loss; a part of weight 0 adds nothing."""

    likelihood: float = 1.0
    """Of the weighted likelihood, in nats per token."""
    kl: float = 0.0
    """Of KL(policy || reference), in nats per token."""
    value: float = 0.0
    """Of the value's cross-entropy."""
    frozen: bool = False
    """The value's gradient reaches the head alone; only where the value is all there is to learn."""


VALUE_ONLY = Objective(likelihood=0.0, value=1.0, frozen=True)
"""The value head learns from a frozen network: a third of the cost, and the policy stays as it is."""
VALUE_NETWORK = Objective(likelihood=0.0, value=1.0)
"""A network whose value is all that counts."""


@dataclass(frozen=True, slots=True)
class Training:
    """What a training did; losses are means over its last tenth."""

    steps: int
    tokens: int
    """Without padding."""
    surprise: list[float]
    """For each step the nats of the weighted tokens, summed, when the policy read them: before it learnt from them."""
    losses: dict[str, float]
    """`train_loss` (nats a token), `train_kl`, `value_loss`, as far as they were part of the objective."""


def train(
    policy: Trainable,
    examples: Sequence[TokenExample],
    plan: Sequence[NDArray[np.int64]],
    *,
    learning_rate: float,
    objective: Objective,
    reference: Trainable | None = None,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> Training:
    """Train `policy` in place on batches of `examples`, whose indices the plan lists, a batch each.

    Raises TrainingError when the loss is not finite; the policy is then spoilt and must be dropped.
    """
    optimiser = Optimiser(policy.named_parameters(), learning_rate=learning_rate, steps=len(plan),
                          warmup=min(20, max(1, len(plan) // 10)))
    device = optimiser.parameters[0].device
    history: list[dict[str, float]] = []
    tokens, surprise = 0, []
    for step, members in enumerate(plan):
        batch = collate([examples[i] for i in members], device)
        losses = batch_losses(policy, batch, objective, reference)
        history.append(_finite(losses, f"at step {step + 1} of {len(plan)}"))
        weighted(losses, objective).backward()
        optimiser.step()
        tokens += batch.num_tokens
        count_tokens(policy.named_parameters, **{"read" if objective.frozen else "learnt": batch.num_tokens})
        surprise.append(history[-1].get("train_loss", 0.0) * float(batch.weights.sum()))
        watch(step + 1, len(plan))
    if len(plan):
        with torch.no_grad():  # no later step would notice what the last one broke
            _finite(batch_losses(policy, batch, objective, reference), "after the last step")
    return Training(len(plan), tokens, surprise, _tail_means(history))


def _finite(losses: dict[str, Tensor], when: str) -> dict[str, float]:
    """The losses as numbers. Raises TrainingError when one is not finite."""
    numbers = {name: float(loss.detach()) for name, loss in losses.items()}
    if not all(map(math.isfinite, numbers.values())):
        raise TrainingError(f"the loss must be finite, got {numbers} {when}", hint="lower learning_rate")
    return numbers


def batch_losses(policy: Trainable, batch: Batch, objective: Objective,
                 reference: Trainable | None = None) -> dict[str, Tensor]:
    """The parts of the loss on one batch; a part that has no position in it is absent."""
    if objective.likelihood == 0 and objective.kl == 0:
        valued = batch.value_weights > 0
        values = policy.values(batch.tokens, valued) if objective.frozen else policy.forward(batch.tokens, valued)[1]
        return _value_loss(values, batch, valued)
    spoken, valued = batch.weights > 0, (batch.value_weights > 0) & (objective.value > 0)
    chosen = spoken | valued
    logits, values = policy.forward(batch.tokens, chosen)
    losses = _value_loss(values[valued[chosen]], batch, valued)
    if spoken.any():
        likely = logits if spoken.equal(chosen) else logits[spoken[chosen]]  # the same, without copying the most of it
        losses["train_loss"] = weighted_likelihood(likely, batch.targets[spoken], batch.weights[spoken])
    if objective.kl > 0 and reference is not None and spoken[::KL_ROWS].any():
        rows = torch.zeros_like(spoken)
        rows[::KL_ROWS] = spoken[::KL_ROWS]
        with torch.no_grad():
            anchor, _ = reference.forward(batch.tokens[::KL_ROWS], spoken[::KL_ROWS])
        losses["train_kl"] = kl_to_reference(logits[rows[chosen]], anchor).mean()
    return losses


def _value_loss(values: Tensor, batch: Batch, valued: Tensor) -> dict[str, Tensor]:
    if not valued.any():
        return {}
    return {"value_loss": value_error(values, batch.values[valued], batch.value_weights[valued])}


def weighted(losses: dict[str, Tensor], objective: Objective) -> Tensor:
    """The whole loss."""
    weights = {"train_loss": objective.likelihood, "train_kl": objective.kl, "value_loss": objective.value}
    return torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()


def _tail_means(history: Sequence[dict[str, float]]) -> dict[str, float]:
    tail = history[-max(1, len(history) // 10) :]
    names = {name for losses in tail for name in losses}
    return {name: float(np.mean([losses[name] for losses in tail if name in losses])) for name in sorted(names)}
