"""REINFORCE on a board game (Williams 1992): a policy plays against a pool, its own past, and each of its moves is
learnt as far as it brought more than moves do.

The training loop is that of every board network: a batch is games that are played when it is asked for. Not covered: a
value as the baseline; it is the mean over the batch's moves that were made as late in their games.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pawl.interfaces import ManyBoards
from pawl.keys import fold, stream
from pawl.learning.boards import BoardLoss, train_boards
from pawl.match import Games, play_games
from pawl.models.board_policy import BoardPolicy
from pawl.players.simple import PolicyPlayer
from pawl.records import FloatArray
from pawl.selection.window import Positions, moves_as_examples, positions_of

Watch = Callable[[int, int], None]
Reward = Callable[[Games, Positions], FloatArray]
"""Games, and the positions [M] before all their moves, one game after the other -> what each of these moves brought
whoever made it [M]."""


@dataclass(frozen=True, slots=True)
class Course:
    """How much is played and learnt."""

    steps: int
    games: int
    """Of a step, half of them from either side."""
    learning_rate: float


def reinforce(policy: BoardPolicy, pool: Sequence[BoardPolicy], rules: ManyBoards, openings: Sequence[Sequence[int]],
              reward: Reward, course: Course, *, key: int, watch: Watch = lambda done, total: None) -> dict[str, float]:
    """Train in place. Returns what games brought and how undecided the policy was, over the last tenth of the steps."""
    history: list[dict[str, float]] = []

    def batch(step: int) -> Positions:
        games = drawn_games((policy, pool[stream(key, "opponent", step) % len(pool)]), rules, openings, course.games,
                            key=stream(key, "games", step))
        positions = positions_of(moves_as_examples(games.openings, games.moves, games.results.tolist(),
                                                   choices=rules.view(rules.start([[]])).legal.shape[1]), rules)
        own = np.concatenate([np.array(movers) == number % 2 for number, movers in enumerate(games.movers)])
        brought, plies = reward(games, positions)[own], _plies(games)[own]
        expected = np.bincount(plies, brought) / np.maximum(np.bincount(plies), 1)
        advantages = (brought - expected[plies]) / max(float(brought.std()), 1e-6)
        ours = games.results * np.where(np.arange(len(games.results)) % 2, -1, 1)
        history.append({"reward": float(brought.mean()), "won": float((ours.mean() + 1) / 2),
                        "length": float(np.mean([*map(len, games.moves)]))})
        return replace(positions.at(np.flatnonzero(own)), weights=advantages.astype(np.float32))

    train_boards(policy, [lambda step=step: batch(step) for step in range(course.steps)],  # type: ignore[misc]
                 learning_rate=course.learning_rate, loss=BoardLoss(value=0), watch=watch)
    tail = history[-max(1, len(history) // 10) :]
    return {name: float(np.mean([one[name] for one in tail])) for name in tail[0]} if tail else {}


def _plies(games: Games) -> NDArray[np.int64]:
    """[M] how many moves a game had had before each move, its opening's included."""
    return np.concatenate([np.arange(len(moves)) + len(opening)
                           for opening, moves in zip(games.openings, games.moves, strict=True)])


def drawn_games(policies: tuple[BoardPolicy, BoardPolicy], rules: ManyBoards, openings: Sequence[Sequence[int]],
                count: int, *, key: int) -> Games:
    """Games of two policies that draw their moves, each from some opening; the first is player 0 in every other one."""
    chosen = np.random.default_rng(key).integers(len(openings), size=count)
    first, second = (PolicyPlayer(rules, policy, "policy", temperature=1.0) for policy in policies)
    seats = (np.arange(count)[:, None] + np.arange(2)) % 2
    return play_games((first, second), rules, [openings[place] for place in chosen], seats=seats,
                      keys=fold(stream(key, "play"), np.arange(count, dtype=np.uint64)))


def final_result(games: Games, positions: Positions) -> FloatArray:
    """The reward that is true: how the game ended."""
    won: FloatArray = 2 * positions.values - 1
    return won
