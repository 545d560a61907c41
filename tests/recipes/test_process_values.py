"""A process reward model taught by rollouts, on a task that a tiny network can learn in seconds: two digits, spelt."""

from __future__ import annotations

from itertools import chain, product
from typing import Literal

import numpy as np
import pytest
import torch

from pawl.judges.prm import ProcessReward
from pawl.judges.truth import truth
from pawl.meters.calibration import auroc
from pawl.models.architecture import small
from pawl.models.policy import TransformerPolicy
from pawl.models.tokenizer import train_tokenizer
from pawl.models.transformer import Transformer, initialise
from pawl.play import play
from pawl.play_rollouts import Rollouts, label_steps
from pawl.recipes.lessons import learn_process_values
from pawl.recipes.settings import Settings
from pawl.records import Attempt, Problem, Sampling, Split
from pawl.testing import ScriptedPolicy

torch.set_num_threads(1)

LETTERS = "abcd"
PROBLEMS = [Problem(f"{i}{j}", f"{i}{j}=", "test" if (i + j) % 4 == 0 else "train", f"{LETTERS[i]}\n{LETTERS[j]}")
            for i, j in product(range(4), repeat=2)]
GUESSES = ScriptedPolicy({str(problem.prompt): ["\n".join(pair) for pair in product(LETTERS, repeat=2)]
                          for problem in PROBLEMS})
"""Writes any two letters; one answer in sixteen is right."""
SAMPLING = Sampling(6)


class Spelling:
    """The letter of each digit, a line each."""

    name = "spelling"

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        return [problem for problem in PROBLEMS if problem.split == split][:count]

    def score(self, problem: Problem, answer: str) -> float:
        return float(answer == problem.answer)


def begins_well(attempt: Attempt) -> bool:
    return attempt.completion.text[0] == LETTERS[int(attempt.problem.id[0])]


def fresh_critic() -> TransformerPolicy:
    """A network over the script's tokens, which are bytes and an end."""
    model = Transformer(small(264, depth=2, width=32, max_positions=16))
    initialise(model, 0)
    return TransformerPolicy(model, train_tokenizer("char", ["0"]))


class Critic(ScriptedPolicy):
    """Writes as the script does; its values are a network's."""

    def __init__(self, network: TransformerPolicy) -> None:
        super().__init__({})
        self.evaluate = network.evaluate  # type: ignore[method-assign]


@pytest.fixture(scope="module")
def tried() -> list[Attempt]:
    return play(GUESSES, Spelling().problems("train", 99, 0), 24, sampling=SAMPLING, key=0)


@pytest.fixture(scope="module")
def found(tried: list[Attempt]) -> Rollouts:
    return label_steps(GUESSES, tried, truth(Spelling()), count=8, sampling=SAMPLING, key=1)


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_a_taught_model_ranks_right_first_steps_above_wrong_ones_at_problems_it_never_saw(
        kind: Literal["hard", "soft"], found: Rollouts) -> None:
    network = fresh_critic()
    losses = learn_process_values(network, chain(*found.labels), kind=kind, epochs=60, key=2,
                                  settings=Settings(batch=16, learning_rate=1e-2))
    assert losses["value_loss"] < 0.1
    unseen = play(GUESSES, Spelling().problems("test", 99, 0), 32, sampling=SAMPLING, key=3)
    first = [steps[0] for steps in ProcessReward(Critic(network)).steps(unseen)]
    assert (auroc(first, [begins_well(attempt) for attempt in unseen]) or 0) > 0.9


def test_rollouts_find_out_which_first_steps_are_right(tried: list[Attempt], found: Rollouts) -> None:
    """A right first letter goes on well one time in four: of eight completions one does nine times in ten."""
    hard = np.array([(labels[0].value or 0.0) > 0 for labels in found.labels])
    right = np.array([begins_well(attempt) for attempt in tried])
    assert not hard[~right].any()
    assert hard[right].mean() == pytest.approx(1 - 0.75**8, abs=0.12)
    soft = np.array([labels[0].value for labels in found.labels])[right]
    assert soft.mean() == pytest.approx(1 / 4, abs=0.08)


def test_without_a_label_nothing_is_learnt() -> None:
    network = fresh_critic()
    before = [parameter.detach().clone() for _, parameter in network.named_parameters()]
    assert learn_process_values(network, [], kind="hard", epochs=1, settings=Settings(), key=0) == {}
    assert all(torch.equal(old, new) for old, (_, new) in zip(before, network.named_parameters(), strict=True))
