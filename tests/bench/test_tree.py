"""The comparison of tree searches, small: what its rows say, and that all sides make the same number of simulations."""

from __future__ import annotations

import sys

import pytest

from pawl.bench.tree import PEERS, run
from pawl.bench.tree_peers import Peer
from pawl.bench.world import Load
from pawl.errors import MissingExtraError

LOAD = Load(trees=3, actions=4, simulations=16)
PACKAGES = ("mctx", "gumbel_mcts", "pyspiel", "treequest")


def need_the_peers() -> None:
    for package in PACKAGES:
        pytest.importorskip(package, reason=f"a peer is {package}")


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_both_sides_make_the_same_number_of_simulations(peer: Peer) -> None:
    need_the_peers()
    assert peer.ours(LOAD, peer.rule)() == peer.made(LOAD)() == LOAD.work == 48


def test_a_peer_that_works_again_makes_as_many() -> None:
    need_the_peers()
    for peer in PEERS:
        work = peer.made(LOAD)
        assert work() == work()


def test_a_row_for_each_peer_holds_what_is_promised() -> None:
    need_the_peers()
    rows = run(2, [LOAD])
    many = [peer for peer in PEERS if not peer.single]
    assert [(row["name"], row["size"], row["peer"]) for row in rows] == [("tree", "3x4x16", peer.name) for peer in many]
    for row in rows:
        assert row["unit"].endswith("per second, Pawl over peer") and 0 < row["low"] <= row["ratio"] <= row["high"]


def test_a_peer_of_single_trees_is_measured_on_one() -> None:
    need_the_peers()
    rows = run(1, [Load(trees=1, actions=4, simulations=8)])
    assert [row["peer"] for row in rows] == [peer.name for peer in PEERS]
    assert {row["unit"].split()[0] for row in rows if row["peer"].startswith("TreeQuest")} == {"nodes"}


@pytest.mark.parametrize("package", PACKAGES)
def test_without_a_peer_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    need_the_peers()
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pawl\[bench\]'"):
        run(1, [Load(trees=1)])
