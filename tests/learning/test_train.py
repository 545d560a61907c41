"""The training loop: what moves, what does not, and what is refused."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from lessons import ARCHITECTURES, JOINT, LIKELIHOOD, distance, examples, make
from torch import Tensor

from pawl.errors import TrainingError
from pawl.learning.batch import collate
from pawl.learning.gradient import batch_losses
from pawl.learning.objective import VALUE_ONLY, Distance, Objective
from pawl.learning.train import planned, train
from pawl.models.checkpoint import hf_views
from pawl.models.policy import TransformerPolicy
from pawl.stages import Work

torch.set_num_threads(1)


def copies(policy: TransformerPolicy) -> dict[str, Tensor]:
    return {name: part.detach().clone() for name, part in hf_views(policy.model).items()} | {
        name: part.detach().clone() for name, part in policy.model.value_head.named_parameters(prefix="value_head")}


def every(batches: int, size: int = 8) -> list[np.ndarray]:
    return [np.arange(size) for _ in range(batches)]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_parameter_moves_in_one_step_of_a_joint_objective(name: str) -> None:
    policy, reference = make(ARCHITECTURES[name]), make(ARCHITECTURES[name], seed=1)
    before = copies(policy)
    train(policy, planned(examples(), every(1)), learning_rate=1e-2, objective=JOINT, reference=reference)
    assert [name for name, part in copies(policy).items() if torch.equal(part, before[name])] == []


def test_value_only_moves_nothing_but_the_value_head() -> None:
    policy, lessons = make(), examples()
    before = copies(policy)
    training = train(policy, planned(lessons, every(30)), learning_rate=1e-2, objective=VALUE_ONLY)
    moved = {name for name, part in copies(policy).items() if not torch.equal(part, before[name])}
    assert moved == {"value_head.weight", "value_head.bias"}
    assert training.losses.keys() == {"value_loss"}


def test_the_value_learns_who_is_right() -> None:
    policy, lessons = make(), examples()
    train(policy, planned(lessons, every(60)), learning_rate=5e-2, objective=VALUE_ONLY)
    right, wrong = ([evaluation.value for evaluation in policy.evaluate([lesson.tokens for lesson in lessons
                     if lesson.value_target == target])] for target in (1.0, 0.0))
    assert min(right) > max(wrong)


def test_likelihood_makes_the_examples_likelier_and_leaves_the_value_head_alone() -> None:
    policy, lessons = make(), examples()
    before, head = copies(policy), policy.model.value_head
    losses = train(policy, planned(lessons, every(40)), learning_rate=1e-2, objective=LIKELIHOOD).losses
    assert losses["train_loss"] < 0.5
    assert torch.equal(head.weight, before["value_head.weight"])
    assert torch.equal(head.bias, before["value_head.bias"])


def test_the_kl_term_pulls_towards_the_reference() -> None:
    policy, reference = make(), make(seed=1)
    before = distance(policy, reference)
    train(policy, planned(examples(), every(40)), learning_rate=1e-2, objective=Objective(term=None, kl=1.0),
          reference=reference)
    assert distance(policy, reference) < before / 4


@pytest.mark.parametrize("kind", get_args(Distance))
def test_the_kl_term_keeps_what_learns_near_the_reference(kind: Distance) -> None:
    base, ended = make(), {}
    for kl in (0.0, 5.0):
        policy = base.clone()
        train(policy, planned(examples(), every(30)), learning_rate=1e-2, objective=Objective(kl=kl, distance=kind),
              reference=base)
        ended[kl] = distance(policy, base)
    assert ended[5.0] < ended[0.0] / 4


def test_a_kl_term_of_the_wrong_sign_drives_away_from_the_reference() -> None:
    policy, reference = make(), make(seed=1)
    before = distance(policy, reference)
    train(policy, planned(examples(), every(10)), learning_rate=1e-2, objective=Objective(term=None, kl=-1.0),
          reference=reference)
    assert distance(policy, reference) > 2 * before


def test_the_same_training_gives_the_same_bits() -> None:
    base, reference = make(), make(seed=1)
    first, second = base.clone(), base.clone()
    for policy in (first, second):
        train(policy, planned(examples(), every(5)), learning_rate=1e-2, objective=JOINT, reference=reference)
    for ours, theirs in zip(copies(first).values(), copies(second).values(), strict=True):
        assert ours.numpy().tobytes() == theirs.numpy().tobytes()


def test_the_reference_stays_as_it_was() -> None:
    policy, reference = make(), make(seed=1)
    before = copies(reference)
    train(policy, planned(examples(), every(3)), learning_rate=1e-2, objective=JOINT, reference=reference)
    assert all(torch.equal(part, before[name]) for name, part in copies(reference).items())
    assert all(parameter.grad is None for _, parameter in reference.named_parameters())


@pytest.mark.parametrize("spoilt", [float("nan"), float("inf")])
@pytest.mark.parametrize("objective", [JOINT, VALUE_ONLY], ids=["joint", "value only"])
def test_a_loss_that_is_no_number_stops_the_training(spoilt: float, objective: Objective) -> None:
    policy = make()
    policy.model.norm.weight.data[0] = spoilt
    with pytest.raises(TrainingError, match=r"must be finite, got .* at step 1 of 2"):
        train(policy, planned(examples(), every(2)), learning_rate=1e-2, objective=objective, reference=make(seed=1))


def test_a_rate_that_breaks_the_weights_stops_the_training_even_at_its_last_step() -> None:
    """The first step makes the weights huge, the second one's gradient is no number, its loss still is."""
    with pytest.raises(TrainingError, match=r"must be finite, got .* after the last step"):
        train(make(), planned(examples(), every(2)), learning_rate=1e20, objective=LIKELIHOOD)
    with pytest.raises(TrainingError, match=r"must be finite, got .* at step 3 of 6"):
        train(make(), planned(examples(), every(6)), learning_rate=1e20, objective=LIKELIHOOD)


def test_progress_is_told_step_by_step_and_the_work_is_counted() -> None:
    told: list[tuple[int, int]] = []
    training = train(make(), planned(examples(), [np.array([0, 1]), np.array([2])]), learning_rate=1e-3,
                     objective=Objective(), watch=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    assert (training.steps, training.tokens) == (2, 6 + 7 + 8)


def test_losses_are_means_over_the_last_tenth() -> None:
    lessons, policy = examples(), make()
    own = [float(batch_losses(policy, collate([lesson], torch.device("cpu")), LIKELIHOOD)["train_loss"].detach())
           for lesson in lessons]
    # At this rate nothing is learnt, so that a step's loss is that of its one example.
    plan = [np.array([step % 8]) for step in range(20)]
    training = train(policy, planned(lessons, plan), learning_rate=1e-12, objective=LIKELIHOOD)
    assert training.losses["train_loss"] == pytest.approx((own[18 % 8] + own[19 % 8]) / 2, rel=1e-4)


def test_a_plan_without_batches_changes_nothing() -> None:
    policy = make()
    before = copies(policy)
    training = train(policy, planned([], []), learning_rate=1e-2, objective=LIKELIHOOD)
    assert (training.steps, training.tokens, training.losses) == (0, 0, {})
    assert all(torch.equal(part, before[name]) for name, part in copies(policy).items())


def test_tokens_are_told_as_learnt_from_or_as_read_by_a_frozen_network(work: list[Work]) -> None:
    policy, given = make(), examples()
    size = sum(parameter.numel() for _, parameter in policy.named_parameters())
    trained = train(policy, planned(given, every(2)), learning_rate=1e-3, objective=LIKELIHOOD)
    assert work == [Work(size, learnt=trained.tokens // 2)] * 2
    train(policy, planned(given, every(1)), learning_rate=1e-3, objective=VALUE_ONLY)
    assert work[2:] == [Work(size, read=trained.tokens // 2)]
