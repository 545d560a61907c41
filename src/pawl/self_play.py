"""A policy plays games against itself, hundreds side by side, a searched move at a time.

What comes of it is data: moves, what search would have played and expected at each, and how it ended. Nothing is learnt
here. A game's luck hangs on its own key alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pawl.keys import fold, uniforms
from pawl.records import FloatArray, IntArray, KeyArray
from pawl.search.boards import BoardSearch, Found, Positions
from pawl.search.rules import GUMBEL
from pawl.search.tree import NONE
from pawl.threads import one_thread_each

Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Manner:
    """How games are played."""

    explore: int = 12
    """Moves at whose choice there is luck: with Gumbel the search's own, else visits to the power of 1 / temperature.
    After them the best is played."""
    temperature: float = 1.0
    """Of those, for searches other than Gumbel."""
    resign: float = -1.0
    """A player whose position search values below this, and so did at the move before, gives up; -1 is never."""
    play_on: float = 0.1
    """Share of games that are played to their ends all the same, to know how often who gave up would not have lost."""
    longest: int = 1000
    """Moves; a game that has as many has no result."""
    together: int = 256
    """Games side by side, for each thread."""


@dataclass(slots=True)
class PlayedGame:
    """A game as it was played; T moves after the opening."""

    number: int
    opening: tuple[int, ...]
    moves: list[int] = field(default_factory=list)
    """T"""
    policies: list[FloatArray] = field(default_factory=list)
    """T times [A]: what search would have played."""
    priors: list[FloatArray] = field(default_factory=list)
    """T times [A]: what the policy proposed."""
    values: list[float] = field(default_factory=list)
    """What search expected for whoever moved."""
    players: list[int] = field(default_factory=list)
    """Who moved."""
    ended: bool = False
    """By the rules."""
    resigned: int | None = None
    """Who gave up."""
    would_resign: int | None = None
    """Who would have been first to give up, where nobody was to."""
    result: float | None = None
    """What player 0 got, in [-1, 1]; None where the game did not end."""


def self_play(search: BoardSearch, openings: Sequence[Sequence[int]], *, manner: Manner, keys: KeyArray,
              threads: int = 1, keep_tree: bool = True, watch: Watch = lambda done, total: None) -> list[PlayedGame]:
    """A game from each opening [L], in their order; keys [L]. Each of the threads plays every so manieth. Unless
    told otherwise a search goes on from what the last one found below the move that was made."""
    done = [0] * threads

    def work(first: int) -> list[PlayedGame]:
        def tell(finished: int) -> None:
            done[first] = finished
            if first == 0:
                watch(sum(done), len(openings))

        games = [PlayedGame(number, tuple(openings[number])) for number in range(first, len(openings), threads)]
        _Table(search, games, manner, keys, tell, keep_tree).play()
        return games

    parts = one_thread_each(work, range(threads), threads)
    watch(len(openings), len(openings))
    return sorted((game for part in parts for game in part), key=lambda game: game.number)


class _Table:
    """Games side by side: where one ends, the next begins."""

    def __init__(self, search: BoardSearch, games: Sequence[PlayedGame], manner: Manner, keys: KeyArray,
                 tell: Callable[[int], None], keep_tree: bool) -> None:
        self.search, self.manner, self.keys, self.tell, self.keep_tree = search, manner, keys, tell, keep_tree
        self.waiting = list(games)
        self.playing: list[PlayedGame] = []
        self.finished = 0

    def play(self) -> None:
        """All of them, to their ends."""
        rules, walker = self.search.rules, self.search.begin()
        states, rows, moves = self._seated(rules.start([]), np.zeros(0, np.int32), np.zeros(0, np.int32))
        while self.playing:
            plies = np.array([len(game.moves) for game in self.playing], np.uint64)
            keys = fold(self.keys[[game.number for game in self.playing]], plies)
            found = walker(states, keys, rows=rows, moves=moves) if self.keep_tree else self.search(states, keys)
            moves = self._chosen(found, keys)
            stays = self._note(found, moves)
            after = rules.step(states, moves)
            views = rules.view(after)
            for i, game in enumerate(self.playing):
                if views.over[i] and game.resigned is None:
                    game.ended = True
                    game.result = float(views.results[i]) * (1 if views.players[i] == 0 else -1)
                stays[i] &= not views.over[i] and len(game.moves) < self.manner.longest
            left = np.flatnonzero(stays)
            self.finished += len(self.playing) - len(left)
            self.playing = [self.playing[i] for i in left]
            states, rows, moves = self._seated(after[left], left.astype(np.int32), moves[left])
            self.tell(self.finished)

    def _seated(self, states: Positions, rows: IntArray, moves: IntArray) -> tuple[Positions, IntArray, IntArray]:
        """Where games stand, which rows of the last search they come from, and by which moves; new ones, which come
        from nowhere, behind the others."""
        free = self.manner.together - len(self.playing)
        new, self.waiting = self.waiting[:free], self.waiting[free:]
        self.playing = [*self.playing, *new]
        begun, nowhere = self.search.rules.start([game.opening for game in new]), np.full(len(new), NONE, np.int32)
        return np.concatenate((states, begun)), np.concatenate((rows, nowhere)), np.concatenate((moves, nowhere))

    def _chosen(self, found: Found, keys: KeyArray) -> IntArray:
        """[B] the moves to make."""
        manner = self.manner
        exploring = np.array([len(game.opening) + len(game.moves) < manner.explore for game in self.playing])
        if self.search.numbers.kind == GUMBEL:
            return np.where(exploring, found.moves, found.policy.argmax(axis=1)).astype(np.int32)
        most = found.policy.max(axis=1, keepdims=True)
        cumulative = ((found.policy.astype(np.float64) / most) ** (1 / manner.temperature)).cumsum(axis=1)
        drawn = (uniforms(keys, 7) * cumulative[:, -1])[:, None]
        return np.where(exploring, (cumulative <= drawn).sum(axis=1), found.moves).astype(np.int32)

    def _note(self, found: Found, moves: IntArray) -> NDArray[np.bool_]:
        """What was thought and is to be played; returns which games [B] nobody gives up."""
        manner, stays = self.manner, np.ones(len(moves), np.bool_)
        to_end = uniforms(self.keys[[game.number for game in self.playing]], 1) < manner.play_on
        players = found.players
        for i, game in enumerate(self.playing):
            player, value = int(players[i]), float(found.values[i])
            own = (v for v, p in zip(reversed(game.values), reversed(game.players), strict=True) if p == player)
            before = next(own, 1.0)
            if manner.resign > -1 and max(value, before) < manner.resign:
                if to_end[i]:
                    game.would_resign = player if game.would_resign is None else game.would_resign
                else:
                    game.resigned, game.result, stays[i] = player, -1.0 if player == 0 else 1.0, False
                    continue
            game.moves.append(int(moves[i]))
            game.policies.append(found.policy[i])
            game.priors.append(found.priors[i])
            game.values.append(value)
            game.players.append(player)
        return stays
