"""The one training loop: every learner is this with other examples, weights and targets.

Not covered: several devices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawl.errors import TrainingError
from pawl.interfaces import Trainable
from pawl.learning.gradient import leave_gradient, pieces_of
from pawl.learning.objective import Objective
from pawl.learning.optimiser import Optimiser
from pawl.records import TokenExample
from pawl.stages import count as count_tokens


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
        pieces = pieces_of([examples[i] for i in members], device)
        history.append(leave_gradient(policy, pieces, objective, reference))
        _must_be_finite(history[-1], f"at step {step + 1} of {len(plan)}")
        optimiser.step()
        read = sum(piece.num_tokens for piece in pieces)
        tokens += read
        count_tokens(policy.named_parameters, **{"read" if objective.frozen else "learnt": read})
        surprise.append(history[-1].get("train_loss", 0.0) * sum(float(piece.weights.sum()) for piece in pieces))
        watch(step + 1, len(plan))
    if not all(bool(parameter.isfinite().all()) for parameter in optimiser.parameters):
        raise TrainingError("weights must be finite, got others after the last step", hint="lower learning_rate")
    return Training(len(plan), tokens, surprise, _tail_means(history))


def _must_be_finite(losses: dict[str, float], when: str) -> None:
    """Raises TrainingError when a loss is not."""
    if not all(map(math.isfinite, losses.values())):
        raise TrainingError(f"the loss must be finite, got {losses} {when}", hint="lower learning_rate")


def _tail_means(history: Sequence[dict[str, float]]) -> dict[str, float]:
    tail = history[-max(1, len(history) // 10) :]
    names = {name for losses in tail for name in losses}
    return {name: float(np.mean([losses[name] for losses in tail if name in losses])) for name in sorted(names)}
