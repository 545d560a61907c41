"""The protocols of claims, small: what is known in closed form, and what a seed fixes."""

from __future__ import annotations

import numpy as np
import pytest

from pawl.claims import label_noise, mad, recursion, replace_accumulate, simplicity, verification


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
