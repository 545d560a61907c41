"""The protocols of claims, small: what is known in closed form, and what a seed fixes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from pawl.claims import (
    consuming,
    judge_gap,
    label_noise,
    mad,
    recursion,
    replace_accumulate,
    self_training,
    simplicity,
    verification,
)


def test_regression_errs_as_its_closed_form_says() -> None:
    random = np.random.default_rng(0)
    replaced, kept = (np.mean([replace_accumulate.regression_errors(random, keep) for _ in range(200)], axis=0)
                      for keep in ("replace", "accumulate"))
    assert replaced == pytest.approx(np.arange(1, 11) * 10 / 100, rel=0.15)
    bound = np.cumsum(1 / np.arange(1, 11)**2) * kept[0]
    assert (kept < 1.15 * bound).all() and kept[-1] > kept[0]


def test_words_are_lost_for_good_unless_they_are_kept() -> None:
    random = np.random.default_rng(0)
    found = {keep: recursion.support_kept(random, keep) for keep in ("replace", "tenth", "accumulate", "cold")}
    assert (np.diff(found["replace"]) <= 0).all() and (found["accumulate"] == 1).all()
    assert found["cold"][-1] < 0.02 < found["replace"][-1] < found["tenth"][-1]
    assert found["replace"][0] == pytest.approx(recursion.closed_form_support(random), abs=0.04)


def test_a_mean_wanders_as_far_as_its_closed_form_says() -> None:
    random = np.random.default_rng(0)
    assert recursion.wander(random) == pytest.approx(recursion.STEPS / recursion.DRAWN, rel=0.12)


@pytest.mark.parametrize(("phi", "psi"), verification.RATES)
def test_accuracy_changes_sides_at_the_break_even_point(phi: float, psi: float) -> None:
    even, random = 1 / (1 + psi / phi), np.random.default_rng(0)
    low, high = (verification.accuracy(random, error, phi, psi) for error in (even - 0.05, even + 0.04))
    assert low > 0.7 and high < 0.3


def test_a_bias_costs_recall_and_fresh_data_keep_the_spread() -> None:
    random = np.random.default_rng(0)
    fair, biased = (mad.covered(random, bias) for bias in (1.0, 0.7))
    assert biased.precision >= 0.98 * fair.precision and biased.recall < 0.5 * fair.recall
    spread = {loop: mad.generalised_variances(random, loop, 40) for loop in ("synthetic", "fixed", "fresh")}
    assert spread["synthetic"][-1] < spread["fixed"][-1] < spread["fresh"][-1]
    assert mad.half_life(np.array([0.9, 0.6, 0.5, 0.7])) == 3 and mad.half_life(np.array([0.9, 0.8])) == 3


def test_slabs_say_the_class_and_no_power_of_them_does() -> None:
    points, classes = simplicity.drawn(np.random.default_rng(0), 60_000, 2)
    linear, slab = points.T
    assert (np.abs(linear) < 1).all() and (np.abs(slab) < 1).all()
    assert ((linear > 0) == classes).mean() == pytest.approx(0.95, abs=0.005)
    place = np.floor((slab + 1) * simplicity.SLABS / 2).astype(int)
    assert ((place % 2 == 0) == (classes == 1)).all()
    for power in range(1, 6):
        one, other = (float((slab[classes == which]**power).mean()) for which in (0, 1))
        assert one == pytest.approx(other, abs=0.01)


def test_labels_are_diluted_and_truth_is_not() -> None:
    mixture = label_noise.Mixture(0)
    points, classes = mixture.draw(5000)
    assert points.shape == (5000, label_noise.WIDTH) and set(classes) == set(range(label_noise.CLASSES))
    clean, noisy = (label_noise.learnt(mixture, 0, 2000, alpha, 128, steps=200) for alpha in (0, 20))
    assert clean > 0.8 > noisy > 0.12


def test_a_judge_chooses_what_it_holds_right() -> None:
    random = np.random.default_rng(0)
    truth, attempts = np.zeros(20_000, np.int64), random.integers(4, size=(20_000, 2))
    shares = [(judge_gap.judged(attempts, truth, error, random) == 0).mean() for error in (0.0, 0.5, 1.0)]
    assert shares == pytest.approx([1 - 0.75**2, 0.25, 0.25**2], abs=0.01)


def test_a_policy_samples_as_often_as_it_says() -> None:
    policy = torch.nn.Linear(3, 4)
    points = np.repeat(np.eye(3, dtype=np.float32), 5000, axis=0)
    drawn = judge_gap.sampled(policy, points, np.random.default_rng(0)).reshape(3, -1)
    expected = judge_gap.chances(policy, np.eye(3, dtype=np.float32))
    for row, chances in zip(drawn, expected, strict=True):
        assert np.bincount(row, minlength=4) / len(row) == pytest.approx(chances, abs=0.01)
    assert judge_gap.accuracy(policy, np.eye(3, dtype=np.float32), np.array([0, 1, 2])) == pytest.approx(
        np.diag(expected).mean())


def test_batches_until_the_loss_has_risen_lie_between_readings() -> None:
    def until(*losses: float) -> float:
        return self_training.steps_until([{"real_loss": loss} for loss in losses])

    batches = self_training.DOCUMENTS / 64
    assert until(1.0, 1.6) == pytest.approx(batches / 2)
    assert until(1.0, 1.2, 1.1, 1.4) == pytest.approx(2.5 * batches)
    assert until(1.0, 1.05, 1.1) == pytest.approx(6 * batches), "as it went on"


def test_ways_share_their_first_model_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with consuming.Consuming(0, documents=128, epochs=(1, 1), generations=1, depth=1) as ways:
        one, other = ways.readings("one", anchored=False), ways.readings("other", real=0.5)
        assert one[0]["real_loss"] == other[0]["real_loss"] and one[1]["real_loss"] != other[1]["real_loss"]
    assert not list(tmp_path.iterdir())
    assert consuming.rise([{"real_loss": 1.0}, {"real_loss": 3.0}, {"real_loss": 1.5}]) == 0.5
