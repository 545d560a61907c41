"""OpenSpiel's searches of the made-up game: what their search in Python is given to look at a position with."""

from __future__ import annotations

from typing import NamedTuple

from pawl.bench.match import Match
from pawl.bench.open_spiel_peers import Playout

MATCH = Match(trees=1, actions=3, simulations=8)


class Position(NamedTuple):
    """A state of OpenSpiel's, as far as it is asked."""

    moves: list[int]

    def history(self) -> list[int]:
        """The moves from the first on."""
        return self.moves


def test_a_playout_comes_to_any_end_below_and_is_worth_it_to_both() -> None:
    """Nine ends are below three moves of five: 2, 0, 1 are the digits of 19 in base 3, and 19 * 9 is the first."""
    playout = Playout(MATCH)
    found = [playout.evaluate(Position([2, 0, 1])) for _ in range(200)]
    assert {value for value, _ in found} == set(MATCH.ends[171:180].tolist())
    assert all(first == -second for first, second in found)


def test_where_it_is_over_the_end_is_worth_what_it_is() -> None:
    value, _ = Playout(MATCH).evaluate(Position([2, 2, 2, 2, 1]))
    assert value == MATCH.ends[-2]


def test_a_prior_that_the_search_shuffles_is_not_the_next_ones() -> None:
    playout = Playout(MATCH)
    playout.prior(Position([])).reverse()
    assert playout.prior(Position([])) == [(0, 1 / 3), (1, 1 / 3), (2, 1 / 3)]
