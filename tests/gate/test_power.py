"""Power of the gate, against enumeration and simulation of the gate itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import multinomial

from pawl.gate.decision import exact_gate
from pawl.gate.power import exact_power, power_sentence
from pawl.gate.statistics import sign_test
from pawl.records import Evidence


def test_power_equals_the_sum_over_every_outcome_of_a_small_contest() -> None:
    problems, gain, discordance, alpha = 14, 0.3, 0.6, 0.05
    shares = [(discordance + gain) / 2, (discordance - gain) / 2, 1 - discordance]
    total = sum(
        multinomial.pmf([won, lost, problems - won - lost], problems, shares)
        for won in range(problems + 1)
        for lost in range(problems + 1 - won)
        if sign_test(won, lost) <= alpha
    )
    assert exact_power(gain, problems=problems, discordance=discordance, alpha=alpha) == pytest.approx(total)


@pytest.mark.parametrize("gain", [0.01, 0.03, 0.05])
def test_power_is_how_often_the_gate_promotes(gain: float) -> None:
    gate, shares = exact_gate(), [(0.2 + gain) / 2, (0.2 - gain) / 2, 0.8]
    outcomes, runs = np.unique(
        np.random.default_rng(1).multinomial(400, shares, size=1000), axis=0, return_counts=True
    )
    promoted = [
        gate(Evidence(np.repeat(np.float32([1, 0, 0]), row), np.repeat(np.float32([0, 1, 0]), row), 1, 8)).promote
        for row in outcomes
    ]
    power = exact_power(gain, problems=400, discordance=0.2, alpha=0.05 / 8)
    assert abs(runs @ promoted / 1000 - power) < 4 * np.sqrt(power * (1 - power) / 1000)


@settings(max_examples=25)
@example(problems=2, discordance=1.1125369292536007e-308, alpha=0.25)
@given(st.integers(0, 500), st.floats(0.0, 1.0), st.floats(0.0001, 0.4))
def test_without_a_gain_power_stays_below_alpha(problems: int, discordance: float, alpha: float) -> None:
    assert exact_power(0.0, problems=problems, discordance=discordance, alpha=alpha) <= alpha + 1e-12


@settings(max_examples=25)
@given(st.integers(1, 500), st.floats(0.0, 0.19), st.floats(0.0001, 0.05))
def test_power_grows_with_the_gain_and_with_alpha(problems: int, gain: float, alpha: float) -> None:
    power = exact_power(gain, problems=problems, discordance=0.2, alpha=alpha)
    assert exact_power(gain + 0.01, problems=problems, discordance=0.2, alpha=alpha) >= power
    assert exact_power(gain, problems=problems, discordance=0.2, alpha=2 * alpha) >= power - 1e-12


def test_a_gain_needs_that_many_discordant_problems() -> None:
    with pytest.raises(ValueError, match="discordance must lie between"):
        exact_power(0.05, problems=100, discordance=0.02, alpha=0.05)


def test_the_sentence_states_power_at_one_three_and_five_points() -> None:
    assert power_sentence(800, generations=8) == (
        "gate: with 800 problems a contest, chance to promote a better candidate: 2.6% at +1, 25.0% at +3, "
        "73.0% at +5 points (if 20.0% of problems tell the two apart); "
        "chance of any false promotion in 8 generations: 5.0% at most"
    )


def test_the_sentence_says_when_there_is_nothing_to_test_on() -> None:
    assert "no gate problems" in power_sentence(0, generations=8)


def test_the_sentence_rounds_neither_to_never_nor_to_always() -> None:
    sentence = power_sentence(5, generations=8, gains=(0.01,))
    assert "under 0.1% at +1" in sentence
    assert "over 99.9% at +50" in power_sentence(5000, generations=1, gains=(0.5,))
