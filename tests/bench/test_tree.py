"""The comparison with mctx, small: what its rows say, and that both sides search the same trees."""

from __future__ import annotations

import sys

import pytest

from pawl.bench.tree import Load, ours, run, theirs
from pawl.errors import MissingExtraError

LOAD = Load(trees=3, actions=4, simulations=6)


@pytest.mark.parametrize("rule", ["puct", "gumbel"])
def test_both_sides_make_the_same_number_of_simulations(rule: str) -> None:
    mctx = pytest.importorskip("mctx", reason="the peer is mctx")
    peer = {"puct": mctx.muzero_policy, "gumbel": mctx.gumbel_muzero_policy}[rule]
    assert ours(LOAD, rule)() == theirs(LOAD, peer)() == LOAD.work == 18


def test_a_row_for_each_rule_holds_what_is_promised() -> None:
    pytest.importorskip("mctx", reason="the peer is mctx")
    rows = run(2, [LOAD])
    assert [(row["name"], row["size"], row["peer"]) for row in rows] == [
        ("tree", "3x4x6", "mctx muzero_policy"), ("tree", "3x4x6", "mctx gumbel_muzero_policy")]
    for row in rows:
        assert row["unit"] and 0 < row["low"] <= row["ratio"] <= row["high"]


def test_without_the_peer_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mctx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pawl\[bench\]'"):
        run(1, [LOAD])
