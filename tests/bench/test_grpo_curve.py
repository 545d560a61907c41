"""Curves of learning beside TRL's: what is compared, by hand, and Pawl's side of it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from pawl.bench.grpo_curve import TASK, Load, apart, ours, smoothed, theirs
from pawl.bench.trl_peers import need_trl
from pawl.errors import MissingExtraError
from pawl.models.opening import fresh_policy

torch.set_num_threads(1)

SMALL = Load(steps=2, prompts=3, completions=4, window=1)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("grpo") / "base"
    texts = [f"{one.prompt}{one.answer or ''}" for one in TASK.problems("train", 50, 0)]
    fresh_policy([*texts, "0123456789+-*/()="], tokenizer="char", depth=1, context=64, seed=0).save(path)
    return path


def test_curves_are_means_over_windows() -> None:
    assert smoothed([0.0, 1.0, 0.5, 0.5, 1.0, 0.0], Load(window=2)).tolist() == [0.5, 0.5, 0.5]
    assert smoothed([0.0, 1.0, 0.5, 0.9], Load(window=4)).tolist() == [pytest.approx(0.6)]


def test_curves_are_as_far_apart_as_their_means_in_deviations_between_seeds() -> None:
    """Means 0.2, 0.6 and 0.3, 0.4; variances 0.02 and 0.08, 0 and 0: half of the mean of both is 0.025."""
    pairs = [(np.array([0.1, 0.4]), np.array([0.3, 0.4])), (np.array([0.3, 0.8]), np.array([0.3, 0.4]))]
    assert apart(pairs) == pytest.approx(0.2 / math.sqrt(0.025))


def test_the_same_curves_are_not_apart() -> None:
    same = (np.array([0.5, 0.5]), np.array([0.5, 0.5]))
    assert apart([same, same]) == 0


def test_pawls_side_takes_its_steps_and_says_a_score_for_each(base: Path) -> None:
    problems = TASK.problems("train", 10, 0)
    curve = ours(base, problems, 0, SMALL)
    assert curve.shape == (2,) and ((curve >= 0) & (curve <= 1)).all()
    assert np.array_equal(curve, ours(base, problems, 0, SMALL))
    assert ours(base, problems, 0, Load(steps=2, prompts=3, completions=4, window=2)).shape == (1,)


def test_the_peer_says_as_many_scores(base: Path) -> None:
    try:
        need_trl("a test")
    except MissingExtraError:
        pytest.skip("the peer is trl")
    curve = theirs(base, TASK.problems("train", 10, 0), 0, SMALL)
    assert curve.shape == (2,) and ((curve >= 0) & (curve <= 1)).all()
