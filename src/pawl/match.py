"""Two players meet on a board: games from given openings, all of them side by side, and matches with sides swapped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawl.interfaces import BoardPlayer, ManyBoards
from pawl.keys import fold, mix
from pawl.records import FloatArray, KeyArray

LONGEST = 1000
"""Moves; a game that has as many is a draw."""

Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Games:
    """N games."""

    openings: list[list[int]]
    """[N] moves that they began with."""
    moves: list[list[int]]
    """[N] what the players moved; of one that somebody gave up, what came before."""
    movers: list[list[int]]
    """[N] who made each of these moves, player 0 or 1."""
    results: FloatArray
    """[N] what player 0 got, in [-1, 1]; 0 where a game came to no end."""

    @property
    def lines(self) -> list[list[int]]:
        """[N] all moves."""
        return [[*opening, *moves] for opening, moves in zip(self.openings, self.moves, strict=True)]


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
    seats = np.tile([(0, 1), (1, 0)], (count, 1))
    played = play_games((ours, theirs), rules, [opening for opening in openings for _ in range(2)], seats=seats,
                        keys=twice(key, count), longest=longest, watch=watch)
    scores = (played.results * np.where(seats[:, 0] == 0, 1, -1) + 1) / 2
    lines = played.lines
    return Match(scores.reshape(count, 2).astype(np.float32), [(lines[2 * i], lines[2 * i + 1]) for i in range(count)])


def twice(key: int, count: int) -> KeyArray:
    """[2 count] keys of as many openings, the same for both sides of one."""
    return np.repeat(fold(key, np.arange(count, dtype=np.uint64)), 2)


def play_games(players: Sequence[BoardPlayer], rules: ManyBoards, openings: Sequence[Sequence[int]], *,
               seats: NDArray[np.int64], keys: KeyArray, longest: int = LONGEST,
               watch: Watch = lambda done, total: None) -> Games:
    """A game from each opening [N]; `seats` [N, 2] are the numbers of who is player 0 and player 1; keys [N]. A player
    is asked about all its games at a time."""
    lines = [list(opening) for opening in openings]
    movers_of: list[list[int]] = [[] for _ in openings]
    results = np.zeros(len(lines), np.float32)
    states, places = rules.start(lines), np.arange(len(lines))
    for ply in range(longest):
        views = rules.view(states)
        ended = np.flatnonzero(views.over)
        results[places[ended]] = (np.where(views.players == 0, 1, -1) * views.results)[ended]
        going = ~views.over
        states, places, movers = states[going], places[going], views.players[going]
        watch(len(lines) - len(places), len(lines))
        if not len(places):
            break
        moves = np.zeros(len(places), np.int32)
        for number, player in enumerate(players):
            turn = np.flatnonzero(seats[places, movers] == number)
            if len(turn):
                moves[turn] = player.choose([lines[places[i]] for i in turn], states[turn],
                                            mix(fold(keys[places[turn]], ply)))
        resigned = moves < 0
        results[places[resigned]] = np.where(movers[resigned] == 0, -1, 1)  # the other gets it where one gave up
        states, places, moves = states[~resigned], places[~resigned], moves[~resigned]
        if not len(places):
            break
        for place, move, mover in zip(places, moves.tolist(), movers[~resigned].tolist(), strict=True):
            lines[place].append(move)
            movers_of[place].append(mover)
        states = rules.step(states, moves)
    begun = [list(opening) for opening in openings]
    return Games(begun, [line[len(opening):] for line, opening in zip(lines, begun, strict=True)], movers_of, results)
