"""Tree search against other searches, on the CPU, turn about.

Either side searches the same made-up world (`world.py`: a graph of states with priors and values from a table, never
over; `match.py`: a short game of two), so that what is measured is the search itself. A peer that plays by rules of a
game's own searches the game.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pawl.bench.open_spiel_peers import GAMES
from pawl.bench.pairs import compared
from pawl.bench.tree_peers import MANY_TREES
from pawl.bench.treequest_peers import LANGUAGE
from pawl.bench.world import Load
from pawl.errors import MissingExtraError

LOADS = (Load(), Load(trees=1))
PEERS = MANY_TREES + GAMES + LANGUAGE


def run(repeats: int = 7, loads: Sequence[Load] = LOADS) -> list[dict[str, Any]]:
    """A row for each peer, rule and load: simulations per second over the peer's (median, and the range over the
    pairs). Raises MissingExtraError where a peer is not installed."""
    pairs = [(peer, load) for peer in PEERS for load in loads if load.trees == 1 or not peer.single]
    try:  # all of them before the first is measured
        made = [peer.made(load) for peer, load in pairs]
    except ModuleNotFoundError as error:
        raise MissingExtraError("pawl bench tree", "bench") from error
    return [
        {"name": "tree", "size": f"{load.trees}x{load.actions}x{load.simulations}", "peer": peer.name,
         "unit": f"{peer.counted} per second, Pawl over peer"}
        | compared(theirs, peer.ours(load, peer.rule), work=load.work, repeats=repeats)
        for (peer, load), theirs in zip(pairs, made, strict=True)
    ]
