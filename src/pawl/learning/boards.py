"""A board network learns from positions: what search would have played, and how the game ended.

Not covered: several devices; on a GPU, the same bits in every run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from pawl.errors import TrainingError
from pawl.learning.losses import value_error
from pawl.learning.optimiser import Optimiser
from pawl.learning.preferences import bradley_terry

Watch = Callable[[int, int], None]


class LearnsBoards(Protocol):
    """A board network in training. See `pawl.models.board_policy.BoardPolicy`."""

    @property
    def net(self) -> nn.Module: ...

    @property
    def device(self) -> torch.device: ...

    def learns(self, boards: Tensor) -> tuple[Tensor, Tensor, Tensor | None]: ...

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]: ...


class Batch(Protocol):
    """B positions. See `pawl.selection.window.Positions`."""

    @property
    def boards(self) -> NDArray[Any]: ...

    @property
    def policies(self) -> NDArray[np.float32]: ...

    @property
    def replies(self) -> NDArray[np.float32]: ...

    @property
    def values(self) -> NDArray[np.float32]: ...

    @property
    def weights(self) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class BoardLoss:
    """The weight of each part of the loss."""

    value: float = 1.0
    """Of the value's cross-entropy."""
    reply: float = 0.15
    """Of the cross-entropy of what the other answers, where the network says so (KataGo's weight)."""


def train_boards(policy: LearnsBoards, batches: Sequence[Callable[[], Any]], *, learning_rate: float,
                 loss: BoardLoss = BoardLoss(), watch: Watch = lambda done, total: None,
                 losses_of: Callable[[LearnsBoards, Any], dict[str, Tensor]] | None = None) -> dict[str, float]:
    """Train in place, a step for each batch, which is made when it is needed; what is lost with one is `board_losses`
    unless told otherwise. Returns the mean of each part of the loss over the last tenth of the steps, in nats.

    Raises TrainingError when the loss is not finite; the policy is then spoilt and must be dropped.
    """
    optimiser = Optimiser(policy.named_parameters(), learning_rate=learning_rate, steps=len(batches),
                          warmup=min(20, max(1, len(batches) // 10)))
    history: list[dict[str, float]] = []
    policy.net.train()
    for step, made in enumerate(batches):
        losses = (losses_of or board_losses)(policy, made())
        parts = {"value_loss": loss.value, "reply_loss": loss.reply}
        torch.stack([parts.get(name, 1.0) * part for name, part in losses.items()]).sum().backward()
        history.append({name: float(part.detach()) for name, part in losses.items()})
        if not all(map(math.isfinite, history[-1].values())):
            raise TrainingError(f"the loss must be finite, got {history[-1]} at step {step + 1} of {len(batches)}",
                                hint="lower learning_rate")
        optimiser.step()
        watch(step + 1, len(batches))
    policy.net.eval()
    tail = history[-max(1, len(history) // 10) :]
    return {name: float(np.mean([losses[name] for losses in tail])) for name in tail[0]} if tail else {}


def board_losses(policy: LearnsBoards, batch: Batch) -> dict[str, Tensor]:
    """Cross-entropies in nats: of the policy, of the value, and of the reply where the network has one."""
    boards, policies, replies, targets, weights = (
        _tensor(array, policy) for array in (batch.boards, batch.policies, batch.replies, batch.values, batch.weights))
    logits, values, reply = policy.learns(boards)
    losses = {"policy_loss": _cross_entropy(logits, policies, weights),
              "value_loss": value_error(values, targets, torch.ones_like(targets))}
    if reply is not None:
        losses["reply_loss"] = _cross_entropy(reply, replies, weights)
    return losses


def preference_losses(policy: LearnsBoards, liked: tuple[NDArray[Any], NDArray[Any]]) -> dict[str, Tensor]:
    """Of boards [B, C, H, W] that somebody liked, each beside one that they liked less: -log of the chance that the
    value gives to that (Bradley and Terry 1952), in nats."""
    better, worse = policy.learns(_tensor(np.concatenate(liked), policy))[1].chunk(2)
    return {"preference_loss": bradley_terry(better, worse).mean()}


def _tensor(array: NDArray[Any], policy: LearnsBoards) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(policy.device)


def _cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """-sum(w p log q) / B of targets p [B, A], those of zeros left out of the first sum. Weights [B] may be below 0, as
    advantages are (REINFORCE, Williams 1992)."""
    return -(weights[:, None] * targets * F.log_softmax(logits, dim=-1)).sum() / len(weights)
