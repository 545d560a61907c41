"""The comparison of self-play, so small that its numbers mean nothing."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from pawl.bench import self_play
from pawl.bench.open_spiel_actor import Load
from pawl.bench.pairs import precisions
from pawl.errors import MissingExtraError

SMALL = Load(depth=1, width=16, simulations=3, compiled=True)


def test_without_open_spiel_or_flax_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_play, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pawl\\[bench\\]"):
        self_play.run()


def test_an_actor_that_ends_early_is_told() -> None:
    with self_play.actors(Load(game="no_such_game"), 1, 0) as theirs, pytest.raises(RuntimeError, match="ended before"):
        theirs()


@pytest.mark.skipif(not all(map(find_spec, ("pyspiel", "flax", "optax", "orbax"))), reason="the peer is OpenSpiel's")
def test_a_row_for_each_peer_and_precision() -> None:
    rows = self_play.run(repeats=1, load=SMALL, seconds=0, games=2, peers={"one": {"by_cells": True}})
    assert [row["peer"] for row in rows] == ["one"] * len(precisions())
    for row in rows:
        assert row["name"] == "self-play" and row["simulations"] == 3 and row["ratio"] == row["pawl"] / row["theirs"]
