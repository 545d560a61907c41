"""The gradient of a batch in pieces: it is that of the whole, whoever learns from which piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lessons import ARCHITECTURES, JOINT, LIKELIHOOD, distance, examples, make
from torch import Tensor

import pawl.learning.gradient
from pawl.learning.batch import collate
from pawl.learning.gradient import batch_losses, leave_gradient, pieces_of, weighted
from pawl.learning.objective import VALUE_ONLY, Objective
from pawl.models.policy import TransformerPolicy
from pawl.records import TokenExample

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """At the start of each test, and after it."""
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(1)


def gradient(policy: TransformerPolicy, chosen: list[TokenExample], objective: Objective = LIKELIHOOD,
             reference: TransformerPolicy | None = None) -> dict[str, Tensor]:
    policy.model.zero_grad()
    losses = batch_losses(policy, collate(chosen, torch.device("cpu")), objective, reference)
    weighted(losses, objective).backward()
    return {name: p.grad.clone() for name, p in policy.named_parameters() if p.grad is not None}


def left(policy: TransformerPolicy) -> dict[str, Tensor]:
    return {name: p.grad.clone() for name, p in policy.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_pieces_add_up_to_the_whole(name: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pawl.learning.gradient, "TOKENS", 60)
    policy, reference, lessons = make(ARCHITECTURES[name]), make(ARCHITECTURES[name], seed=1), examples(40)
    expected = gradient(policy, lessons, JOINT, reference)
    losses = batch_losses(policy, collate(lessons, CPU), JOINT, reference)
    torch.set_num_threads(threads)
    pieces = pieces_of(lessons, CPU)
    found = leave_gradient(policy, pieces, JOINT, reference)
    assert len(pieces) == threads * -(-5 // threads)
    assert found == pytest.approx({part: float(loss.detach()) for part, loss in losses.items()}, rel=1e-5)
    assert left(policy).keys() == expected.keys()
    for part, whole in expected.items():
        torch.testing.assert_close(left(policy)[part], whole, atol=1e-6, rtol=1e-4)


def test_on_as_many_threads_the_bits_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pawl.learning.gradient, "TOKENS", 20)
    policy, lessons = make(), examples(40)
    torch.set_num_threads(2)
    seen = set()
    for _ in range(5):
        leave_gradient(policy, pieces_of(lessons, CPU), LIKELIHOOD)
        seen.add(b"".join(part.numpy().tobytes() for part in left(policy).values()))
    assert len(seen) == 1


def test_with_many_parameters_pieces_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    policy, lessons, threads = make(), examples(8), []
    forward = policy.forward
    monkeypatch.setattr(policy, "forward", lambda *where: threads.append(torch.get_num_threads()) or forward(*where))
    torch.set_num_threads(2)
    for most, expected in ((2**28, 1), (1000, 2)):
        monkeypatch.setattr(pawl.learning.gradient, "MOST_NUMBERS", most)
        leave_gradient(policy, pieces_of(lessons, CPU), LIKELIHOOD)
        assert set(threads) == {expected}
        threads.clear()


@given(st.lists(st.integers(1, 400), min_size=1, max_size=200), st.integers(1, 5))
def test_pieces_hold_every_row_once_and_in_order(lengths: list[int], threads: int) -> None:
    lessons = [TokenExample(np.full(length, place, np.int32), np.ones(length, np.float32), 0, None, "self", "p")
               for place, length in enumerate(lengths)]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    pieces = pieces_of(lessons, CPU)
    torch.set_num_threads(before)
    assert [int(row[0]) for piece in pieces for row in piece.tokens] == list(range(len(lengths)))
    assert [int(number) for piece in pieces for number in piece.numbers] == list(range(len(lengths)))
    most = pawl.learning.gradient.TOKENS + max(lengths)
    assert all(piece.num_tokens <= most for piece in pieces)


def test_pieces_are_padded_to_their_own_longest_row() -> None:
    """Rows stand by length; what is padded of a batch in one piece is ten times as much."""
    lessons = [replace(examples()[0], tokens=np.full(length, 3, np.int32), weights=np.ones(length, np.float32))
               for length in range(10, 260)]
    whole, tokens = collate(lessons, CPU), sum(range(10, 260))
    padded = sum(piece.tokens.numel() for piece in pieces_of(lessons, CPU)) - tokens
    assert padded * 8 < whole.tokens.numel() - tokens


def test_a_piece_in_which_nothing_is_to_be_learnt_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    policy, lessons = make(), examples(value=None)
    silent = [replace(lesson, weights=np.zeros_like(lesson.weights)) for lesson in lessons]
    alone = leave_gradient(policy, pieces_of(lessons, CPU), LIKELIHOOD)
    expected = left(policy)
    monkeypatch.setattr(pawl.learning.gradient, "TOKENS", 60)
    assert leave_gradient(policy, pieces_of([*lessons, *silent], CPU), LIKELIHOOD) == pytest.approx(alone)
    for name, part in left(policy).items():
        torch.testing.assert_close(part, expected[name], atol=1e-6, rtol=1e-4)


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
    assert float(weighted(losses, Objective(kl=0.1, value=0.2))) == pytest.approx(2 + 0.3 + 1)
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
