"""TreeQuest's searches of the made-up graph: what the functions that they ask for a node answer."""

from __future__ import annotations

import pytest

from pawl.bench.treequest_peers import steps
from pawl.bench.world import Load, after

LOAD = Load(trees=1, actions=4, simulations=8)


def test_an_action_leads_where_it_does_in_the_graph_and_is_scored_between_0_and_1() -> None:
    found, score = steps(LOAD, 5)["2"](77)
    assert found == after(77, 2)
    assert score == pytest.approx((LOAD.values[found] + 1) / 2) and 0 <= score <= 1


def test_from_no_state_it_leads_from_the_root() -> None:
    made = steps(LOAD, 5)
    assert [made[action](None) for action in made] == [made[action](5) for action in made]
