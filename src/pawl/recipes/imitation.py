"""Networks that learn the moves of teachers who err (Silver et al. 2016, "Supervised learning of policy networks")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import torch

from pawl.interfaces import BoardPlayer, Game, ManyBoards
from pawl.keys import fold, stream
from pawl.learning.boards import BoardLoss, train_boards
from pawl.loop import Turn
from pawl.match import Games, play_games
from pawl.models.board_net import BoardArchitecture
from pawl.models.board_policy import BoardPolicy
from pawl.models.opening import device_of
from pawl.models.precision import precision_of
from pawl.selection.window import Positions, moves_as_examples, positions_of, turned

TOGETHER = 4096
"""Games, or positions, side by side."""
HELD_OUT = 10
"""Every so manieth game is not learnt from."""

BOTH = BoardLoss()
"""Policy and value."""

Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Lessons:
    """How a network learns from positions."""

    passes: float
    """Times that a position is learnt from, on average."""
    batch: int
    learning_rate: float


def fresh_network(game: Game, depth: int, *, seed: int, device: str, dtype: str) -> BoardPolicy:
    """One that knows nothing."""
    where = device_of(device)
    return BoardPolicy.fresh(BoardArchitecture(*game.shape, game.moves, depth), game.name, seed=seed, device=where,
                             precision=precision_of(dtype, where))


def own_games(player: BoardPlayer, rules: ManyBoards, openings: Sequence[Sequence[int]], count: int, *, key: int,
              watch: Watch = lambda done, total: None) -> list[Games]:
    """Games of a player against itself, each from some opening, in parts of 4,096."""
    chosen, parts = np.random.default_rng(key).integers(len(openings), size=count), list[Games]()
    for start in range(0, count, TOGETHER):
        begun = [openings[place] for place in chosen[start : start + TOGETHER]]
        numbers = np.arange(start, start + len(begun), dtype=np.uint64)
        parts.append(play_games([player], rules, begun, seats=np.zeros((len(begun), 2), np.int64),
                                keys=fold(stream(key, "play"), numbers)))
        watch(start + len(begun), count)
    return parts


def positions_by_game(games: Games, rules: ManyBoards, choices: int) -> list[Positions]:
    """Every position of each game, with the move that was made there and what came of it."""
    examples = moves_as_examples(games.openings, games.moves, games.results.tolist(), choices=choices, source="teacher")
    whole = positions_of(examples, rules)
    ends = [0, *accumulate(len(example.moves) for example in examples)]
    return [whole.at(slice(start, end)) for start, end in pairwise(ends)]


def learn(network: BoardPolicy, positions: Positions, game: Game, lessons: Lessons, turn: Turn, *, key: int,
          loss: BoardLoss = BOTH) -> None:
    """Train in place on positions in any order, turned or mirrored as the game allows."""
    random, symmetries = np.random.default_rng(key), game.symmetries()
    steps = max(1, round(len(positions) * lessons.passes / lessons.batch))

    def batch() -> Positions:
        chosen = positions.at(random.integers(len(positions), size=lessons.batch))
        return turned(chosen, symmetries, random.integers(-1, len(symmetries), size=lessons.batch))

    with turn.stage("train") as watch:
        turn.metrics |= train_boards(network, [batch] * steps, learning_rate=lessons.learning_rate, loss=loss,
                                     watch=watch)
    turn.metrics |= {"positions": float(len(positions)), "steps": float(steps)}


def says(network: BoardPolicy, positions: Positions) -> tuple[np.ndarray, np.ndarray]:
    """The likeliest move [N], legal or not, and the value [N] in [-1, 1] of each position."""
    moves, values = [], []
    for start in range(0, len(positions), TOGETHER):
        boards = torch.from_numpy(positions.boards[start : start + TOGETHER].astype(np.float32))
        logits, worth = network.player()(boards.to(network.device))
        moves.append(logits.argmax(dim=1).cpu().numpy())
        values.append(torch.tanh(worth / 2).cpu().numpy())
    return np.concatenate(moves), np.concatenate(values)


def accuracy(network: BoardPolicy, positions: Positions) -> float:
    """Share of positions in which the likeliest move is the one that was made."""
    return float((says(network, positions)[0] == positions.policies.argmax(axis=1)).mean())
