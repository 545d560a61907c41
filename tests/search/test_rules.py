"""Sequential halving's schedule, and the rules' arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pytest

from pawl.search.rules import (
    COMPLETED,
    GUMBEL,
    PUCT,
    REDUCED,
    UCT,
    Rule,
    choose_gumbel,
    choose_puct,
    choose_uct,
    complete,
    considered_visits,
    improve,
)

PRIORS = np.array([0.5, 0.0, 0.3, 0.2], np.float32)
"""The second action is not there."""


@pytest.mark.parametrize(("actions", "simulations", "expected"), [
    (8, 24, [0] * 8 + [1] * 4 + [2] * 4 + [3, 3, 4, 4, 5, 5, 6, 6]),
    (4, 8, [0] * 4 + [1, 1, 2, 2]),
    (1, 3, [0, 1, 2]),
    (16, 5, [0] * 5),
    (3, 7, [0, 0, 0, 1, 1, 2, 2]),
])
def test_sequential_halving_visits_by_the_papers_schedule(actions: int, simulations: int, expected: list[int]) -> None:
    assert considered_visits(actions, simulations).tolist() == expected


def test_uct_takes_what_was_not_visited_first_and_the_likeliest_of_it() -> None:
    visits, q = np.array([1, 0, 0, 0], np.int32), np.array([9.0, 0, 0, 0])
    assert choose_uct(Rule(UCT, 1.0), PRIORS, visits, q, 2, 0.0, 0.0) == 2


def test_uct_is_value_plus_the_confidence_bound() -> None:
    visits, q = np.array([6, 0, 3, 1], np.int32), np.array([0.5, 0, 0.4, 0.0])
    scores = q[[0, 2, 3]] + 0.3 * np.sqrt(np.log(11) / visits[[0, 2, 3]])
    assert choose_uct(Rule(UCT, 0.3), PRIORS, visits, q, 11, 0.0, 0.0) == [0, 2, 3][int(scores.argmax())]


def test_puct_stretches_values_and_weighs_the_prior_by_the_root_of_the_visits() -> None:
    visits, q, value, total = np.array([4, 0, 2, 0], np.int32), np.array([0.3, 0, 0.5, 0.0]), 0.2, 7
    c = (1.25 + np.log((total + 19652 + 1) / 19652)) * np.sqrt(total)
    low, high = 0.2, 0.5
    expected = {0: (0.3 - low) / (high - low) + c * 0.5 / 5, 2: 1 + c * 0.3 / 3, 3: c * 0.2 / 1}
    best = max(expected, key=lambda a: expected[a])
    assert choose_puct(Rule(PUCT, 1.25), PRIORS, visits, q, total, value, 0.0) == best


def test_first_play_urgency_takes_from_the_nodes_value_by_the_visited_prior() -> None:
    """A reduction so large that no unvisited action is taken, and one below 0 so that they all are first."""
    visits, q = np.array([4, 0, 2, 0], np.int32), np.array([0.3, 0, 0.5, 0.0])
    assert choose_puct(Rule(PUCT, 0.1, first_play=REDUCED, reduction=100.0), PRIORS, visits, q, 7, 0.2, 0.0) == 2
    assert choose_puct(Rule(PUCT, 0.1, first_play=REDUCED, reduction=-100.0), PRIORS, visits, q, 7, 0.2, 0.0) == 3


@pytest.mark.parametrize("first_play", [REDUCED, COMPLETED])
def test_an_action_not_yet_visited_is_worth_what_the_option_says(first_play: int) -> None:
    """The least exploration at which it is taken, under PUCT and under UCT, solved for by hand."""
    visits, q, value, estimate, total = np.array([3, 0, 2, 0], np.int32), np.array([0.4, 0, 0.8, 0.0]), 0.42, 0.1, 6
    fresh = {REDUCED: value - 0.3 * np.sqrt(0.8), COMPLETED: (0.1 + 5 * (0.5 * 0.4 + 0.3 * 0.8) / 0.8) / 6}[first_play]
    puct = (0.8 - fresh) / 0.4 / (np.sqrt(6) * (0.2 - 0.3 / 3))
    uct = (0.8 - fresh) / (np.sqrt(np.log(6)) - np.sqrt(np.log(6) / 2))
    for kind, choose, least in ((PUCT, choose_puct, puct), (UCT, choose_uct, uct)):
        rules = [Rule(kind, c, 1e12, first_play, reduction=0.3) for c in (least * 0.999, least * 1.001)]
        assert [choose(rule, PRIORS, visits, q, total, value, estimate) for rule in rules] == [2, 3]


def test_completed_q_gives_what_was_not_visited_the_mixed_value() -> None:
    visits, q, out = np.array([3, 0, 1, 0], np.int32), np.array([0.4, 9.0, 0.8, 9.0]), np.empty(4)
    mixed = (0.1 + 4 * (0.5 * 0.4 + 0.3 * 0.8) / 0.8) / 5
    values = np.array([0.4, 0.8, mixed])
    complete(Rule(GUMBEL, 0.0), PRIORS, visits, q, 0.1, out)
    expected = (values - values.min()) / np.ptp(values) * (50 + 3) * 0.1
    np.testing.assert_allclose(out[[0, 2, 3]], expected)
    assert out[1] == -np.inf


def test_before_any_visit_the_improved_policy_is_the_prior() -> None:
    completed, improved = np.empty(4), np.empty(4)
    complete(Rule(GUMBEL, 0.0), PRIORS, np.zeros(4, np.int32), np.zeros(4), 0.7, completed)
    improve(PRIORS, completed, improved)
    np.testing.assert_allclose(improved, PRIORS, rtol=1e-6)


def test_gumbel_below_the_root_evens_visits_out_to_the_improved_policy() -> None:
    improved, visits = np.array([0.6, 0.0, 0.3, 0.1]), np.zeros(4, np.int32)
    for _ in range(1000):
        visits[choose_gumbel(PRIORS, visits, improved)] += 1
    np.testing.assert_allclose(visits / 1000, improved, atol=0.002)
