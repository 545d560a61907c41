"""Which attempts stand against which."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pawl.records import Attempt, Completion, Problem, Verdict
from pawl.selection.pairs import better_and_worse


def played(*rows: tuple[str, str, float | None]) -> tuple[list[Attempt], list[Verdict]]:
    """Attempts of (problem, text, score)."""
    attempts = [Attempt(Problem(name, "?", "train"), index, np.zeros(1, np.int32), Completion(
        text, np.zeros(1, np.int32), np.zeros(1, np.float32), "stop")) for index, (name, text, _) in enumerate(rows)]
    return attempts, [Verdict(score, "truth") for *_, score in rows]


def test_the_best_stands_against_the_worst() -> None:
    attempts, verdicts = played(("p", "a", 0.5), ("p", "b", 1.0), ("p", "c", 0.0), ("p", "d", 0.25))
    assert better_and_worse(attempts, verdicts, most=9) == [(1, 2), (0, 3)]
    assert better_and_worse(attempts, verdicts, most=1) == [(1, 2)]


def test_a_right_one_may_stand_against_several_wrong_ones() -> None:
    attempts, verdicts = played(("p", "a", 0.0), ("p", "b", 1.0), ("p", "c", 0.0), ("p", "d", 0.0))
    assert better_and_worse(attempts, verdicts, most=9) == [(1, 0)]
    assert better_and_worse(attempts, verdicts, most=9, uses=2) == [(1, 0), (1, 2)]
    assert better_and_worse(attempts, verdicts, most=1, uses=2) == [(1, 0)]


def test_problems_are_not_mixed_and_keep_their_order() -> None:
    attempts, verdicts = played(("q", "a", 0.0), ("p", "a", 1.0), ("q", "b", 1.0), ("p", "b", 0.0))
    assert better_and_worse(attempts, verdicts, most=9) == [(2, 0), (1, 3)]


def test_a_pair_must_differ_by_the_margin_at_least() -> None:
    attempts, verdicts = played(("p", "a", 0.6), ("p", "b", 0.4), ("q", "a", 1.0), ("q", "b", 1.0))
    assert better_and_worse(attempts, verdicts, most=9) == [(0, 1)]
    assert better_and_worse(attempts, verdicts, most=9, margin=0.5) == []


def test_what_nobody_could_score_and_what_was_said_twice_is_in_no_pair() -> None:
    attempts, verdicts = played(("p", "a", 1.0), ("p", "a", 1.0), ("p", "b", None), ("p", "c", 0.0))
    assert better_and_worse(attempts, verdicts, most=9) == [(0, 3)]


@given(st.lists(st.tuples(st.sampled_from("pq"), st.sampled_from("abcdefgh"), st.sampled_from([0.0, 0.5, 1.0, None])),
                max_size=20), st.integers(1, 4))
def test_no_attempt_is_in_two_pairs_and_every_pair_is_one(rows: list[tuple[str, str, float | None]], most: int) -> None:
    attempts, verdicts = played(*rows)
    pairs = better_and_worse(attempts, verdicts, most=most)
    places = [place for pair in pairs for place in pair]
    assert len(places) == len(set(places))
    for better, worse in pairs:
        assert attempts[better].problem.id == attempts[worse].problem.id
        assert (verdicts[better].score or 0.0) > (verdicts[worse].score or 0.0)
    assert all(sum(attempts[better].problem.id == name for better, _ in pairs) <= most for name in "pq")
