"""The training loop: what moves, what does not, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from pawl.errors import TrainingError
from pawl.learning.batch import collate
from pawl.learning.train import VALUE_ONLY, Objective, batch_losses, train, weighted
from pawl.models.architecture import Architecture, small
from pawl.models.checkpoint import hf_views
from pawl.models.policy import TransformerPolicy
from pawl.models.tokenizer import train_tokenizer
from pawl.models.transformer import Transformer, initialise
from pawl.records import TokenExample
from pawl.stages import Work

torch.set_num_threads(1)

TOKENIZER = train_tokenizer("char", ["0123456789+-*/=\n"])
PLAIN = small(24, depth=2, width=64, max_positions=64)
LIKELIHOOD = Objective()
JOINT = Objective(likelihood=1.0, kl=0.5, value=0.5)
ARCHITECTURES = {
    "llama": PLAIN,
    "grouped and untied": replace(PLAIN, num_heads=4, num_kv_heads=2, head_dim=16, tie_embeddings=False),
    "biases": replace(PLAIN, family="qwen2", qkv_bias=True),
    "query and key norms": replace(PLAIN, family="qwen3", qk_norm=True),
}


def make(arch: Architecture = PLAIN, seed: int = 0) -> TransformerPolicy:
    """A policy with random weights, its value head's too."""
    model, random = Transformer(arch), torch.Generator().manual_seed(seed)
    initialise(model, seed)
    for parameter in model.parameters():
        parameter.data.add_(torch.randn(parameter.shape, generator=random), alpha=0.1)
    return TransformerPolicy(model, TOKENIZER)


def examples(count: int = 8, *, value: float | None = 1.0, seed: int = 0) -> list[TokenExample]:
    """Random tokens, the last half of each to be learnt."""
    random = np.random.default_rng(seed)
    made = []
    for place in range(count):
        length = 6 + place % 4
        tokens = random.integers(3, 20, size=length).astype(np.int32)
        weights = (np.arange(length) >= length // 2).astype(np.float32)
        made.append(TokenExample(tokens, weights, length // 2, value and place % 2 * value, "self", str(place)))
    return made


def every(batches: int, size: int = 8) -> list[np.ndarray]:
    return [np.arange(size) for _ in range(batches)]


def copies(policy: TransformerPolicy) -> dict[str, Tensor]:
    return {name: part.detach().clone() for name, part in hf_views(policy.model).items()} | {
        name: part.detach().clone() for name, part in policy.model.value_head.named_parameters(prefix="value_head")}


def gradient(policy: TransformerPolicy, chosen: list[TokenExample], objective: Objective = LIKELIHOOD,
             reference: TransformerPolicy | None = None) -> dict[str, Tensor]:
    policy.model.zero_grad()
    losses = batch_losses(policy, collate(chosen, torch.device("cpu")), objective, reference)
    weighted(losses, objective).backward()
    return {name: p.grad.clone() for name, p in policy.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_parameter_moves_in_one_step_of_a_joint_objective(name: str) -> None:
    policy, reference = make(ARCHITECTURES[name]), make(ARCHITECTURES[name], seed=1)
    before = copies(policy)
    train(policy, examples(), every(1), learning_rate=1e-2, objective=JOINT, reference=reference)
    assert [name for name, part in copies(policy).items() if torch.equal(part, before[name])] == []


def test_value_only_moves_nothing_but_the_value_head() -> None:
    policy, lessons = make(), examples()
    before = copies(policy)
    training = train(policy, lessons, every(30), learning_rate=1e-2, objective=VALUE_ONLY)
    moved = {name for name, part in copies(policy).items() if not torch.equal(part, before[name])}
    assert moved == {"value_head.weight", "value_head.bias"}
    assert training.losses.keys() == {"value_loss"}


def test_the_value_learns_who_is_right() -> None:
    policy, lessons = make(), examples()
    train(policy, lessons, every(60), learning_rate=5e-2, objective=VALUE_ONLY)
    right, wrong = ([evaluation.value for evaluation in policy.evaluate([lesson.tokens for lesson in lessons
                     if lesson.value_target == target])] for target in (1.0, 0.0))
    assert min(right) > max(wrong)


def test_likelihood_makes_the_examples_likelier_and_leaves_the_value_head_alone() -> None:
    policy, lessons = make(), examples()
    before, head = copies(policy), policy.model.value_head
    losses = train(policy, lessons, every(40), learning_rate=1e-2, objective=LIKELIHOOD).losses
    assert losses["train_loss"] < 0.5
    assert torch.equal(head.weight, before["value_head.weight"])
    assert torch.equal(head.bias, before["value_head.bias"])


def distance(policy: TransformerPolicy, reference: TransformerPolicy, count: int = 8) -> float:
    batch = collate(examples(count), torch.device("cpu"))
    objective = Objective(kl=1.0)
    return float(batch_losses(policy, batch, objective, reference)["train_kl"].detach())


def test_the_kl_term_pulls_towards_the_reference() -> None:
    policy, reference = make(), make(seed=1)
    before = distance(policy, reference)
    train(policy, examples(), every(40), learning_rate=1e-2, objective=Objective(likelihood=0.0, kl=1.0),
          reference=reference)
    assert distance(policy, reference) < before / 4


def test_the_kl_term_keeps_what_learns_near_the_reference() -> None:
    base, ended = make(), {}
    for kl in (0.0, 5.0):
        policy = base.clone()
        train(policy, examples(), every(30), learning_rate=1e-2, objective=Objective(kl=kl), reference=base)
        ended[kl] = distance(policy, base)
    assert ended[5.0] < ended[0.0] / 4


def test_the_distance_is_the_exact_mean_over_every_sixteenth_row() -> None:
    policy, reference, lessons = make(), make(seed=1), examples(40)
    found = distance(policy, reference, count=40)
    terms = []
    for lesson in lessons[::16]:
        ours, theirs = (model.evaluate([lesson.tokens[:t] for t in range(lesson.prompt_length, len(lesson.tokens))])
                        for model in (policy, reference))
        terms += [float((np.exp(a.logprobs) * (a.logprobs - b.logprobs)).sum())
                  for a, b in zip(ours, theirs, strict=True)]
    assert found == pytest.approx(np.mean(terms), rel=1e-4)


def test_the_whole_loss_is_its_parts_by_their_weights() -> None:
    losses = {"train_loss": torch.tensor(2.0), "train_kl": torch.tensor(3.0), "value_loss": torch.tensor(5.0)}
    assert float(weighted(losses, Objective(likelihood=0.5, kl=0.1, value=0.2))) == pytest.approx(1 + 0.3 + 1)
    assert float(weighted({"train_kl": torch.tensor(3.0)}, Objective(kl=2.0))) == pytest.approx(6.0)


def test_a_part_without_weight_or_without_a_position_is_absent() -> None:
    policy, batch = make(), collate(examples(value=None), torch.device("cpu"))
    assert batch_losses(policy, batch, Objective()).keys() == {"train_loss"}
    assert batch_losses(policy, batch, JOINT, make(seed=1)).keys() == {"train_loss", "train_kl"}
    silent = [replace(lesson, weights=np.zeros_like(lesson.weights)) for lesson in examples()]
    assert batch_losses(policy, collate(silent, torch.device("cpu")), JOINT, policy).keys() == {"value_loss"}


def test_the_training_loss_is_in_nats_per_learnt_token() -> None:
    policy, lessons = make(), examples()
    found = batch_losses(policy, collate(lessons, torch.device("cpu")), Objective())["train_loss"]
    logprobs = policy.logprobs([lesson.tokens[: lesson.prompt_length] for lesson in lessons],
                               [lesson.tokens[lesson.prompt_length :] for lesson in lessons])
    assert float(found.detach()) == pytest.approx(-np.concatenate(logprobs).mean(), abs=1e-5)


def test_tokens_of_weight_0_have_no_influence_on_the_gradient() -> None:
    """Behind the learnt tokens, where they are no context of them either."""
    policy, lessons = make(), examples(value=None)
    padded = [replace(lesson, tokens=np.append(lesson.tokens, [7, 8, 9]).astype(np.int32),
                      weights=np.append(lesson.weights, [0, 0, 0]).astype(np.float32)) for lesson in lessons]
    found = gradient(policy, padded)
    for name, expected in gradient(policy, lessons).items():
        torch.testing.assert_close(found[name], expected, atol=1e-6, rtol=1e-4)


def test_an_example_that_weighs_nothing_has_no_influence_on_the_gradient() -> None:
    policy, lessons = make(), examples(value=None)
    failure = replace(examples(seed=1, value=None)[0], weights=np.zeros(6, np.float32))
    found = gradient(policy, [*lessons, failure])
    for name, expected in gradient(policy, lessons).items():
        torch.testing.assert_close(found[name], expected, atol=1e-6, rtol=1e-4)


def test_a_value_weight_of_3_is_three_examples() -> None:
    policy, (wrong, right, *_) = make(), examples()
    once = gradient(policy, [replace(right, value_weight=3.0), wrong], VALUE_ONLY)
    thrice = gradient(policy, [right, right, right, wrong], VALUE_ONLY)
    for name, expected in thrice.items():
        torch.testing.assert_close(once[name], expected, atol=1e-6, rtol=1e-4)


def test_the_same_training_gives_the_same_bits() -> None:
    base, reference = make(), make(seed=1)
    first, second = base.clone(), base.clone()
    for policy in (first, second):
        train(policy, examples(), every(5), learning_rate=1e-2, objective=JOINT, reference=reference)
    for ours, theirs in zip(copies(first).values(), copies(second).values(), strict=True):
        assert ours.numpy().tobytes() == theirs.numpy().tobytes()


def test_the_reference_stays_as_it_was() -> None:
    policy, reference = make(), make(seed=1)
    before = copies(reference)
    train(policy, examples(), every(3), learning_rate=1e-2, objective=JOINT, reference=reference)
    assert all(torch.equal(part, before[name]) for name, part in copies(reference).items())
    assert all(parameter.grad is None for _, parameter in reference.named_parameters())


@pytest.mark.parametrize("spoilt", [float("nan"), float("inf")])
@pytest.mark.parametrize("objective", [JOINT, VALUE_ONLY], ids=["joint", "value only"])
def test_a_loss_that_is_no_number_stops_the_training(spoilt: float, objective: Objective) -> None:
    policy = make()
    policy.model.norm.weight.data[0] = spoilt
    with pytest.raises(TrainingError, match=r"must be finite, got .* at step 1 of 2"):
        train(policy, examples(), every(2), learning_rate=1e-2, objective=objective, reference=make(seed=1))


def test_a_rate_that_breaks_the_weights_stops_the_training_even_at_its_last_step() -> None:
    """The first step makes the weights huge, the second one's gradient is no number, its loss still is."""
    with pytest.raises(TrainingError, match=r"must be finite, got .* after the last step"):
        train(make(), examples(), every(2), learning_rate=1e20, objective=LIKELIHOOD)
    with pytest.raises(TrainingError, match=r"must be finite, got .* at step 3 of 6"):
        train(make(), examples(), every(6), learning_rate=1e20, objective=LIKELIHOOD)


def test_progress_is_told_step_by_step_and_the_work_is_counted() -> None:
    told: list[tuple[int, int]] = []
    training = train(make(), examples(), [np.array([0, 1]), np.array([2])], learning_rate=1e-3, objective=Objective(),
                     watch=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]
    assert (training.steps, training.tokens) == (2, 6 + 7 + 8)


def test_losses_are_means_over_the_last_tenth() -> None:
    lessons, policy = examples(), make()
    own = [float(batch_losses(policy, collate([lesson], torch.device("cpu")), LIKELIHOOD)["train_loss"].detach())
           for lesson in lessons]
    # At this rate nothing is learnt, so that a step's loss is that of its one example.
    plan = [np.array([step % 8]) for step in range(20)]
    training = train(policy, lessons, plan, learning_rate=1e-12, objective=LIKELIHOOD)
    assert training.losses["train_loss"] == pytest.approx((own[18 % 8] + own[19 % 8]) / 2, rel=1e-4)


def test_a_plan_without_batches_changes_nothing() -> None:
    policy = make()
    before = copies(policy)
    training = train(policy, [], [], learning_rate=1e-2, objective=LIKELIHOOD)
    assert (training.steps, training.tokens, training.losses) == (0, 0, {})
    assert all(torch.equal(part, before[name]) for name, part in copies(policy).items())


def test_tokens_are_told_as_learnt_from_or_as_read_by_a_frozen_network(work: list[Work]) -> None:
    policy, given = make(), examples()
    size = sum(parameter.numel() for _, parameter in policy.named_parameters())
    trained = train(policy, given, every(2), learning_rate=1e-3, objective=LIKELIHOOD)
    assert work == [Work(size, learnt=trained.tokens // 2)] * 2
    train(policy, given, every(1), learning_rate=1e-3, objective=VALUE_ONLY)
    assert work[2:] == [Work(size, read=trained.tokens // 2)]
