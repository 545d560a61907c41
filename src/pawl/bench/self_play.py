"""Self-play against OpenSpiel's AlphaZero in Python: the same game, simulations, size of network and noise.

Both play connect four from its first position by a fresh residual network of 4 blocks, 64 wide, with 32 simulations of
PUCT at each move and Dirichlet noise, and search each position anew. OpenSpiel's actors are processes, as it has them,
as many as Pawl has threads; each evaluates one position at a time. Pawl's games advance side by side. What OpenSpiel
is, and what its side leaves out, stands in `open_spiel_actor.py`.

Not covered: learning, and how strong either becomes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from pawl.bench.open_spiel_actor import Load
from pawl.bench.pairs import Speed, faster, in_turn, precisions
from pawl.errors import MissingExtraError
from pawl.keys import row_keys
from pawl.models.board_net import WIDTH, BoardArchitecture
from pawl.models.board_policy import BoardPolicy
from pawl.models.precision import PRECISIONS
from pawl.search.boards import BoardSearch
from pawl.self_play import Manner, self_play
from pawl.tasks.connect_four import ConnectFour

SECONDS = 5.0
"""Of a turn of theirs, at least: whole games."""
GAMES = 128
"""Of each of our threads in a turn, side by side."""
LOAD = Load()
PEERS: Mapping[str, Mapping[str, Any]] = {
    "OpenSpiel's AlphaZero in Python": {},
    "OpenSpiel's AlphaZero in Python, its network compiled by us": {"compiled": True},
    "OpenSpiel's AlphaZero in Python, its network compiled by us and by cells": {"compiled": True, "by_cells": True}}
"""What is changed of the load: the first is as it comes, the last computes what Pawl's network does."""


def run(repeats: int = 5, load: Load = LOAD, seconds: float = SECONDS, games: int = GAMES,
        peers: Mapping[str, Mapping[str, Any]] = PEERS) -> list[dict[str, Any]]:
    """A row for each peer and each of Pawl's precisions (OpenSpiel computes in float32): positions per second over the
    peer's, median and range over the rounds. Raises MissingExtraError where OpenSpiel or flax is not installed."""
    if any(find_spec(name) is None for name in ("pyspiel", "flax", "optax", "orbax")):
        raise MissingExtraError("pawl bench self-play", "bench")
    threads, dtypes = torch.get_num_threads(), precisions()
    sides = [pawl(load, dtype, games=games, threads=threads) for dtype in dtypes]
    with ExitStack() as running:
        sides += [running.enter_context(actors(replace(load, **changed), threads, seconds))
                  for changed in peers.values()]
        ours, theirs = np.split(in_turn(sides, repeats=repeats), [len(dtypes)], axis=1)
    told = {"simulations": load.simulations, "actors": threads,
            "unit": "positions per second in self-play, Pawl over peer"}
    return [{"name": "self-play", "size": f"{load.depth}x{load.width}, {load.simulations} simulations {dtype}",
             "peer": peer} | told | faster(theirs[:, which], ours[:, mine])
            for which, peer in enumerate(peers) for mine, dtype in enumerate(dtypes)]


def pawl(load: Load, dtype: str, *, games: int, threads: int) -> Speed:
    """Pawl's side, in positions per second; so many games on each thread."""
    game = ConnectFour()
    assert load.width == WIDTH * load.depth and load.game == game.name
    policy = BoardPolicy.fresh(BoardArchitecture(*game.shape, game.moves, load.depth), game.name, seed=0,
                               precision=PRECISIONS[dtype])
    search = BoardSearch(game.many(), policy, load.simulations, "puct", noise=True, noise_share=load.noise_share,
                         noise_total=load.noise * game.moves)
    keys = row_keys(0, [f"game {number}" for number in range(games * threads)], 1)[:, 0]

    def turn() -> float:
        started = time.perf_counter()
        played = self_play(search, [()] * len(keys), manner=Manner(load.explore), keys=keys, threads=threads,
                           keep_tree=False)
        return sum(len(one.moves) for one in played) / (time.perf_counter() - started)

    policy.player()  # made once, before threads ask for it
    return turn


@contextmanager
def actors(load: Load, count: int, seconds: float) -> Iterator[Speed]:
    """OpenSpiel's side, in positions per second of all actors; they wait while it is not their turn."""
    command = [sys.executable, "-m", "pawl.bench.open_spiel_actor", load.to_json()]
    begun = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True) for _ in range(count)]

    def turn() -> float:
        for actor in begun:
            assert actor.stdin is not None
            print(seconds, file=actor.stdin, flush=True)
        return sum(positions / took for positions, took in map(_answer, begun))

    try:
        yield turn
    finally:
        for actor in begun:
            actor.kill()
            actor.communicate()


def _answer(actor: subprocess.Popen[str]) -> Sequence[float]:
    """Positions, and how long they took."""
    assert actor.stdout is not None
    line = actor.stdout.readline()
    if not line:
        raise RuntimeError("OpenSpiel's actor ended before it was asked to; run python -m pawl.bench.open_spiel_actor "
                           "'{}' to see why")
    answer: list[float] = json.loads(line)
    return answer
