"""Means of generations over the same problems, their errors against simulation, and what is left without luck."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from pawl.meters.means import FEWEST, Means, paired_means, shrunken, unpaired_means


def runs(random: np.random.Generator, problems: int, known: float) -> NDArray[np.float64]:
    """[5, problems] scores of problems that differ much, of which a share is known; the truth is 0, 0.1 ... 0.4."""
    scores = 0.1 * np.arange(5)[:, None] + random.normal(0, 0.5, problems) + random.normal(0, 0.2, (5, problems))
    scores[random.random(scores.shape) >= known] = np.nan
    return np.asarray(scores)


def test_with_all_scores_known_means_are_plain_and_err_by_a_problem_more() -> None:
    scores = np.random.default_rng(0).random((4, 50))
    found = paired_means(scores)
    assert found.values == pytest.approx(scores.mean(1)) and found.generations.tolist() == [0, 1, 2, 3]
    more = found.covariance - np.cov(scores) / 50
    assert found.degrees == 49 and more == pytest.approx(np.eye(4) * more[0, 0], abs=1e-12)
    assert 0.1 < more[0, 0]**0.5 * 50 < 1, "of scores in [0, 1]"


def test_with_scores_missing_means_are_right_and_their_errors_known() -> None:
    random, change = np.random.default_rng(0), np.array([1, 0, 0, 0, -1.0])
    found = [paired_means(runs(random, 100, 0.4)) for _ in range(400)]
    falls = np.array([change @ one.values for one in found])
    expected = np.mean([change @ one.covariance @ change for one in found])
    assert falls.mean() == pytest.approx(-0.4, abs=4 * falls.std() / 20)
    assert falls.std() == pytest.approx(expected**0.5, rel=0.15)
    unpaired = 2 * (0.5**2 + 0.2**2) / 40
    assert falls.var() < 0.3 * unpaired, "what problems add is taken out"


def test_problems_that_do_not_differ_change_no_mean() -> None:
    scores = np.random.default_rng(0).random((4, 400))
    scores[np.random.default_rng(1).random(scores.shape) < 0.6] = np.nan
    assert paired_means(scores).values == pytest.approx(np.nanmean(scores, axis=1), abs=0.002)


def test_problems_that_are_seen_once_each_are_compared_all_the_same() -> None:
    scores = np.full((2, 80), np.nan)
    scores[0, :40], scores[1, 40:] = np.random.default_rng(0).random((2, 40))
    found = paired_means(scores)
    assert found.values == pytest.approx([scores[0, :40].mean(), scores[1, 40:].mean()])
    assert found.covariance[0, 1] == pytest.approx(0, abs=1e-12)
    assert found.covariance[0, 0] == pytest.approx(stats.sem(scores[0, :40])**2, rel=0.1)


def test_generations_with_few_scores_are_left_out() -> None:
    scores = np.random.default_rng(0).random((3, 40))
    scores[1, FEWEST - 1:] = np.nan
    assert paired_means(scores).generations.tolist() == [0, 2]
    assert len(paired_means(np.full((3, 40), np.nan)).values) == 0


def test_where_none_was_right_luck_is_still_reckoned_with() -> None:
    found = paired_means(np.concatenate([np.zeros((1, 40)), np.eye(40)[:1]]))
    assert 0.8 / 40 < found.covariance[0, 0]**0.5 <= 1 / 40


@pytest.mark.parametrize("scores", [np.zeros(3), np.full((2, 30), np.inf)])
def test_scores_that_are_none_raise(scores: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="must be"):
        paired_means(scores)


def test_means_alone_are_taken_as_of_different_problems() -> None:
    found = unpaired_means([0.5, np.nan, 0.4], [0.1, np.nan, 0.2], attempts=100)
    assert found.generations.tolist() == [0, 2] and found.covariance.tolist() == np.diag([0.1**2, 0.2**2]).tolist()
    assert found.degrees == 99
    for values, errors, attempts in (([0.5], [0.0], 100), ([0.5], [0.1, 0.1], 100), ([0.5], [0.1], 1)):
        with pytest.raises(ValueError, match="must be"):
            unpaired_means(values, errors, attempts=attempts)


def test_shrunken_means_are_a_ridge_of_bends() -> None:
    random = np.random.default_rng(0)
    errors = random.normal(size=(8, 8))
    means = Means(np.arange(8), np.sin(np.arange(8)), 0.05 * (errors @ errors.T / 8 + np.eye(8)), 99)
    found, weights, bends = shrunken(means), np.linalg.inv(means.covariance), np.diff(np.eye(8), 2, axis=0)
    # Whatever its scale is, it is the least of what values cost that lie off the means and bend.
    scale = np.linalg.norm(weights @ (means.values - found)) / np.linalg.norm(bends.T @ bends @ found)
    least = np.linalg.solve(weights + scale * bends.T @ bends, weights @ means.values)
    assert found == pytest.approx(least) and 0.01 < np.abs(found - means.values).max() < 0.5


def test_shrinking_leaves_lines_alone_and_comes_nearer_to_the_truth() -> None:
    random, truth = np.random.default_rng(0), 0.5 - 0.004 * (np.arange(20) - 12.0)**2
    line = Means(np.arange(6), 0.1 * np.arange(6), np.eye(6), 99)
    assert shrunken(line) == pytest.approx(line.values)
    drawn = [Means(np.arange(20), random.normal(truth, 0.05), 0.05**2 * np.eye(20), 99) for _ in range(50)]
    raw, shrunk = (np.mean([(values - truth)**2 for values in rows]) for rows in (
        [one.values for one in drawn], [shrunken(one) for one in drawn]))
    assert shrunk < 0.4 * raw
    best = [abs(int(shrunken(one).argmax()) - 12) for one in drawn]
    lucky = [abs(int(one.values.argmax()) - 12) for one in drawn]
    assert np.mean(best) < 0.7 * np.mean(lucky)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_means_are_left_as_they_are(count: int) -> None:
    means = Means(np.arange(count), np.arange(count) / 2, np.eye(count), 99)
    assert shrunken(means).tolist() == means.values.tolist()


def test_means_that_are_known_exactly_are_left_as_they_are() -> None:
    assert shrunken(Means(np.arange(4), np.array([0, 1.0, 0, 1]), np.zeros((4, 4)), 99)).tolist() == [0, 1, 0, 1]
