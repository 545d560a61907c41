"""The solver's pupil: the same network trained on an exact solver's steps, to stand beside a model that taught itself.

The base is made as in expert iteration; what the loop would spend on its generations, the pupil spends on every
solution of every train problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

from pawl.config import settings
from pawl.errors import TaskError
from pawl.evaluate import final_result
from pawl.interfaces import Task
from pawl.judges.truth import truth
from pawl.keys import stream
from pawl.learning.objective import Objective
from pawl.learning.train import planned, train
from pawl.ledger import Ledger
from pawl.loop import Turn
from pawl.models.checkpoint import fingerprint
from pawl.recipes import countdown
from pawl.recipes.base_model import encoded, make_base, real_data
from pawl.recipes.settings import Count
from pawl.records import Demonstration, Event, Problem
from pawl.run_directory import RunDirectory
from pawl.selection.anchor import plan_batches

TASK: str | None = "countdown"
EVERYTHING = 10**9
"""As a count of problems: all there are."""


@settings
class Settings(countdown.Settings):
    """Countdown's settings; of the loop's own, only the optimiser's matter."""

    epochs: Count = 18
    """Times the training sees each solution."""


@runtime_checkable
class Solved(Protocol):
    """A task with an exact solver."""

    def solutions(self, problem: Problem) -> Iterator[str]:
        """Every solution, as an answer."""
        ...


def run(settings: Settings, task: Task, directory: RunDirectory, ledger: Ledger,
        notify: Callable[[Event], None]) -> dict[str, Any]:
    """Base, then the solver's solutions, then both on the test split."""
    if not isinstance(task, Solved):
        raise TaskError(f"task {task.name!r} must have `solutions` for a pupil to learn from")
    if (known := ledger.final) is not None:
        return known
    turn = Turn(0, 0, notify)
    with turn.stage("base") as watch:
        base, metrics = make_base(task, real_data(task, settings), settings, watch)
    pupil = base.clone()
    with turn.stage("train") as watch:
        taught = encoded(pupil, [Demonstration(problem.prompt, solution)
                                 for problem in task.problems("train", EVERYTHING, settings.seed)
                                 for solution in task.solutions(problem)])
        lengths = [len(example.tokens) for example in taught]
        plan = plan_batches(lengths, [], batch=settings.batch, floor=0.0, epochs=settings.epochs,
                            key=stream(settings.seed, "pupil"))
        training = train(pupil, planned(taught, (batch.own for batch in plan)), learning_rate=settings.step_size,
                         objective=Objective(), watch=watch)
    if ledger.base is None:
        ledger.set_base(metrics | {f"pupil_{name}": number for name, number in training.losses.items()},
                        turn.seconds, directory.store(pupil.save, fingerprint))
    return final_result(base, pupil, task, truth(task), ledger, settings, notify)
