"""What the gate lets pass, and what it says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pawl.errors import ConfigError
from pawl.gate.decision import always_promote, exact_gate
from pawl.records import Evidence


def evidence(won: int, lost: int, tied: int = 0, *, generation: int = 1, generations: int = 8) -> Evidence:
    """A contest that went so; tied problems are wrong for both."""
    candidate = np.repeat([1, 0, 0], [won, lost, tied]).astype(np.float32)
    champion = np.repeat([0, 1, 0], [won, lost, tied]).astype(np.float32)
    return Evidence(candidate, champion, generation, generations)


def test_a_better_candidate_is_promoted_and_the_sentence_says_why() -> None:
    decision = exact_gate()(evidence(112, 62, 626))
    assert decision.promote and decision.alpha == 0.05 / 8 and decision.gain == pytest.approx(0.0625)
    assert decision.reasons == (
        "promoted: 14.0% against 7.8% on 800 gate problems, gain +6.2 points [3.0, 9.5]; "
        "112 won, 62 lost; p = 9.3e-05 <= 0.0063",
    )


def test_too_small_a_gain_is_refused_and_told_what_it_lacked() -> None:
    decision = exact_gate()(evidence(60, 50, 690))
    assert not decision.promote
    assert decision.reasons[0].startswith("refused: 7.5% against 6.2% on 800 gate problems, gain +1.2 points [")
    assert decision.reasons[0].endswith("60 won, 50 lost; p = 0.2 > 0.0063")
    assert decision.reasons[1] == "of the 110 problems that tell the two apart it had to win 69, and won 60"


@pytest.mark.parametrize(
    ("won", "lost", "tied", "reason"),
    [
        (50, 62, 100, "it lost more problems than it won"),
        (30, 30, 100, "it lost as many problems as it won"),
        (0, 0, 100, "candidate and champion scored the same on every problem"),
        (5, 0, 100, "5 problems tell the two apart, too few at this alpha even if it had won them all"),
        (1, 0, 0, "1 problem tells the two apart, too few at this alpha even if it had won them all"),
        (0, 0, 0, "without a contest nothing is known about the candidate"),
    ],
)
def test_a_refusal_says_what_is_missing(won: int, lost: int, tied: int, reason: str) -> None:
    decision = exact_gate()(evidence(won, lost, tied))
    assert not decision.promote and decision.reasons[1] == reason


def test_an_empty_contest_proves_nothing() -> None:
    decision = exact_gate()(evidence(0, 0))
    assert decision.reasons[0] == "refused: no gate problem was played"
    assert (decision.gain, decision.interval, decision.p_value) == (0.0, (-1.0, 1.0), 1.0)


def test_many_small_wins_do_not_hide_a_few_large_losses() -> None:
    candidate = np.repeat([0.6, 0.0], [80, 20]).astype(np.float32)
    champion = np.repeat([0.5, 1.0], [80, 20]).astype(np.float32)
    decision = exact_gate()(Evidence(candidate, champion, 1, 1))
    assert decision.p_value < 0.001 and not decision.promote
    assert decision.reasons[1] == "it won more problems than it lost, but lost more in score than it won"


def test_a_p_value_close_to_its_limit_is_told_apart_in_words() -> None:
    p_value = exact_gate(alpha=0.4)(evidence(60, 50, generations=1)).p_value
    decision = exact_gate(alpha=p_value - 1e-5)(evidence(60, 50, generations=1))
    left, right = decision.reasons[0].split("p = ")[1].split(" > ")
    assert not decision.promote and float(left) > float(right)


@pytest.mark.parametrize("bad", [float("nan"), 1.5, -1.0])
def test_scores_that_are_none_raise_rather_than_decide(bad: float) -> None:
    broken = Evidence(np.array([1.0, bad], np.float32), np.array([0.0, 0.0], np.float32), 1, 8)
    for gate in (exact_gate(), always_promote):
        with pytest.raises(ValueError, match=r"scores must lie in \[0, 1\]"):
            gate(broken)


def test_alpha_out_of_range_is_an_error_when_the_gate_is_made() -> None:
    with pytest.raises(ConfigError):
        exact_gate(alpha=0.5)


@settings(max_examples=30)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(2, 20))
def test_only_a_gain_is_promoted_and_only_within_its_share(won: int, lost: int, tied: int, generations: int) -> None:
    decision = exact_gate()(evidence(won, lost, tied, generations=generations))
    assert decision.promote == (decision.p_value <= decision.alpha)
    assert not decision.promote or (decision.gain > 0 and decision.interval[0] > 0)


@settings(max_examples=30)
@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 60))
def test_one_more_problem_won_never_turns_a_promotion_into_a_refusal(won: int, lost: int, tied: int) -> None:
    before = exact_gate()(evidence(won, lost, tied))
    assert exact_gate()(evidence(won + 1, lost - 1, tied)).promote or not before.promote
    assert exact_gate()(evidence(won + 1, lost, tied)).promote or not before.promote


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_the_order_of_problems_does_not_matter(pairs: list[tuple[bool, bool]]) -> None:
    first, second = (exact_gate()(Evidence(*np.array(row, np.float32).T, 1, 1)) for row in (pairs, sorted(pairs)))
    assert (first.promote, first.p_value, first.reasons) == (second.promote, second.p_value, second.reasons)


def test_without_a_gate_even_a_damaged_candidate_passes() -> None:
    decision = always_promote(evidence(0, 300, 500))
    assert decision.promote and decision.alpha == 1.0 and decision.p_value == 1.0
    assert decision.reasons[0].startswith("promoted without a gate: 0.0% against 37.5% on 800 gate problems")
    assert always_promote(evidence(0, 0)).promote


def test_a_damaged_candidate_is_never_promoted() -> None:
    random = np.random.default_rng(0)
    champion = (random.random(400) < 0.5).astype(np.float32)
    for _ in range(50):
        damaged = champion * (random.random(400) < 0.8)  # forgets a fifth of what it knew
        assert not exact_gate()(Evidence(damaged.astype(np.float32), champion, 1, 8)).promote


def null_runs(runs: int, *, planned: int) -> float:
    """Share of runs of fifty null generations that promote anything, by a gate that was told of `planned` ones."""
    outcomes = np.random.default_rng(0).multinomial(200, [0.1, 0.1, 0.8], size=runs * 50)
    distinct, where = np.unique(outcomes, axis=0, return_inverse=True)
    promoted = [exact_gate()(evidence(*map(int, row), generations=planned)).promote for row in distinct]
    return float(np.array(promoted)[where.reshape(runs, 50)].any(axis=1).mean())


def test_fifty_null_generations_promote_falsely_in_at_most_one_run_of_twenty() -> None:
    assert 0.01 < null_runs(1000, planned=50) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)


def test_a_gate_that_spends_all_of_alpha_each_time_would_promote_falsely_in_most_runs() -> None:
    assert null_runs(100, planned=1) > 0.7
