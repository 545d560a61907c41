"""What a candidate learns in a generation: the right letters, held by real text, and a value that tells them apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from letters import LETTERS
from runs import TINY, Run

from pawl.interfaces import Trainable
from pawl.keys import permutation, row_keys
from pawl.recipes import lessons
from pawl.recipes.lessons import learn_policy, learn_value
from pawl.recipes.settings import Settings
from pawl.records import Sampling
from pawl.selection.replay import replay

SETTINGS = Settings(**{**TINY, "epochs": 2})


def quiet(done: int, total: int) -> None:
    """No progress to show."""


def weights(policy: Trainable) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in policy.named_parameters()}


def test_every_batch_has_its_floor_of_real_data(learnt: Run) -> None:
    for row in learnt.rows:
        share = row.metrics["examples_real"] / (row.metrics["examples_real"] + row.metrics["examples_self"])
        assert 0.05 <= share < 0.1


def test_what_the_champion_has_learnt_can_be_read_off_it(learnt: Run) -> None:
    champion = learnt.open(learnt.champion)
    prompts = [f"55{digit}" for digit in range(10)]
    groups = champion.propose([champion.encode(prompt) for prompt in prompts], 1, sampling=Sampling(3, temperature=0),
                              keys=row_keys(0, prompts, 1))
    said = [group[0].text for group in groups]
    assert np.mean([text == letter for text, letter in zip(said, LETTERS, strict=True)]) >= 0.8


def test_what_was_learnt_from_is_counted_by_source_once_an_epoch(learnt: Run) -> None:
    base, examples = learnt.open(learnt.base), replay([learnt.ledger.examples([1])], window=1)
    found = learn_policy(base.clone(), base, examples, [], SETTINGS, 0, quiet)
    tokens = 2 * sum(len(example.tokens) for example in examples)
    assert (found["examples_self"], found["examples_real"]) == (2 * len(examples), 0)
    assert found["tokens_self"] == found["tokens_trained"] == tokens
    assert "train_kl" in found


def test_the_value_learns_how_often_attempts_are_right_and_leaves_the_policy_as_it_is(learnt: Run) -> None:
    candidate = learnt.open(learnt.base)
    before = weights(candidate)
    attempts, verdicts = (list(part) for part in zip(*learnt.ledger.attempts(1), strict=True))
    wholes = [np.concatenate((attempt.prompt_tokens, attempt.completion.tokens)) for attempt in attempts]

    def expected() -> float:
        return float(np.mean([evaluation.value for evaluation in candidate.evaluate(wholes)]))

    assert expected() == 0.5
    learn_value(candidate, attempts, verdicts, SETTINGS, 0)
    assert expected() == pytest.approx(np.mean([verdict.score for verdict in verdicts]), abs=0.08)
    after = weights(candidate)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved and all("value" in name for name in moved)


def test_the_value_sees_so_many_attempts_at_most(learnt: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts, verdicts = (list(part) for part in zip(*learnt.ledger.attempts(1), strict=True))

    def taught(places: Sequence[int], most: int) -> dict[str, torch.Tensor]:
        candidate = learnt.open(learnt.base)
        monkeypatch.setattr(lessons, "VALUE_LESSONS", most)
        learn_value(candidate, [attempts[i] for i in places], [verdicts[i] for i in places], SETTINGS, 5)
        return weights(candidate)

    everything = range(len(attempts))
    one, same = taught(everything, 1), taught(permutation(5, len(attempts))[:1], 1)
    full = taught(everything, len(attempts))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], full[name]) for name in one)
