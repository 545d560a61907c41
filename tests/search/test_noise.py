"""Root noise against its distribution's closed form, and drawn for each row by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from pawl.keys import row_keys
from pawl.search.noise import dirichlet, gumbel

KEYS = row_keys(0, [str(i) for i in range(20_000)], 1)[:, 0]


def test_dirichlet_noise_has_the_means_and_variances_of_its_distribution() -> None:
    """Of four actions among six, one of them 0.7 likely."""
    priors = np.tile(np.array([0.7, 0, 0.1, 0.1, 0, 0.1], np.float32), (len(KEYS), 1))
    noise = (dirichlet(KEYS, priors, total=10.0, share=0.25) - 0.75 * priors)[:, priors[0] > 0] / 0.25
    expected = stats.dirichlet([2.5] * 4)
    np.testing.assert_allclose(noise.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(noise.mean(axis=0), expected.mean(), atol=0.005)
    np.testing.assert_allclose(noise.var(axis=0), expected.var(), rtol=0.05)
    assert stats.kstest(noise[:, 0], stats.beta(2.5, 7.5).cdf).pvalue > 0.01


def test_noise_leaves_out_what_is_not_there_and_no_action_is_lost() -> None:
    """With parameters so small that nearly all draws are 0."""
    priors = np.array([[0.5, 0, 0.5] + [0] * 97, [1 / 100] * 100], np.float32)
    mixed = dirichlet(KEYS[:2], priors, total=0.01, share=1.0)
    np.testing.assert_array_equal(mixed > 0, priors > 0)
    np.testing.assert_allclose(mixed.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("drawn", [
    lambda keys, priors: dirichlet(keys, priors, total=10.0, share=0.25),
    lambda keys, priors: gumbel(keys, priors.shape[1])])
def test_a_rows_noise_does_not_know_its_neighbours(drawn: Any) -> None:
    """Neither who they are nor how many actions they have."""
    priors = np.array([[0.5, 0.3, 0.2, 0, 0], [0.2] * 5, [0.9, 0.1, 0, 0, 0]], np.float32)
    together = drawn(KEYS[:3], priors)
    np.testing.assert_array_equal(drawn(KEYS[:1], priors[:1, :3]), together[:1, :3])
    np.testing.assert_array_equal(drawn(KEYS[2:3], priors[2:3, :2]), together[2:3, :2])
    assert np.unique(together[:, 0]).size == 3
