"""Keep rates of a judge and the break-even error rate, by hand and against the formula of Wilson's interval."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.gate.statistics import wilson_interval
from pawl.meters.judge_rates import break_even, judge_rates


def judged(kept_right: int, right: int, kept_wrong: int, wrong: int) -> tuple[list[bool], list[bool]]:
    """What a judge kept and what was right, of so many."""
    kept = [i < kept_right for i in range(right)] + [i < kept_wrong for i in range(wrong)]
    return kept, [True] * right + [False] * wrong


def test_rates_are_shares_of_the_right_and_of_the_wrong() -> None:
    rates = judge_rates(*judged(90, 100, 30, 100))
    assert rates.phi is not None and rates.psi is not None and rates.errors is not None
    assert (rates.phi.value, rates.phi.count, rates.psi.value, rates.psi.count) == (0.9, 100, 0.3, 100)
    assert (rates.errors.value, rates.errors.count) == (0.5, 200)
    assert rates.break_even == pytest.approx(0.75)  # the published example: phi 0.9, psi 0.3


@pytest.mark.parametrize(("phi", "psi", "expected"), [(1, 1, 0.5), (0.9, 0.3, 0.75), (0.7, 0.05, 14 / 15), (1, 0, 1)])
def test_the_break_even_is_that_of_the_paper(phi: float, psi: float, expected: float) -> None:
    assert break_even(phi, psi) == pytest.approx(expected)
    assert break_even(phi, psi) == pytest.approx(1 / (1 + psi / phi))


@given(st.integers(0, 30), st.integers(1, 30), st.integers(0, 30), st.integers(1, 30))
def test_intervals_are_wilsons_and_hold_the_break_even(kept_right: int, right: int, kept_wrong: int,
                                                       wrong: int) -> None:
    rates = judge_rates(*judged(min(kept_right, right), right, min(kept_wrong, wrong), wrong))
    assert rates.phi is not None and rates.psi is not None
    for rate in (rates.phi, rates.psi):
        assert rate.interval == pytest.approx(wilson_interval(rate.value, rate.count), abs=1e-12)
    if rates.break_even is not None:
        low, high = rates.break_even_interval or (1, 0)
        assert 0 <= low <= rates.break_even <= high <= 1


@pytest.mark.parametrize(("counts", "words"), [
    ((90, 100, 30, 300), "filtering by this judge can help: 75.0% of attempts are wrong, and it breaks even at 90.0%"),
    ((50, 100, 250, 300), "filtering by this judge cannot help: 75.0% of attempts are wrong, and it breaks even at 37"),
    ((2, 3, 1, 4), "whether filtering by this judge can help is not settled by 7 attempts"),
    ((50, 50, 0, 300), "filtering by this judge can help: 85.7% of attempts are wrong, and it breaks even at 100.0%"),
    ((0, 5, 3, 5), "filtering by this judge cannot help: it keeps no right attempt"),
    ((0, 5, 0, 5), "filtering by this judge cannot help: it keeps nothing"),
    ((0, 0, 1, 5), "whether filtering can help cannot be said: none of 5 attempts is right"),
    ((4, 5, 0, 0), "whether filtering can help cannot be said: none of 5 attempts is wrong"),
    ((0, 0, 0, 0), "whether filtering can help cannot be said: there are no attempts"),
])
def test_it_says_in_words_whether_filtering_can_help(counts: tuple[int, int, int, int], words: str) -> None:
    assert judge_rates(*judged(*counts)).sentence.startswith(words)


def test_what_cannot_be_measured_is_none_and_never_a_strange_number() -> None:
    none_right, keeps_nothing = judge_rates(*judged(0, 0, 1, 5)), judge_rates(*judged(0, 5, 0, 5))
    assert (none_right.phi, none_right.break_even, none_right.break_even_interval) == (None, None, None)
    assert none_right.psi is not None and none_right.psi.value == 0.2
    assert (keeps_nothing.break_even, keeps_nothing.break_even_interval) == (None, None)
    assert judge_rates(*judged(0, 5, 3, 5)).break_even == 0.0
    assert judge_rates([], []).errors is None


def test_a_random_judge_breaks_even_where_half_is_wrong() -> None:
    random = np.random.default_rng(0)
    right, kept = random.random(40_000) < 0.2, random.random(40_000) < 0.6
    rates = judge_rates(kept, right)
    assert rates.break_even == pytest.approx(0.5, abs=0.01)
    assert "cannot help" in rates.sentence  # four of five are wrong


def test_arrays_must_pair_up() -> None:
    with pytest.raises(ValueError, match="must be"):
        judge_rates([True], [True, False])
