"""GRPO against TRL's `GRPOTrainer`: the same settings, and whether both learn alike.

Both begin with the same small model that read some random play of Countdown with two numbers, are given the same
problems and the same truth, and make the same number of steps of the same size: clipped surrogate of tokens, advantages
of groups over their deviation, AdamW at a constant rate, no distance to the base. All problems come before one comes
again; which come when, and what is drawn, is each side's own luck. What is compared is the mean score of the attempts
of each step, from which both learn.

Not covered: speed, which is `policy-step`; whether GRPO is the best there is, which is the table of docs/rewards.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawl.bench.trl_peers import grpo, need_trl
from pawl.judges.truth import truth
from pawl.keys import stream
from pawl.learning.optimiser import Optimiser
from pawl.learning.train import train
from pawl.models.opening import open_policy
from pawl.play import play
from pawl.recipes import rl
from pawl.recipes.algorithms import ALGORITHMS, Round
from pawl.recipes.base_model import make_base, real_data
from pawl.recipes.countdown import Settings
from pawl.recipes.on_policy import Course, objective
from pawl.records import Problem, Sampling
from pawl.selection.curriculum import draw
from pawl.tasks.countdown import Countdown

TASK = Countdown(numbers=2, max_number=20)
BASE = Settings(base_steps=250, tokenizer="char", depth=2)


@dataclass(frozen=True, slots=True)
class Load:
    """What either side does."""

    steps: int = 80
    prompts: int = 32
    """Of a step."""
    completions: int = 8
    """Of each prompt."""
    rate: float = 5e-4
    window: int = 10
    """Steps whose scores are one point of a curve."""


LOAD = Load()


def run(repeats: int = 3, load: Load = LOAD) -> list[dict[str, Any]]:
    """One row: the mean score over the course, Pawl's over the peer's, with the range over so many seeds. Raises
    MissingExtraError where TRL is not installed."""
    need_trl("pawl bench grpo-curve")
    pairs = [both(seed, load) for seed in range(repeats)]
    ratios = [float(ours.mean() / theirs.mean()) for ours, theirs in pairs]
    return [{"name": "grpo-curve", "size": f"Countdown of two numbers, {load.steps} steps", "peer": "TRL GRPOTrainer",
             "ratio": float(np.median(ratios)), "low": min(ratios), "high": max(ratios), "repeats": repeats,
             "unit": "mean score while learning, Pawl over the peer",
             "pawl_curves": [ours.tolist() for ours, _ in pairs],
             "their_curves": [theirs.tolist() for _, theirs in pairs], "apart": apart(pairs)}]


def apart(pairs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> float:
    """The largest distance between the mean curves of both sides, in standard deviations between seeds of either,
    pooled over the points: about 1 is what luck comes to."""
    ours, theirs = (np.array(curves) for curves in zip(*pairs, strict=True))
    spread = np.sqrt((ours.var(0, ddof=1).mean() + theirs.var(0, ddof=1).mean()) / 2)
    return float(np.abs(ours.mean(0) - theirs.mean(0)).max() / max(spread, 1e-9))


def both(seed: int, load: Load) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The curves of Pawl and of the peer, from one base."""
    settings = replace(BASE, seed=seed)
    problems = TASK.problems("train", 10**9, seed)
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory) / "base"
        make_base(TASK, real_data(TASK, settings), settings, lambda done, total: None)[0].save(base)
        return ours(base, problems, seed, load), theirs(base, problems, seed, load)


def ours(base: Path, problems: Sequence[Problem], seed: int, load: Load) -> NDArray[np.float64]:
    policy, judge = open_policy(base), truth(TASK)
    dials = rl.Settings(algorithm="grpo", kl=0.0, rounds=load.steps, attempts=load.completions,
                        learning_rate=load.rate, max_tokens=16)
    scores: list[float] = []

    def played(number: int) -> Round:
        chosen = draw(len(problems), load.prompts, number + 1, key=stream(seed, "problems"))
        attempts = play(policy, [problems[place] for place in chosen], load.completions,
                        sampling=Sampling(dials.max_tokens), key=stream(seed, "play", number))
        verdicts = judge(attempts)
        scores.append(float(np.mean([verdict.score or 0.0 for verdict in verdicts])))
        return Round(attempts, verdicts, policy, policy)

    optimiser = Optimiser(policy.named_parameters(), learning_rate=load.rate, steps=load.steps, warmup=1, muon=False,
                          decays=False)
    course = Course(ALGORITHMS["grpo"], dials, played)
    train(policy, course.batches(stream(seed, "learn")), steps=load.steps, learning_rate=load.rate,
          objective=objective(course.algorithm, dials), optimiser=optimiser)
    return smoothed(scores, load)


class Heard(Countdown):
    """The task, with a note of every score."""

    scores: list[float]

    def score(self, problem: Problem, answer: str) -> float:
        self.scores.append(super().score(problem, answer))
        return self.scores[-1]


def theirs(base: Path, problems: Sequence[Problem], seed: int, load: Load) -> NDArray[np.float64]:
    heard = Heard(numbers=TASK.numbers, max_number=TASK.max_number)
    object.__setattr__(heard, "scores", [])
    together = load.prompts * load.completions
    trainer = grpo(base, heard, problems, lambda: None, dtype="float32", seed=seed, max_completion_length=16,
                   max_steps=load.steps, num_generations=load.completions, per_device_train_batch_size=together,
                   learning_rate=load.rate, lr_scheduler_type="constant", warmup_steps=0, beta=0.0, loss_type="grpo",
                   adam_beta2=0.98, weight_decay=0.0)
    trainer.train()
    steps = np.array(heard.scores, np.float64).reshape(-1, together).mean(1)
    return smoothed(steps[: load.steps].tolist(), load)


def smoothed(scores: Sequence[float], load: Load) -> NDArray[np.float64]:
    """[S] means over windows of steps."""
    return np.asarray(np.array(scores, np.float64).reshape(-1, load.window).mean(1))
