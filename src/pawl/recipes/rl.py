"""Reinforcement learning by any of the field's algorithms: a policy plays, is judged, and learns from its own play.

Williams 1992 (REINFORCE), Schulman et al. 2017 (PPO), Rafailov et al. 2023 (DPO), Ahmadian et al. 2024 (RLOO), Shao et
al. 2024 (GRPO) and others, by name. A generation is many rounds of play by the candidate as it changes; at its end the
gate asks whether it became better on held-out problems. The anchors are those of expert iteration: a distance to the
frozen base and, where the algorithm takes them, real examples in every batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from pawl import measure
from pawl.config import settings
from pawl.errors import ConfigError
from pawl.interfaces import Judge, Task, Trainable
from pawl.keys import stream
from pawl.learning.objective import Distance
from pawl.ledger import Ledger
from pawl.loop import Turn
from pawl.models.hf_policy import HFPolicy
from pawl.models.lora import merged, with_adapters
from pawl.play import play
from pawl.recipes import settings as shared
from pawl.recipes.algorithms import ALGORITHMS, Algorithm, Round
from pawl.recipes.expert_iteration import ExpertIteration, carry_out
from pawl.recipes.on_policy import Course, beta_of, check_dials
from pawl.recipes.settings import Count, Share, Weight
from pawl.records import Attempt, Event, Problem, TokenExample, Verdict
from pawl.run_directory import RunDirectory
from pawl.selection.curriculum import draw

TASK: str | None = None
"""No task of its own: the user names one."""


@settings
class Settings(shared.Settings):
    """Every key of the recipe."""

    algorithm: str = "grpo"
    """sft, rwr, reinforce, rloo, grpo, dapo, dr-grpo, ppo, dpo, ipo, kto or spin."""
    generations: Count = 3
    """Turns of the loop."""
    rounds: Count = 20
    """Of play and learning in a generation; with one, all is learnt from what the champion wrote."""
    problems: Count = 128
    """Train problems attempted in a round."""
    attempts: Annotated[int, Field(ge=2)] = 8
    """Attempts at each of them."""
    epochs: Count = 1
    """Times that a round's attempts are learnt from."""
    steps: Count = 1
    """Training batches of each time: with more than one, all but the first learn from what an earlier policy wrote."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Peak step size of a generation; none is 0.0003 for a model from scratch and 0.000001 for a checkpoint."""
    clip: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.2, 0.2)
    """How far the probability of a token may move down and up in a round before it gains nothing more."""
    kl: Weight | tuple[Distance, Weight] | None = None  # type: ignore[assignment]  # none is the algorithm's own
    """Weight of the distance to the frozen base, forward,0.01 or k3,0.01 for another distance; of preferences their
    beta, of rwr the temperature of scores. None is 0.01 for policy gradients and sft, 0.1 for the others."""
    lora: Annotated[int, Field(ge=0)] = 0  # type: ignore[misc]  # a class's own elsewhere
    """Rank of the small matrices that learn in place of a checkpoint's weights (extra `hf`); 0 is all weights."""
    real_floor: Share = 0.0
    """Least share of real data in every batch; preferences take none."""
    keep: ClassVar[int] = 1  # type: ignore[misc]
    failures: ClassVar[Literal["discard", "relabel"]] = "discard"  # type: ignore[misc]
    replay: ClassVar[int] = 1  # type: ignore[misc]
    gate_problems: ClassVar[int] = 800  # type: ignore[misc]
    start: ClassVar[Literal["champion", "base"]] = "champion"  # type: ignore[misc]

    def __post_init__(self) -> None:
        self.check_whole()
        check_dials(self)
        if self.real_floor and ALGORITHMS[self.algorithm].relative:
            raise ConfigError(f"real_floor must be 0 for {self.algorithm}, got {self.real_floor}",
                              hint="kl holds it near the base")

    def check_whole(self) -> None:
        """What every algorithm asks. Raises ConfigError."""
        super().__post_init__()
        if self.lora and not self.model:
            raise ConfigError(f"lora must have a checkpoint to adapt, got lora {self.lora} and no model",
                              hint="name one with --model; a model from scratch trains all weights")

    @property
    def beta(self) -> float:
        """The weight of the distance to the base, settled."""
        return beta_of(self.algorithm, self.kl, held=0.01)

    @property
    def step_size(self) -> float:
        """The learning rate, settled."""
        return self.learning_rate or (1e-6 if self.model else 3e-4)


def run(settings: Settings, task: Task, directory: RunDirectory, ledger: Ledger, notify: Callable[[Event], None],
        judge: Judge | None = None) -> dict[str, Any]:
    """The whole experiment, from wherever the ledger says that it stopped. Returns what `pawl run --json` prints.

    What is rewarded is what `judge` says, the truth where there is none; the gate and the meters ask the truth.
    """
    return carry_out(ReinforcementLearning, settings, task, directory, ledger, notify, judge)


class ReinforcementLearning(ExpertIteration):
    """The parts of the loop: all play is in `learn`."""

    settings: Settings

    def draw(self, turn: Turn) -> list[Problem]:
        """None yet: problems are drawn round by round."""
        self.begin(turn)
        return []

    def play(self, champion: Trainable, problems: Sequence[Problem], turn: Turn) -> list[Attempt]:
        return []

    def select(self, attempts: Sequence[Attempt], verdicts: Sequence[Verdict], turn: Turn) -> list[TokenExample]:
        return []

    def learn(self, champion: Trainable, attempts: Sequence[Attempt], verdicts: Sequence[Verdict],
              examples: Sequence[TokenExample], turn: Turn) -> Trainable | None:
        settings, candidate = self.settings, self.candidate(champion)
        reference = champion if self.algorithm.last else self.base
        course = Course(self.algorithm, settings,
                        lambda number: Round(*self.round(candidate, number, turn), candidate, reference),
                        self.real, settings.real_floor)
        with turn.stage("train") as watch:
            training = course.learn(candidate, self.anchor, key=self.key("learn", turn), watch=watch)
        turn.metrics |= training.losses | {"tokens_trained": float(training.tokens), "steps": float(training.steps),
                                           "gradient": training.gradient}
        learnt = merged(candidate) if isinstance(candidate, HFPolicy) and settings.lora else candidate
        turn.metrics |= measure.parameter_change(learnt, self.beginning(champion))
        self.measure(learnt, turn)
        return learnt if training.steps else None

    @property
    def algorithm(self) -> Algorithm:
        """How it learns."""
        return ALGORITHMS[self.settings.algorithm]

    @property
    def foresees(self) -> bool:
        """Where the algorithm teaches a value."""
        return self.algorithm.objective(self.settings).value != 0

    @property
    def anchor(self) -> Trainable:
        """Whose distance is part of the loss."""
        return self.base

    def candidate(self, champion: Trainable) -> Trainable:
        candidate, rank = super().candidate(champion), self.settings.lora
        return with_adapters(candidate, rank, seed=stream(self.settings.seed, "lora")) if rank else candidate

    def round(self, candidate: Trainable, number: int, turn: Turn) -> tuple[list[Attempt], list[Verdict]]:
        """Attempts by the candidate as it is now, and their verdicts."""
        settings = self.settings
        with turn.stage("sample"):
            attempts = play(candidate, self.round_problems((turn.generation - 1) * settings.rounds + number),
                            settings.attempts, sampling=self.sampling, first=number * settings.attempts,
                            key=stream(self.key("sample", turn), number), judge=self.judge)
        with turn.stage("score"):
            verdicts = self.judge(attempts)
        turn.played += zip(attempts, verdicts, strict=True)
        if number == settings.rounds - 1:
            turn.metrics |= measure.sampler_gap(candidate, attempts, self.key("measure", turn))
        return attempts, verdicts

    def round_problems(self, number: int) -> list[Problem]:
        """Those of a round of the run, counted from 0: every train problem comes before one comes again, and none twice
        in a round."""
        places = draw(len(self.train_problems), self.settings.problems, number + 1,
                      key=stream(self.settings.seed, "draw"))
        return [self.train_problems[i] for i in places]

    def measure(self, candidate: Trainable, turn: Turn) -> None:
        """What the play of a generation says, that of its last round most of all."""
        key, each = self.key("measure", turn), self.settings.attempts
        last = each * min(self.settings.problems, len(self.train_problems))
        attempts, verdicts = [attempt for attempt, _ in turn.played], [verdict for _, verdict in turn.played]
        turn.metrics |= self.readings(attempts, verdicts, key)
        turn.metrics |= measure.distance(self.base, attempts[-last:], key)
        turn.metrics |= measure.real_loss(candidate, self.held_out)
        judged = [verdict.score for verdict in verdicts[-last:] if verdict.score is not None]
        if judged:
            mean = float(np.mean(judged))
            turn.say("score", f"{mean:.1%} of the last round's attempts were right" if self.judge is self.gold else
                     f"the judge gives the last round's attempts {mean:.3f} on average")
        elif (reasons := Counter(verdict.error for verdict in verdicts if verdict.error).most_common(1)):
            turn.notes.append(f"no attempt of the last round could be judged: {reasons[0][0]}")
