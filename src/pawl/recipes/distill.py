"""Distillation: a student learns what a teacher would have said at every token, of the teacher's text or of its own.

Hinton et al. 2015 (forward KL, on what the teacher writes); Gu et al. 2024, MiniLLM (reverse KL); Agarwal et al. 2024,
GKD: of what the student writes itself, so that it learns where it errs. It is the recipe rl with a teacher in place of
a reward: the attempts are judged to be seen, and the gate asks whether the student became better.

Not covered: teachers with other tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pawl.config import settings
from pawl.errors import ConfigError
from pawl.interfaces import Task, Trainable
from pawl.keys import stream
from pawl.ledger import Ledger
from pawl.loop import Turn
from pawl.models.opening import open_policy
from pawl.recipes import rl
from pawl.recipes.algorithms import Algorithm, distillation
from pawl.recipes.expert_iteration import carry_out
from pawl.records import Attempt, Event, Verdict
from pawl.run_directory import RunDirectory

TASK: str | None = None
"""No task of its own: the user names one."""


@settings
class Settings(rl.Settings):
    """Every key of the recipe."""

    teacher: Annotated[str, Field(min_length=1)]
    """Checkpoint directory or Hugging Face name of the teacher, with the student's tokens."""
    own: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of rounds in which the student writes what is learnt; in the others the teacher does."""
    divergence: Literal["reverse", "forward"] = "reverse"
    """KL(student || teacher), which keeps to what the teacher would say, or KL(teacher || student), which leaves out
    nothing of that."""
    algorithm: ClassVar[str] = "distill"  # type: ignore[misc]
    clip: ClassVar[tuple[float, float]] = (1.0, 1.0)  # type: ignore[misc]
    kl: ClassVar[float | None] = None  # type: ignore[misc]

    def __post_init__(self) -> None:
        self.check_whole()


def run(settings: Settings, task: Task, directory: RunDirectory, ledger: Ledger,
        notify: Callable[[Event], None]) -> dict[str, Any]:
    """The whole experiment, from wherever the ledger says that it stopped. Returns what `pawl run --json` prints."""
    return carry_out(Distillation, settings, task, directory, ledger, notify)


class Distillation(rl.ReinforcementLearning):
    """The parts of the loop, with a teacher."""

    settings: Settings

    def __init__(self, settings: Settings, task: Task, *others: Any) -> None:
        super().__init__(settings, task, *others)
        self.teacher = open_policy(settings.teacher, device=settings.device, dtype=settings.dtype)
        texts = [problem.prompt for problem in self.train_problems[:64]]
        if any(self.teacher.encode(text).tolist() != self.base.encode(text).tolist() for text in texts):
            raise ConfigError("a teacher must have the student's tokens, got others for the same prompts",
                              hint="begin the student as a copy of a checkpoint with the teacher's tokenizer")

    @property
    def algorithm(self) -> Algorithm:
        return distillation(self.settings.divergence)

    @property
    def anchor(self) -> Trainable:
        return self.teacher

    def round(self, candidate: Trainable, number: int, turn: Turn) -> tuple[list[Attempt], list[Verdict]]:
        """Attempts by the student or, by chance, by the teacher."""
        drawn = stream(self.settings.seed, "writer", turn.generation, number) / 2**64
        return super().round(candidate if drawn < self.settings.own else self.teacher, number, turn)
