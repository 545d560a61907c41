"""A reward model of board positions: learnt from comparisons, and asked what a policy's moves are worth.

A labeller is shown two positions of a policy's games, as often as not after two moves from one, and says which they
like better. Scores are those of whoever has just moved. Not covered: games in which a player may move twice in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from pawl.interfaces import ManyBoards
from pawl.judges.labeller import Labeller
from pawl.keys import fold, stream
from pawl.learning.boards import preference_losses, train_boards
from pawl.loop import Turn
from pawl.match import Games
from pawl.models.board_policy import BoardPolicy
from pawl.recipes.board_policy_gradient import Reward
from pawl.recipes.imitation import HELD_OUT, Lessons
from pawl.records import FloatArray
from pawl.selection.window import Positions


@dataclass(frozen=True, slots=True)
class Comparisons:
    """N questions that were answered."""

    liked: NDArray[Any]
    """[N] positions that were liked better."""
    other: NDArray[Any]
    """[N] what they were compared with."""


def compared(games: Games, rules: ManyBoards, labeller: Labeller, count: int, *, key: int) -> Comparisons:
    """About as many questions, and their answers: every other one about two moves from one position of these games, any
    that has two, and the rest about positions after moves in different games."""
    random, lines = np.random.default_rng(key), games.lines
    lengths = np.array([len(moves) for moves in games.moves])
    number = random.choice(len(lengths), size=count, p=lengths / lengths.sum())
    states = rules.start([lines[i][: len(games.openings[i]) + int(random.integers(lengths[i]))] for i in number])
    legal = rules.view(states).legal
    states, legal = states[legal.sum(axis=1) > 1], legal[legal.sum(axis=1) > 1]
    order = (random.random(legal.shape) * legal).argsort(axis=1)[:, ::-1].astype(np.int32)
    first, second = (rules.step(states, order[:, place]) for place in (0, 1))
    second[1::2] = np.roll(first[1::2], 1, axis=0)
    liked = labeller.prefers(first, second, fold(stream(key, "label"), np.arange(len(states), dtype=np.uint64)))
    places = np.where(liked, 0, 1), np.arange(len(states))
    both = np.stack((first, second))
    return Comparisons(both[places], both[1 - places[0], places[1]])


def learn_to_judge(network: BoardPolicy, comparisons: Comparisons, rules: ManyBoards, lessons: Lessons, turn: Turn, *,
                   key: int) -> None:
    """Train a network's value in place, and move its 0 to the average of what was compared. Every tenth comparison is
    kept to measure on."""
    liked, other = (rules.view(states).boards for states in (comparisons.liked, comparisons.other))
    held_out = np.arange(len(liked)) % HELD_OUT == 0
    learnt, random = np.flatnonzero(~held_out), np.random.default_rng(key)

    def batch() -> tuple[NDArray[Any], NDArray[Any]]:
        chosen = learnt[random.integers(len(learnt), size=lessons.batch)]
        return other[chosen], liked[chosen]  # whoever moves next has the value of it: they like it less

    steps = max(1, round(len(learnt) * lessons.passes / lessons.batch))
    with turn.stage("train") as watch:
        turn.metrics |= train_boards(network, [batch] * steps, learning_rate=lessons.learning_rate, watch=watch,
                                     losses_of=preference_losses)
    better, worse = scores(network, liked[held_out]), scores(network, other[held_out])
    turn.metrics |= {"comparisons": float(len(liked)), "foreseen": float((better > worse).mean())}
    with torch.no_grad():  # comparisons say nothing of where 0 is
        network.net.value_head.bias.add_(float(np.concatenate((better, worse)).mean()))


def scores(network: BoardPolicy, boards: NDArray[Any]) -> FloatArray:
    """[N] how much whoever has just moved would be liked, as logits, of boards [N, C, H, W] as the other sees them."""
    logits = network.player()(torch.from_numpy(boards.astype(np.float32)).to(network.device))[1]
    found: FloatArray = -logits.cpu().numpy()
    return found


def liked_reward(network: BoardPolicy, rules: ManyBoards, credit: Literal["move", "game"]) -> Reward:
    """The reward of a move is the score of the position that it led to, or the sum of it and of all that the player's
    later moves led to."""
    def reward(games: Games, positions: Positions) -> FloatArray:
        ends = np.array([len(moves) for moves in games.moves if moves]).cumsum()
        after = np.concatenate((positions.boards[1:], positions.boards[:1]))
        lines = [line for line, moves in zip(games.lines, games.moves, strict=True) if moves]
        after[ends - 1] = rules.view(rules.start(lines)).boards
        found = scores(network, after)
        return found if credit == "move" else _to_go(found, ends)

    return reward


def _to_go(found: FloatArray, ends: Sequence[int] | NDArray[np.int64]) -> FloatArray:
    """Each score with those that the same player still got in the same game; players take turns."""
    total, last = found.copy(), {int(end) - offset for end in ends for offset in (1, 2)}
    for place in range(len(found) - 3, -1, -1):
        if place not in last:
            total[place] += total[place + 2]
    return total
