"""Seconds until a base solves a share of held-out problems of Countdown: Pawl's expert iteration against TRL's GRPO.

Both begin with the checkpoint that `pawl run countdown` begins with, are given the train problems and the truth, and
are measured greedily on the same test problems, with the same sampler, outside the clock: Pawl after each generation,
TRL after every few optimiser steps. Pawl's seconds are all of its loop (sampling, truth, training, its gate, its meters
and its ledger); the peer's are those of its training loop. A peer that has not come there in a multiple of Pawl's time
is stopped: the ratio is then a lower bound, and the row says how far it came.

The peer's settings are the best of those in LOG.md. Not covered: GRPO with Pawl's hindsight or replay, of which TRL has
none.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from pawl.bench.trl_peers import grpo, need_trl
from pawl.errors import TrainingError
from pawl.interfaces import Policy
from pawl.judges.truth import truth
from pawl.ledger import Ledger
from pawl.loop import Turn, improve
from pawl.models.checkpoint import fingerprint
from pawl.models.opening import open_policy
from pawl.play import play
from pawl.recipes.base_model import make_base, real_data
from pawl.recipes.countdown import Settings
from pawl.recipes.expert_iteration import EVERYTHING, ExpertIteration
from pawl.records import Problem, Sampling
from pawl.run_directory import RunDirectory
from pawl.tasks.countdown import Countdown

GRPO: Mapping[str, Any] = {
    "num_generations": 16, "per_device_train_batch_size": 1024, "learning_rate": 3e-4, "warmup_steps": 5,
    "lr_scheduler_type": "constant_with_warmup", "beta": 0.0,
}
"""The best of what was tried."""
MOST_STEPS = 10**6
"""The goal or the bound ends the peer's training, not their number."""
COUNTDOWN = Settings(dtype="auto")
"""Each side in the precision in which it is the faster: the peer, in float32."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Where both sides are to come."""

    accuracy: float = 0.45
    problems: int = 1000
    """Of the test split."""
    bound: float = 6.0
    """The peer's time, at most, in Pawl's."""
    every: int = 10
    """Optimiser steps between two measurements of the peer."""


GOAL = Goal()


@dataclass
class Course:
    """What a side solves against its seconds of work."""

    problems: list[Problem]
    task: Countdown
    settings: Settings
    goal: Goal
    curve: list[tuple[float, float]] = field(default_factory=list)
    """Seconds, and the share of the problems that it then solved."""
    seconds: float = 0.0
    clock: Callable[[], float] = time.perf_counter
    begun: float = 0.0

    def start(self) -> None:
        self.begun = self.clock()

    def measure(self, opened: Callable[[], Policy]) -> None:
        """Note what the policy of this moment solves; that takes none of the seconds."""
        self.seconds += self.clock() - self.begun
        attempts = play(opened(), self.problems, 1, sampling=Sampling(self.settings.max_tokens, 0.0), key=0)
        solved = float(np.mean([verdict.score or 0.0 for verdict in truth(self.task)(attempts)]))
        self.curve.append((self.seconds, solved))
        self.start()

    @property
    def best(self) -> float:
        return max((solved for _, solved in self.curve), default=0.0)

    @property
    def there(self) -> bool:
        return any(solved >= self.goal.accuracy for _, solved in self.curve)


def run(repeats: int = 1, goal: Goal = GOAL, settings: Settings = COUNTDOWN,
        peer: Mapping[str, Any] = GRPO) -> list[dict[str, Any]]:
    """One row: the peer's seconds over Pawl's, median and range over as many seeds; at least so many where the peer did
    not come to the goal. Raises MissingExtraError where TRL is not installed, TrainingError where Pawl does not come to
    the goal."""
    need_trl("pawl bench time-to-accuracy")
    return [row([_pair(replace(settings, seed=seed), goal, peer) for seed in range(repeats)], goal)]


def row(pairs: Sequence[tuple[Course, Course]], goal: Goal) -> dict[str, Any]:
    """What pairs of courses, Pawl's and the peer's, come to."""
    ratios = [theirs.seconds / ours.seconds for ours, theirs in pairs]
    short = [theirs.best for _, theirs in pairs if not theirs.there]
    bound = f", at least: the peer was stopped at {max(short):.1%}" if short else ""
    return {"name": "time-to-accuracy", "size": f"Countdown {goal.accuracy:.0%}", "peer": "TRL GRPOTrainer",
            "ratio": float(np.median(ratios)), "low": min(ratios), "high": max(ratios), "repeats": len(pairs),
            "unit": f"seconds until then, peer over Pawl{bound}", "at_least": bool(short),
            "pawl": [ours.seconds for ours, _ in pairs], "theirs": [theirs.seconds for _, theirs in pairs],
            "pawl_curves": [ours.curve for ours, _ in pairs], "their_curves": [theirs.curve for _, theirs in pairs]}


def _pair(settings: Settings, goal: Goal, peer: Mapping[str, Any]) -> tuple[Course, Course]:
    """Pawl's course and the peer's, from one base."""
    task = Countdown()
    problems = task.problems("test", goal.problems, settings.seed)
    ours, theirs = (Course(problems, task, settings, goal) for _ in range(2))
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory) / "base"
        make_base(task, real_data(task, settings), settings, lambda done, total: None)[0].save(base)
        improve_by_pawl(ours, base, Path(directory) / "run")
        if not ours.there:
            raise TrainingError(f"Pawl must come to {goal.accuracy:.1%} of the problems, came to {ours.best:.1%}",
                                hint="give it more generations, or a lower goal")
        improve_by_trl(theirs, base, goal.bound * ours.seconds, peer)
    return ours, theirs


def improve_by_pawl(course: Course, base: Path, path: Path) -> None:
    """The loop of `pawl run countdown` from a base, until the goal or its last generation."""
    settings = replace(course.settings, model=str(base), learning_rate=course.settings.step_size)
    course.start()
    policy = open_policy(base, dtype=settings.dtype)
    with RunDirectory.create(path) as directory, Ledger.create(directory.ledger_path, {}) as ledger:
        ledger.set_base({}, {}, directory.store(policy.save, fingerprint))
        parts = Watched(settings, course.task, real_data(course.task, settings), directory, ledger, policy)
        parts.course = course
        improve(parts, policy, ledger, settings.generations, lambda event: None)


class Watched(ExpertIteration):
    """Expert iteration that is measured after each generation, and over when it has come to the goal."""

    course: Course

    def committed(self, turn: Turn) -> None:
        super().committed(turn)
        assert self.ledger.champion is not None
        self.course.measure(partial(open_policy, self.directory.checkpoint(self.ledger.champion)))

    def exhausted(self, turn: Turn) -> str | None:
        return "it has come to its goal" if self.course.there else super().exhausted(turn)


def improve_by_trl(course: Course, base: Path, bound: float, peer: Mapping[str, Any]) -> None:
    """GRPO from a base, until the goal or so many seconds."""
    steps = count(1)

    def after_step() -> bool:
        if next(steps) % course.goal.every:
            return False
        course.measure(lambda: _opened(trainer.model, base))
        return course.there or course.seconds >= bound

    problems = course.task.problems("train", EVERYTHING, course.settings.seed)
    trainer = grpo(base, course.task, problems, after_step, dtype="float32", seed=course.settings.seed,
                   max_completion_length=course.settings.max_tokens, max_steps=MOST_STEPS, **peer)
    course.start()
    trainer.train()


def _opened(model: Any, base: Path) -> Policy:
    """The peer's model, to be measured as Pawl's is."""
    with tempfile.TemporaryDirectory() as directory:
        shutil.copytree(base, directory, dirs_exist_ok=True)
        model.save_pretrained(directory)
        return open_policy(directory)
