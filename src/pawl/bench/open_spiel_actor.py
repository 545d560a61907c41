"""An actor of OpenSpiel's AlphaZero in Python, a process of its own: the program that `self_play.py` starts.

It reads seconds from its input, a line a turn, plays whole games until so many have passed, and answers how many
positions it played in how many. Games are played by OpenSpiel's own code, unmodified, with the settings of its example
(`alpha_zero.py`), the network by its newer library (flax's nnx, three times as fast as linen here) and the evaluator's
cache, which stays on and is never emptied, although a new network would empty it.

What can be changed without touching its code, and is by some loads: its network is called operation by operation and
gives the search arrays of jax to add up, which takes nearly all of the time, and it takes a board [3, 6, 7] as 3 by 6
cells of 7 channels, for which it computes less than half of what it would for 6 by 7 cells.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pawl.records import Flags, FloatArray


@dataclass(frozen=True, slots=True)
class Load:
    """What is to be played, by either side."""

    game: str = "connect_four"
    depth: int = 4
    width: int = 64
    simulations: int = 32
    """At each move."""
    explore: int = 12
    """Moves of a game that are drawn by visits."""
    noise_share: float = 0.25
    noise: float = 1.0
    """Dirichlet's, for each move."""
    compiled: bool = False
    """Whether the network is compiled, and answers in numbers."""
    by_cells: bool = False
    """Whether a compiled one takes boards as rows and columns of cells."""

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class Silent:
    """A log that nobody reads."""

    def print(self, *words: Any) -> None:
        """Nothing."""

    opt_print = print


class Compiled:
    """A network that is compiled once, its weights being constants, and answers in numbers."""

    def __init__(self, model: Any, planes: Sequence[int] | None) -> None:
        """`planes` is the shape [C, H, W] of a board that it is to see as [H, W, C]."""
        import jax

        self.planes, self.found = planes, jax.jit(model.inference)

    def inference(self, observation: FloatArray, legal: Flags) -> tuple[float, FloatArray]:
        """A value, and the chances [A] of moves."""
        if self.planes is not None:
            observation = np.moveaxis(observation.reshape(self.planes), 0, -1)
        value, policy = self.found(observation, legal)
        return float(value), np.asarray(policy)


class Actor:
    """Two bots and a network that knows nothing, as OpenSpiel's `actor` sets them up."""

    def __init__(self, load: Load) -> None:
        import pyspiel
        from open_spiel.python.algorithms.alpha_zero import alpha_zero, evaluator

        self.play = alpha_zero._play_game
        self.game, self.load, self.number = pyspiel.load_game(load.game), load, 0
        planes = self.game.observation_tensor_shape()
        config = _config(load, self.game, [*planes[1:], planes[0]] if load.by_cells else planes)
        model = alpha_zero._init_model_from_config(config)
        if load.compiled:
            model = Compiled(model, planes if load.by_cells else None)
        seen = evaluator.AlphaZeroEvaluator(self.game, model)
        self.bots = tuple(alpha_zero._init_bot(config, self.game, seen, False) for _ in range(2))

    def turn(self, seconds: float) -> tuple[int, float]:
        """Positions of whole games, and how long they took: at least so long."""
        positions, started = 0, time.perf_counter()
        while (passed := time.perf_counter() - started) < seconds or not positions:
            self.number += 1
            positions += len(self.play(Silent(), self.number, self.game, self.bots, 1, self.load.explore).states)
        return positions, passed


def _config(load: Load, game: Any, shape: Sequence[int]) -> Any:
    from open_spiel.python.algorithms.alpha_zero.alpha_zero import Config

    return Config(
        game=load.game, path=None, learning_rate=1e-3, weight_decay=1e-4, decouple_weight_decay=False,
        train_batch_size=128, replay_buffer_size=2**13, replay_buffer_reuse=4, max_steps=1, checkpoint_freq=25,
        actors=1, evaluators=0, evaluation_window=50, eval_levels=7, uct_c=1.41, max_simulations=load.simulations,
        policy_alpha=load.noise, policy_epsilon=load.noise_share, temperature=1, temperature_drop=load.explore,
        nn_model="resnet", nn_width=load.width, nn_depth=load.depth, nn_api_version="nnx",
        observation_shape=shape, output_size=game.num_distinct_actions(), verbose=False,
        quiet=True)


def main(load: str) -> None:
    """Answers until its input ends. What libraries print goes to stderr."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        actor = Actor(Load(**json.loads(load)))
        for line in sys.stdin:
            print(json.dumps(actor.turn(float(line))), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
