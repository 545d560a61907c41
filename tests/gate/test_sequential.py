"""A match that is looked at after every pair: its chance of error, by enumeration and by simulation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.gate.sequential import chance_of_equal, log_wealth, promote_all, score_interval, sequential_gate, settled
from pawl.records import Evidence

PAIRS = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=60)


def evidence(scores: list[float] | np.ndarray, generation: int = 1, generations: int = 1) -> Evidence:
    ours = np.asarray(scores, np.float32)
    return Evidence(ours, 1 - ours, generation, generations)


@pytest.mark.parametrize("outcomes", [(0.0, 1.0), (0.25, 0.75), (0.0, 0.5, 1.0)])
def test_wealth_is_a_martingale_where_nobody_is_better(outcomes: tuple[float, ...]) -> None:
    ends = [np.exp(log_wealth(scores)[-1]) for scores in product(outcomes, repeat=7)]
    assert np.mean(ends) == pytest.approx(1.0)


def test_the_chance_to_ever_promote_an_equal_is_alpha_at_most() -> None:
    """Every path of 12 pairs, looked at after each: the exact chance."""
    paths = np.array(list(product((0.0, 1.0), repeat=12)))
    promoted = [chance_of_equal(path) <= 0.1 for path in paths]
    assert 0 < np.mean(promoted) <= 0.1


def test_an_equal_and_a_better_one_in_long_matches() -> None:
    random = np.random.default_rng(0)
    equal = [settled(random.choice([0.0, 0.5, 1.0], p=[0.4, 0.2, 0.4], size=200), 0.05) for _ in range(400)]
    better = [settled(random.choice([0.0, 0.5, 1.0], p=[0.2, 0.2, 0.6], size=200), 0.05) for _ in range(100)]
    assert np.mean([one is True for one in equal]) <= 0.05
    assert np.mean([one is True for one in better]) > 0.95


def test_the_interval_holds_at_every_look() -> None:
    random = np.random.default_rng(1)
    missed = 0
    for _ in range(60):
        scores = random.choice([0.0, 0.5, 1.0], p=[0.2, 0.2, 0.6], size=80)
        bounds = [score_interval(scores[:size]) for size in range(4, 81, 8)]
        missed += any(not low <= 0.7 <= high for low, high in bounds)
    assert missed <= 3


@given(PAIRS)
def test_the_decision_is_what_the_match_settled(scores: list[float]) -> None:
    decision = sequential_gate(0.1)(evidence(scores))
    assert decision.promote == (settled(scores, 0.1) is True)
    low, high = score_interval(scores)
    assert 0 <= low <= high <= 1
    assert decision.gain == pytest.approx(2 * np.mean(scores) - 1)


@given(PAIRS)
def test_sides_are_alike(scores: list[float]) -> None:
    low, high = score_interval(scores)
    mirrored = score_interval(1 - np.array(scores))
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-5)


def test_each_match_has_its_own_alpha() -> None:
    scores = [1.0] * 8
    first, later = sequential_gate(0.05)(evidence(scores)), sequential_gate(0.05)(evidence(scores, 7, 20))
    assert first.promote and first == later and later.alpha == 0.05
    assert not sequential_gate(0.0005)(evidence(scores)).promote


def test_reasons_are_sentences_with_the_numbers() -> None:
    reasons = sequential_gate(0.05)(evidence([0.5, 0.5, 1.0])).reasons
    assert reasons[0].startswith("refused: the candidate scores 66.7% [") and "in 6 games" in reasons[0]
    assert reasons[1] == "it may be better, but so few games do not show it"
    assert sequential_gate(0.05)(evidence([0.0] * 4)).reasons[1] == "it is not better"
    assert promote_all(evidence([0.0] * 4)).promote


def test_no_game_promotes_nobody() -> None:
    decision = sequential_gate(0.05)(evidence([]))
    assert not decision.promote and decision.p_value == 1 and decision.interval == (-1, 1)


@pytest.mark.parametrize("champion", [[0.5], [0.2, 0.2]])
def test_scores_that_do_not_sum_to_1_are_none(champion: list[float]) -> None:
    given = Evidence(np.array([0.5, 0.9], np.float32), np.array(champion, np.float32), 1, 1)
    with pytest.raises(ValueError, match="sum to 1"):
        sequential_gate(0.05)(given)
