"""The comparison of tree searches, small: what its rows say, and that all sides make the same number of simulations."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from pawl.bench.tree import ours, run
from pawl.bench.tree_peers import PEERS, Peer
from pawl.bench.world import STATES, Load, after
from pawl.errors import MissingExtraError

LOAD = Load(trees=3, actions=4, simulations=16)


def need_the_peers() -> None:
    for package in ("mctx", "gumbel_mcts"):
        pytest.importorskip(package, reason=f"a peer is {package}")


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_both_sides_make_the_same_number_of_simulations(peer: Peer) -> None:
    need_the_peers()
    assert ours(LOAD, peer.rule)() == peer.made(LOAD)() == LOAD.work == 48


def test_a_peer_that_works_again_makes_as_many() -> None:
    need_the_peers()
    for peer in PEERS:
        work = peer.made(LOAD)
        assert work() == work()


def test_the_world_is_a_graph_of_its_states_with_priors_that_sum_to_one() -> None:
    found = after(np.arange(STATES)[:, None], np.arange(LOAD.actions))
    assert found.min() >= 0 and found.max() < STATES
    assert np.unique(after(np.arange(STATES), 0)).size == STATES  # 31 is odd: no state is left out
    np.testing.assert_allclose(LOAD.priors.sum(axis=1), 1, rtol=1e-6)


def test_a_row_for_each_peer_holds_what_is_promised() -> None:
    need_the_peers()
    rows = run(2, [LOAD])
    assert [(row["name"], row["size"], row["peer"]) for row in rows] == [
        ("tree", "3x4x16", peer.name) for peer in PEERS]
    for row in rows:
        assert row["unit"] and 0 < row["low"] <= row["ratio"] <= row["high"]


@pytest.mark.parametrize("package", ["mctx", "gumbel_mcts"])
def test_without_a_peer_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    need_the_peers()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pawl\[bench\]'"):
        run(1, [LOAD])
