"""What is learnt from of all that was played: a window of the last positions, which grows with their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawl.interfaces import ManyBoards
from pawl.records import FloatArray, GameExample, IntArray, Symmetry

GROWTH, SHARE = 0.75, 0.4
"""KataGo's exponent and slope (Wu 2019, appendix C)."""


@dataclass(frozen=True, slots=True)
class Positions:
    """N positions to learn from."""

    boards: NDArray[np.uint8] | FloatArray
    """[N, C, H, W] from the view of whoever moves."""
    policies: FloatArray
    """[N, A] of legal moves; sums to 1."""
    replies: FloatArray
    """[N, A] what should have been answered to the move that was made; 0 where the game was over."""
    values: FloatArray
    """[N] what whoever moved got, in [0, 1]."""
    weights: FloatArray
    """[N] of the policy."""

    def __len__(self) -> int:
        return len(self.boards)

    def last(self, count: int) -> Positions:
        """The last so many."""
        return self.at(slice(max(0, len(self) - count), None))

    def at(self, places: slice | NDArray[np.int64]) -> Positions:
        """Some of them."""
        return Positions(self.boards[places], self.policies[places], self.replies[places], self.values[places],
                         self.weights[places])


def joined(parts: Sequence[Positions]) -> Positions:
    """One after the other."""
    return Positions(np.concatenate([part.boards for part in parts]),
                     *(np.concatenate([getattr(part, name) for part in parts])
                       for name in ("policies", "replies", "values", "weights")))


def window_size(total: int, smallest: int) -> int:
    """How many of `total` positions are learnt from: all up to the smallest window c, then of N positions
    c (1 + b ((N / c)^a - 1) / a) (Wu 2019, appendix C)."""
    if total <= smallest:
        return total
    return min(total, int(smallest * (1 + SHARE * ((total / smallest) ** GROWTH - 1) / GROWTH)))


def positions_of(games: Sequence[GameExample], rules: ManyBoards, *, searched: float = 0.0) -> Positions:
    """The positions of games, one game after the other, by playing them again. `searched` is the share of what search
    expected in the value to learn; the rest is how the game ended."""
    lengths = np.array([len(game.moves) for game in games], np.int64)
    ends = lengths.cumsum()
    states = rules.start([game.opening.tolist() for game in games])
    places, parts, players = list[NDArray[np.int64]](), list[NDArray[np.float32]](), list[IntArray]()
    under_way = np.arange(len(games))
    for ply in range(int(lengths.max(initial=0))):
        going = lengths[under_way] > ply
        under_way, states = under_way[going], states[going]
        views = rules.view(states)
        places.append(ends[under_way] - lengths[under_way] + ply)
        parts.append(views.boards)
        players.append(views.players)
        states = rules.step(states, np.array([games[i].moves[ply] for i in under_way.tolist()], np.int32))
    order = np.argsort(np.concatenate(places))
    boards, movers = _small(np.concatenate(parts)[order]), np.concatenate(players)[order]
    policies = np.concatenate([game.policies for game in games])
    replies = np.zeros_like(policies)
    replies[:-1] = policies[1:]
    replies[ends - 1] = 0
    results = np.repeat([game.result for game in games], lengths) * np.where(movers == 0, 1, -1)
    expected = np.concatenate([game.values for game in games])
    values = ((1 - searched) * results + searched * expected + 1) / 2
    return Positions(boards, policies, replies, values.astype(np.float32),
                     np.concatenate([game.weights for game in games]))


def moves_as_examples(openings: Sequence[Sequence[int]], moves: Sequence[Sequence[int]], results: Sequence[float], *,
                      choices: int, source: str = "self") -> list[GameExample]:
    """Games in which each move that was made, of so many `choices`, is the one to learn; those without moves are left
    out."""
    examples = []
    for number, (opening, line, result) in enumerate(zip(openings, moves, results, strict=True)):
        if line:
            made = np.array(line, np.int32)
            ones, zeros = np.ones(len(made), np.float32), np.zeros(len(made), np.float32)
            examples.append(GameExample(str(number), np.array(opening, np.int32), made,
                                        np.eye(choices, dtype=np.float32)[made], zeros, ones, float(result), source))
    return examples


def _small(boards: FloatArray) -> NDArray[np.uint8] | FloatArray:
    """The same boards in a byte a cell, where they are small whole numbers."""
    with np.errstate(invalid="ignore"):
        whole = boards.astype(np.uint8)
    return whole if np.array_equal(whole, boards) else boards


def turned(positions: Positions, symmetries: Sequence[Symmetry], chosen: NDArray[np.int64]) -> Positions:
    """Each position [N] turned or mirrored by the symmetry of its number; -1 leaves it as it is."""
    if not len(symmetries):
        return positions
    boards, policies, replies = positions.boards.copy(), positions.policies.copy(), positions.replies.copy()
    flat, source = boards.reshape(*boards.shape[:2], -1), positions.boards.reshape(*boards.shape[:2], -1)
    for number, symmetry in enumerate(symmetries):
        rows = np.flatnonzero(chosen == number)
        flat[rows] = source[rows][:, :, symmetry.cells]
        policies[rows] = positions.policies[rows][:, symmetry.moves]
        replies[rows] = positions.replies[rows][:, symmetry.moves]
    return Positions(boards, policies, replies, positions.values, positions.weights)


def surprises(policies: FloatArray, priors: FloatArray) -> FloatArray:
    """[T] KL(policy || prior) in nats, of policies [T, A]: how far search changed the network's mind."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(policies > 0, policies * np.log(policies / np.maximum(priors, 1e-9)), 0)
    changed: FloatArray = np.maximum(parts.sum(axis=1), 0)
    return changed


def surprise_weights(policies: FloatArray, priors: FloatArray, *, share: float) -> FloatArray:
    """[T] weights with mean 1: a share of them goes to positions in proportion to KL(policy || prior), where search
    changed its mind most (KataGo's policy surprise weighting); the rest is alike for all."""
    surprise = surprises(policies, priors)
    if share == 0 or surprise.sum() == 0:
        return np.ones(len(policies), np.float32)
    weights: FloatArray = ((1 - share) + share * surprise / surprise.mean()).astype(np.float32)
    return weights
