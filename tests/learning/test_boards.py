"""A board network learns what it is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pawl.errors import TrainingError
from pawl.learning.boards import BoardLoss, board_losses, preference_losses, train_boards
from pawl.models.board_net import BoardArchitecture
from pawl.models.board_policy import BoardPolicy
from pawl.selection.window import Positions

torch.set_num_threads(1)


def policy(*, reply: bool = False, precision: torch.dtype = torch.float32) -> BoardPolicy:
    return BoardPolicy.fresh(BoardArchitecture(2, 3, 3, 9, 2, reply), "toy", seed=0, precision=precision)


def positions(count: int, seed: int = 0) -> Positions:
    """Whoever moves should play where the other's first stone is, is answered one cell on, and wins if it is in the
    upper row."""
    random = np.random.default_rng(seed)
    cells = random.integers(0, 9, size=count)
    boards = np.zeros((count, 2, 3, 3), np.uint8)
    boards.reshape(count, 2, 9)[np.arange(count), 1, cells] = 1
    boards[:, 0] = random.random((count, 3, 3)) < 0.3
    policies = np.eye(9, dtype=np.float32)[cells]
    return Positions(boards, policies, np.roll(policies, 1, axis=1), (cells < 3).astype(np.float32),
                     np.ones(count, np.float32))


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_it_learns_and_holds_on_positions_that_it_has_not_seen(precision: torch.dtype) -> None:
    learner = policy(reply=True, precision=precision)
    losses = train_boards(learner, [lambda step=step: positions(64, step) for step in range(80)], learning_rate=0.005)
    assert losses["policy_loss"] < 0.2 and losses["value_loss"] < 0.2 and losses["reply_loss"] < 0.6
    held_out = positions(300, 10_000)
    with torch.no_grad():
        moves, values, reply = learner.net(torch.from_numpy(held_out.boards).float())
    assert reply is not None
    for logits, targets in ((moves, held_out.policies), (reply, held_out.replies)):
        assert (logits.argmax(1).numpy() == targets.argmax(1)).mean() > 0.95
    assert ((values.numpy() > 0) == (held_out.values > 0.5)).mean() > 0.95


def test_losses_are_cross_entropies() -> None:
    learner, batch = policy(), positions(12)
    weights = np.linspace(0, 2, 12, dtype=np.float32)
    found = board_losses(learner, Positions(batch.boards, batch.policies, batch.replies, batch.values, weights))
    moves, values, _ = learner.net(torch.from_numpy(batch.boards).float())
    each = F.cross_entropy(moves, torch.from_numpy(batch.policies), reduction="none")
    found = {name: part.detach() for name, part in found.items()}
    mean = float((each.detach() * torch.from_numpy(weights)).sum() / weights.sum())
    assert float(found["policy_loss"]) == pytest.approx(mean)
    assert float(found["value_loss"]) == pytest.approx(
        float(F.binary_cross_entropy_with_logits(values.detach(), torch.from_numpy(batch.values))))
    assert "reply_loss" not in found


def test_an_end_has_no_reply() -> None:
    learner, batch = policy(reply=True), positions(4)
    none = Positions(batch.boards, batch.policies, np.zeros_like(batch.replies), batch.values, batch.weights)
    assert float(board_losses(learner, none)["reply_loss"].detach()) == 0


def test_a_part_of_no_weight_teaches_nothing() -> None:
    learner = policy()
    head = learner.net.value_head.weight.detach().clone()
    train_boards(learner, [lambda: positions(8)] * 3, learning_rate=0.01, loss=BoardLoss(value=0.0))
    assert torch.equal(learner.net.value_head.weight, head)


def test_it_is_the_same_for_the_same_batches() -> None:
    one, two = policy(), policy()
    for learner in (one, two):
        train_boards(learner, [lambda step=step: positions(16, step) for step in range(4)], learning_rate=0.01)
    assert all(torch.equal(a, b) for a, b in zip(one.net.state_dict().values(), two.net.state_dict().values(),
                                                 strict=True))


def test_a_loss_that_is_no_number_ends_it() -> None:
    batch = positions(4)
    spoilt = Positions(batch.boards, batch.policies * np.float32(np.nan), batch.replies, batch.values, batch.weights)
    with pytest.raises(TrainingError, match="must be finite"):
        train_boards(policy(), [lambda: spoilt], learning_rate=0.01)


def test_a_move_of_negative_weight_becomes_rarer() -> None:
    """As a policy gradient has it: the weights are advantages."""
    learner, batch = policy(), positions(64)
    good = batch.values > 0.5
    weighted = replace(batch, weights=np.where(good, 1, -0.2).astype(np.float32))
    before = chances(learner, batch)
    train_boards(learner, [lambda: weighted] * 15, learning_rate=0.002, loss=BoardLoss(value=0))
    after = chances(learner, batch)
    assert (after[good] > before[good]).mean() > 0.9 and (after[~good] < before[~good]).mean() > 0.9


def chances(learner: BoardPolicy, batch: Positions) -> np.ndarray:
    """Of each position's move."""
    with torch.no_grad():
        moves = learner.net(torch.from_numpy(batch.boards).float())[0].softmax(dim=-1).numpy()
    return (moves * batch.policies).sum(axis=1)


def test_what_is_liked_becomes_worth_more() -> None:
    """Boards whose first plane is fuller are liked; the loss of a fresh network is that of a coin."""
    random = np.random.default_rng(0)

    def liked(count: int) -> tuple[np.ndarray, np.ndarray]:
        both = (random.random((2, count, 2, 3, 3)) < random.random((2, count, 1, 1, 1))).astype(np.float32)
        fuller = (both[0, :, 0].sum((1, 2)) > both[1, :, 0].sum((1, 2)))[:, None, None, None]
        return np.where(fuller, both[0], both[1]), np.where(fuller, both[1], both[0])

    learner = policy()
    assert float(preference_losses(learner, liked(50))["preference_loss"].detach()) == pytest.approx(np.log(2))
    losses = train_boards(learner, [lambda: liked(128)] * 40, learning_rate=0.01, losses_of=preference_losses)
    better, worse = (learner.player()(torch.from_numpy(boards))[1] for boards in liked(500))
    assert losses["preference_loss"] < 0.4 and (better > worse).float().mean() > 0.8
