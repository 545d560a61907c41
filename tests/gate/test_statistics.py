"""Statistics of a paired contest, against scipy, enumeration and other intervals."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq

from pawl.gate.statistics import gain_interval, paired_counts, sign_test, wilson_interval, wins_needed

GRADES = st.lists(st.tuples(*[st.sampled_from([0.0, 0.25, 0.5, 1.0])] * 2), min_size=1, max_size=30)


def paired(won: int, lost: int, tied: int) -> tuple[np.ndarray, np.ndarray]:
    """Candidate and champion scores of a contest that went so."""
    candidate = np.repeat([1.0, 0.0, 1.0], [won, lost, tied])
    return candidate, np.repeat([0.0, 1.0, 1.0], [won, lost, tied])


def tango_interval(won: int, lost: int, count: int) -> tuple[float, float]:
    """The score interval of Tango (1998), by root finding; an independent method for scores 0 and 1.

    At a gain of delta, the likeliest chance q of a loss solves 2 N q^2 - b q - lost delta (1 - delta) = 0 with
    b = won + lost + delta (won - lost - 2 N), and one problem's variance is 2 q + delta (1 - delta).
    """

    def distance(delta: float) -> float:
        b = won + lost + delta * (won - lost - 2 * count)
        q = (b + np.sqrt(b * b + 8 * count * lost * delta * (1 - delta))) / (4 * count)
        return (won - lost - count * delta) / np.sqrt(count * (2 * q + delta * (1 - delta)))

    gain, z = (won - lost) / count, 1.959963984540054
    low = brentq(lambda delta: distance(delta) - z, gain - 0.2, gain - 1e-9)
    return low, brentq(lambda delta: distance(delta) + z, gain + 1e-9, gain + 0.2)


@pytest.mark.parametrize(("won", "lost"), [(0, 0), (1, 0), (0, 3), (5, 5), (112, 62), (500, 400)])
def test_sign_test_is_the_binomial_tail(won: int, lost: int) -> None:
    assert sign_test(won, lost) == pytest.approx(stats.binom.sf(won - 1, won + lost, 0.5) if won + lost else 1)


@pytest.mark.parametrize("discordant", range(1, 9))
def test_sign_test_counts_the_coin_flips_that_went_as_well(discordant: int) -> None:
    flips = np.array(list(product([0, 1], repeat=discordant))).sum(axis=1)
    for won in range(discordant + 1):
        assert sign_test(won, discordant - won) == pytest.approx((flips >= won).mean())


@settings(max_examples=50)
@given(GRADES)
def test_ties_are_dropped_and_swapping_swaps_wins_and_losses(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = np.array(pairs).T
    counts, swapped = paired_counts(ours, theirs), paired_counts(theirs, ours)
    assert counts.won == sum(a > b for a, b in pairs)
    assert (counts.won, counts.lost, counts.tied) == (swapped.lost, swapped.won, swapped.tied)
    assert counts.discordant + counts.tied == len(pairs)


@given(st.integers(0, 25), st.integers(1, 25))
def test_a_loss_turned_into_a_win_lowers_the_p_value(won: int, lost: int) -> None:
    assert sign_test(won + 1, lost - 1) < sign_test(won, lost)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 8, 0.001, 1e-9, 0.5**10])
def test_wins_needed_is_the_first_count_that_passes(alpha: float) -> None:
    for discordant in range(40):
        passing = [won for won in range(discordant + 1) if sign_test(won, discordant - won) <= alpha]
        assert wins_needed(discordant, alpha) == min(passing, default=discordant + 1)


@pytest.mark.parametrize(("right", "count"), [(0, 10), (1, 10), (160, 1000), (999, 1000), (7, 7)])
def test_wilson_interval_equals_scipys(right: int, count: int) -> None:
    theirs = stats.binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right / count, count) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_intervals_without_data_are_everything() -> None:
    assert wilson_interval(0.0, 0) == (0.0, 1.0)
    assert gain_interval([], []) == (-1.0, 1.0)


@pytest.mark.parametrize(("won", "lost", "count"), [(112, 62, 800), (30, 30, 400), (250, 90, 1000)])
def test_gain_interval_agrees_with_tangos_on_large_contests(won: int, lost: int, count: int) -> None:
    ours = gain_interval(*paired(won, lost, count - won - lost))
    assert ours == pytest.approx(tango_interval(won, lost, count), abs=0.002)


@pytest.mark.parametrize(("won", "lost"), [(0.1, 0.1), (0.3, 0.05), (0.02, 0.02)])
def test_gain_interval_covers_the_truth_in_95_of_100_contests(won: float, lost: float) -> None:
    count, covered = 30, 0.0
    for wins, losses in product(range(19), range(19)):
        if wins + losses <= count:
            low, high = gain_interval(*paired(wins, losses, count - wins - losses))
            chance = stats.multinomial.pmf([wins, losses, count - wins - losses], count, [won, lost, 1 - won - lost])
            covered += chance * (low <= won - lost <= high)
    assert covered >= 0.95


def test_gain_interval_of_graded_scores_covers_the_truth() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(500):
        theirs = random.choice([0.0, 0.25, 0.5], size=100)
        ours = np.clip(theirs + random.choice([-0.25, 0.0, 0.25, 0.5], size=100, p=[0.2, 0.4, 0.2, 0.2]), 0, 1)
        low, high = gain_interval(ours, theirs)
        covered += low <= (0.2 * 0.25 + 0.2 * 0.5 - 0.2 * 0.25 * 2 / 3) <= high
    assert covered >= 0.95 * 500


@settings(max_examples=50)
@given(GRADES)
def test_gain_interval_holds_the_gain_and_mirrors_when_swapped(pairs: list[tuple[float, float]]) -> None:
    ours, theirs = np.array(pairs).T
    low, high = gain_interval(ours, theirs)
    assert -1 <= low <= (ours - theirs).mean() <= high <= 1
    assert gain_interval(theirs, ours) == pytest.approx((-high, -low))


def test_gain_interval_has_width_even_when_all_tied() -> None:
    low, high = gain_interval(np.ones(100), np.ones(100))
    assert low == pytest.approx(-high) and 0.03 < high < 0.04


@pytest.mark.parametrize("bad", [[float("nan")], [1.5], [-0.1], [float("inf")], [[1.0]], [1.0, 0.0]])
def test_scores_that_are_none_raise(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="must"):
        paired_counts(bad, [1.0])
