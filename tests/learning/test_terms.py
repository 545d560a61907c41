"""What each kind of learner adds to the loss, against arithmetic on the policy's own log-probabilities."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from lessons import PLAIN, examples, make

import pawl.learning.gradient
from pawl.learning.batch import collate
from pawl.learning.gradient import batch_losses, leave_gradient, pieces_of
from pawl.learning.objective import COMPARISONS, Objective
from pawl.learning.terms import Desirability, Likelihood, Preference, Surrogate, Term
from pawl.models.policy import TransformerPolicy
from pawl.records import FloatArray, StepValues, TokenExample

CPU = torch.device("cpu")
ADVANTAGES = (1.0, -0.5, 0.0, 2.0)
torch.set_num_threads(1)


def answers(policy: TransformerPolicy, lessons: list[TokenExample]) -> list[FloatArray]:
    """[T] log-probabilities of each answer's tokens."""
    return policy.logprobs([one.tokens[: one.prompt_length] for one in lessons],
                           [one.tokens[one.prompt_length :] for one in lessons])


def compared(lessons: list[TokenExample], other: TransformerPolicy) -> list[TokenExample]:
    """The lessons with another policy's log-probabilities."""
    known = answers(other, lessons)
    return [replace(one, logprobs=np.concatenate((np.zeros(one.prompt_length, np.float32), theirs)))
            for one, theirs in zip(lessons, known, strict=True)]


def with_advantages() -> list[TokenExample]:
    """Four answers of 3, 4, 4 and 5 tokens."""
    return [replace(one, weights=(one.weights * advantage).astype(np.float32), value_target=None)
            for one, advantage in zip(examples(4), ADVANTAGES, strict=True)]


def loss_of(policy: TransformerPolicy, lessons: list[TokenExample], term: Term, name: str = "train_loss") -> float:
    return float(batch_losses(policy, collate(lessons, CPU), Objective(term))[name].detach())


def surrogate(ratio: float, advantage: float, low: float = 0.2, high: float = 0.2) -> float:
    return -min(ratio * advantage, min(max(ratio, 1 - low), 1 + high) * advantage)


def of_tokens(low: float = 0.2, high: float = 0.2) -> list[list[float]]:
    """For each answer the clipped surrogate of each of its tokens."""
    policy, old, lessons = make(), make(seed=1), with_advantages()
    return [[surrogate(math.exp(new - before), advantage, low, high) for new, before in zip(*pair, strict=True)]
            for pair, advantage in zip(zip(answers(policy, lessons), answers(old, lessons), strict=True), ADVANTAGES,
                                       strict=True)]


@pytest.mark.parametrize(("term", "expected"), [
    (Surrogate(per="token"), lambda found: sum(map(sum, found)) / sum(map(len, found))),
    (Surrogate(per="sequence"), lambda found: sum(sum(one) / len(one) for one in found) / 4),
    (Surrogate(per="length", length=10.0), lambda found: sum(map(sum, found)) / 40),
], ids=["DAPO", "GRPO", "Dr. GRPO"])
def test_tokens_are_weighed_as_the_papers_say(term: Surrogate, expected: object) -> None:
    assert callable(expected)
    found = loss_of(make(), compared(with_advantages(), make(seed=1)), term)
    assert found == pytest.approx(expected(of_tokens()), rel=1e-4)


def test_probabilities_may_rise_further_than_they_may_fall() -> None:
    found = loss_of(make(), compared(with_advantages(), make(seed=1)), Surrogate(low=0.1, high=0.5))
    flat = [one for answer in of_tokens(0.1, 0.5) for one in answer]
    assert found == pytest.approx(sum(flat) / len(flat), rel=1e-4)


def test_the_ratio_of_a_whole_answer_is_the_product_of_its_tokens() -> None:
    policy, old, lessons = make(), make(seed=1), with_advantages()
    ratios = [math.exp(float((new - before).sum()))
              for new, before in zip(answers(policy, lessons), answers(old, lessons), strict=True)]
    expected = sum(map(surrogate, ratios, ADVANTAGES)) / 4
    assert loss_of(policy, compared(lessons, old), Surrogate(ratio="sequence")) == pytest.approx(expected, rel=1e-4)


def test_clipped_is_the_share_of_tokens_that_are_beyond_their_bound() -> None:
    policy, old, lessons = make(), make(seed=1), with_advantages()
    ratios = [np.exp(new - before) for new, before in zip(answers(policy, lessons), answers(old, lessons), strict=True)]
    beyond = [(one > 1.2).sum() if advantage > 0 else (one < 0.8).sum() if advantage < 0 else 0
              for one, advantage in zip(ratios, ADVANTAGES, strict=True)]
    found = loss_of(policy, compared(lessons, old), Surrogate(), "clipped")
    assert found == pytest.approx(sum(beyond) / sum(map(len, ratios)))


@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_where_the_policy_is_its_own_past_the_gradient_is_reinforce(ratio: str) -> None:
    policy, lessons = make(), with_advantages()
    leave_gradient(policy, pieces_of(compared(lessons, policy), CPU),
                   Objective(Surrogate(ratio=ratio, per="length")))  # type: ignore[arg-type]  # parametrised
    found = {name: p.grad.clone() for name, p in policy.named_parameters() if p.grad is not None}
    batch = collate(lessons, CPU)
    spoken = batch.weights != 0
    logits, _ = policy.forward(batch.tokens, spoken)
    chosen = logits.log_softmax(-1).gather(-1, batch.targets[spoken][:, None])[:, 0]
    policy.model.zero_grad()
    (-(chosen * batch.weights[spoken]).sum() / 4).backward()
    for name, parameter in policy.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(found[name], parameter.grad, atol=1e-6, rtol=1e-4)


def test_without_a_past_the_ratio_is_1() -> None:
    lengths = [len(one) for one in of_tokens()]
    expected = -sum(size * advantage for size, advantage in zip(lengths, ADVANTAGES, strict=True)) / sum(lengths)
    assert loss_of(make(), with_advantages(), Surrogate()) == pytest.approx(expected, rel=1e-5)


def test_answers_without_an_advantage_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    policy, seen = make(), []
    forward = policy.forward
    monkeypatch.setattr(policy, "forward", lambda tokens, chosen: seen.append(len(tokens)) or forward(tokens, chosen))
    batch_losses(policy, collate(with_advantages(), CPU), Objective(Surrogate()))
    batch_losses(policy, collate(with_advantages(), CPU), Objective(Surrogate(), kl=0.1, kl_rows=1), make(seed=1))
    assert seen == [3, 4]


@pytest.mark.parametrize("kind", ["dpo", "ipo"])
def test_a_preference_is_of_what_both_answers_gained_on_the_reference(kind: str) -> None:
    policy, reference, lessons = make(), make(seed=1), examples(6, value=None)
    gains = [new - before for new, before in zip(answers(policy, lessons), answers(reference, lessons), strict=True)]
    ratios = [float(one.mean() if kind == "ipo" else one.sum()) for one in gains]
    margins = [better - worse for better, worse in zip(ratios[0::2], ratios[1::2], strict=True)]
    expected = [(margin - 1 / 0.4) ** 2 if kind == "ipo" else math.log1p(math.exp(-0.2 * margin))
                for margin in margins]
    term = Preference(kind=kind, beta=0.2)  # type: ignore[arg-type]  # parametrised
    found = compared(lessons, reference)
    assert loss_of(policy, found, term) == pytest.approx(sum(expected) / 3, rel=1e-4)
    assert loss_of(policy, found, term, "preferred") == pytest.approx(sum(margin > 0 for margin in margins) / 3)


def test_what_is_good_and_what_is_bad_is_told_by_the_sign_of_weights() -> None:
    policy, reference, lessons = make(), make(seed=1), examples(4, value=None)
    signed = [replace(one, weights=(one.weights * weight).astype(np.float32))
              for one, weight in zip(lessons, (1.0, -1.0, 0.5, -2.0), strict=True)]
    ratios = [float((new - before).sum())
              for new, before in zip(answers(policy, lessons), answers(reference, lessons), strict=True)]
    expected = [abs(weight) / (1 + math.exp(0.3 * math.copysign(ratio, ratio * weight)))
                for ratio, weight in zip(ratios, (1.0, -1.0, 0.5, -2.0), strict=True)]
    assert loss_of(policy, compared(signed, reference), Desirability(0.3)) == pytest.approx(sum(expected) / 4, rel=1e-4)


def ends(lessons: list[TokenExample]) -> list[TokenExample]:
    """Lessons whose last token has a value to learn."""
    one = np.ones(1, np.float32)
    return [replace(lesson, step_values=StepValues(np.array([len(lesson.tokens) - 1], np.int32), one, one))
            for lesson in lessons]


def test_a_reward_model_compares_the_values_of_whole_answers() -> None:
    policy, lessons = make(), ends(examples(6))
    values = [evaluation.value for evaluation in policy.evaluate([lesson.tokens for lesson in lessons])]
    scores = [math.log(value / (1 - value)) for value in values]
    expected = [math.log1p(math.exp(worse - better)) for better, worse in zip(scores[0::2], scores[1::2], strict=True)]
    found = batch_losses(policy, collate(lessons, CPU), COMPARISONS)
    assert float(found["value_loss"].detach()) == pytest.approx(sum(expected) / 3, rel=1e-4)
    assert float(found["foreseen"]) == pytest.approx(
        sum(better > worse for better, worse in zip(scores[0::2], scores[1::2], strict=True)) / 3)


TERMS = {"likelihood": Objective(Likelihood()), "surrogate": Objective(Surrogate(), kl=0.1, kl_rows=3, entropy=0.01),
         "answers": Objective(Surrogate(ratio="sequence")), "grpo": Objective(Surrogate(per="sequence")),
         "preference": Objective(Preference()), "desirability": Objective(Desirability()), "comparisons": COMPARISONS}


@pytest.mark.parametrize("name", TERMS)
def test_pieces_add_up_to_the_whole_and_pairs_stay_together(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    policy, reference, objective = make(PLAIN), make(seed=1), TERMS[name]
    signs = np.tile([1.0, 1.0] if name == "likelihood" else [1.0, -0.5], 20)
    signed = [replace(one, weights=(one.weights * sign).astype(np.float32))
              for one, sign in zip(examples(40), signs, strict=True)]
    lessons = compared(ends(signed), make(seed=2))
    whole = {part: float(loss.detach()) for part, loss in
             batch_losses(policy, collate(lessons, CPU), objective, reference).items()}
    leave_gradient(policy, [collate(lessons, CPU)], objective, reference)
    expected = {part: p.grad.clone() for part, p in policy.named_parameters() if p.grad is not None}
    monkeypatch.setattr(pawl.learning.gradient, "TOKENS", 60)
    pieces = pieces_of(lessons, CPU, together=objective.together)
    assert len(pieces) >= 5 and all(len(piece.tokens) % objective.together == 0 for piece in pieces)
    assert leave_gradient(policy, pieces, objective, reference) == pytest.approx(whole, rel=1e-4, abs=1e-6)
    for part, parameter in policy.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, expected[part], atol=1e-5, rtol=1e-3)


def test_entropy_is_sought() -> None:
    policy, lessons = make(), examples(value=None)
    found = batch_losses(policy, collate(lessons, CPU), Objective(entropy=0.1))
    seen = policy.evaluate([one.tokens[:t] for one in lessons for t in range(one.prompt_length, len(one.tokens))])
    assert float(found["entropy"].detach()) == pytest.approx(
        np.mean([-(np.exp(one.logprobs) * one.logprobs).sum() for one in seen]), rel=1e-4)
