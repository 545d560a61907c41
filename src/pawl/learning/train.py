"""The one training loop: every learner is this with other examples, weights and targets, and another objective.

Not covered: several devices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pawl.errors import TrainingError
from pawl.interfaces import Trainable
from pawl.learning.gradient import leave_gradient, pieces_of
from pawl.learning.objective import Objective
from pawl.learning.optimiser import Optimiser
from pawl.records import TokenExample
from pawl.stages import count as count_tokens

Step = TypeVar("Step")


@dataclass(frozen=True, slots=True)
class Training:
    """What a training did; losses are means over its last tenth."""

    steps: int
    tokens: int
    """Without padding."""
    surprise: list[float]
    """For each step the nats of the weighted tokens, summed, when the policy read them: before it learnt from them."""
    losses: dict[str, float]
    """`train_loss`, `train_kl`, `entropy` and `value_loss`, in nats, as far as they were part of the objective, and
    what its term has to say beside them."""
    gradient: float
    """Norm before it is clipped."""


def planned(examples: Sequence[TokenExample], plan: Iterable[NDArray[np.int64]]) -> list[list[TokenExample]]:
    """Batches of examples, whose indices a plan lists."""
    return [[examples[i] for i in members] for members in plan]


def train(
    policy: Trainable,
    batches: Iterable[Sequence[TokenExample]],
    *,
    learning_rate: float,
    objective: Objective,
    reference: Trainable | None = None,
    steps: int | None = None,
    optimiser: Optimiser | None = None,
    watch: Callable[[int, int], None] = lambda done, total: None,
) -> Training:
    """Train `policy` in place, a step for each batch.

    A batch is asked for when its step comes: what makes them may ask the policy as it is then, which is how it learns
    from its own play. `steps` is how many there will be, where `batches` cannot say; there may be fewer. A batch
    without an example is no step. An `optimiser` of one's own replaces the one of this learning rate. Raises
    TrainingError when the loss is not finite; the policy is then spoilt and must be dropped.
    """
    total = len(batches) if isinstance(batches, Sized) else steps
    assert total is not None, "how many batches there will be must be known"
    optimiser = optimiser or Optimiser(policy.named_parameters(), learning_rate=learning_rate, steps=total,
                                       warmup=min(20, max(1, total // 10)))
    device = optimiser.parameters[0].device
    history: list[dict[str, float]] = []
    tokens, surprise, norms = 0, [], list[float]()
    for step, examples in enumerate(batches):
        if not examples:
            continue
        pieces = pieces_of(examples, device, together=objective.together)
        losses = leave_gradient(policy, pieces, objective, reference)
        _must_be_finite(losses, f"at step {step + 1} of {total}")
        history.append(losses)
        norms.append(optimiser.step())
        read = sum(piece.num_tokens for piece in pieces)
        tokens += read
        count_tokens(policy.named_parameters, **{"read" if objective.frozen else "learnt": read})
        surprise.append(losses.get("train_loss", 0.0) * sum(float(piece.weights.sum()) for piece in pieces))
        watch(step + 1, total)
    if not all(bool(parameter.isfinite().all()) for parameter in optimiser.parameters):
        raise TrainingError("weights must be finite, got others after the last step", hint="lower learning_rate")
    return Training(len(history), tokens, surprise, _tail_means(history), float(np.mean(_tail(norms) or [0.0])))


def _must_be_finite(losses: dict[str, float], when: str) -> None:
    """Raises TrainingError when a loss is not."""
    if not all(map(math.isfinite, losses.values())):
        raise TrainingError(f"the loss must be finite, got {losses} {when}", hint="lower learning_rate")


def _tail(steps: Sequence[Step]) -> Sequence[Step]:
    """The last tenth."""
    return steps[-max(1, len(steps) // 10) :]


def _tail_means(history: Sequence[dict[str, float]]) -> dict[str, float]:
    tail = _tail(history)
    names = {name for losses in tail for name in losses}
    return {name: float(np.mean([losses[name] for losses in tail if name in losses])) for name in sorted(names)}
