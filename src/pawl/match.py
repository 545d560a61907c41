"""Two players meet on a board: games from the same openings with sides swapped, all of them side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pawl.interfaces import BoardPlayer, ManyBoards
from pawl.keys import fold, mix
from pawl.records import FloatArray

LONGEST = 1000
"""Moves; a game that has as many is a draw."""

Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Match:
    """N openings, a game from each for either side."""

    scores: FloatArray
    """[N, 2] what the first player scored as player 0 and as player 1: 1, 1/2 or 0."""
    lines: list[tuple[list[int], list[int]]]
    """[N] the moves of both games, openings included; of one that somebody gave up, those before."""

    @property
    def pairs(self) -> FloatArray:
        """[N] its mean score in the two games."""
        mean: FloatArray = self.scores.mean(axis=1)
        return mean


def match(ours: BoardPlayer, theirs: BoardPlayer, rules: ManyBoards, openings: Sequence[Sequence[int]], *, key: int,
          longest: int = LONGEST, watch: Watch = lambda done, total: None) -> Match:
    """Games of two players; `key` names the random streams, which both sides of an opening share."""
    count = len(openings)
    lines = [list(opening) for opening in openings for _ in range(2)]
    swapped = np.arange(2 * count) % 2
    keys = np.repeat(fold(key, np.arange(count, dtype=np.uint64)), 2)
    scores = np.full(2 * count, 0.5, np.float32)
    states, places = rules.start(lines), np.arange(2 * count)
    for ply in range(longest):
        views = rules.view(states)
        ended = np.flatnonzero(views.over)
        first = np.where(views.players == swapped[places], 1, -1) * views.results  # what we get, in [-1, 1]
        scores[places[ended]] = (first[ended] + 1) / 2
        going = ~views.over
        states, places, movers = states[going], places[going], views.players[going]
        watch(2 * count - len(places), 2 * count)
        if not len(places):
            break
        moves = np.zeros(len(places), np.int32)
        for player, theirs_ in ((ours, 0), (theirs, 1)):
            turn = np.flatnonzero(movers == (swapped[places] ^ theirs_))
            if len(turn):
                moves[turn] = player.choose([lines[places[i]] for i in turn], states[turn],
                                            mix(fold(keys[places[turn]], ply)))
        resigned = moves < 0
        scores[places[resigned]] = movers[resigned] != swapped[places[resigned]]  # ours where the other gave up
        states, places, moves = states[~resigned], places[~resigned], moves[~resigned]
        if not len(places):
            break
        for place, move in zip(places, moves.tolist(), strict=True):
            lines[place].append(move)
        states = rules.step(states, moves)
    games = [(lines[2 * i], lines[2 * i + 1]) for i in range(count)]
    return Match(scores.reshape(count, 2), games)
