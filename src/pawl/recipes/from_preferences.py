"""Learning from who likes what: comparisons, a reward model of them, and a policy that learns to please it.

What `rlhf` and `rlaif` share: the stages, and both readings of every policy. Christiano et al. 2017; Stiennon et al.
2020. Not covered: who says what is liked, which is the recipes' own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pawl import measure
from pawl.config import settings
from pawl.errors import ConfigError, TrainingError
from pawl.interfaces import Judge, Prefers, Task, Trainable
from pawl.judges.ensemble import Ensemble
from pawl.judges.orm import OutcomeReward
from pawl.judges.truth import truth
from pawl.keys import permutation, stream
from pawl.loop import Turn
from pawl.meters.turn import Look
from pawl.play import play
from pawl.recipes import settings as shared
from pawl.recipes.alarm_meters import look
from pawl.recipes.algorithms import ALGORITHMS, Round
from pawl.recipes.base_model import make_base, real_data
from pawl.recipes.on_policy import Course, beta_of, check_dials
from pawl.recipes.pipeline import Pipeline
from pawl.recipes.reward_model import Lessons, centre, learn_to_judge, must_beat_chance
from pawl.recipes.settings import Count, Weight
from pawl.recipes.two_readings import Reading, kept, read, seen
from pawl.records import Comparison, Event, Problem, Sampling
from pawl.selection.comparisons import Pair, answered, pairs_to_ask

EVERYTHING = 10**9
"""As a count of problems: all there are."""
REWARD_RATE, CHECKPOINT_RATE = 3e-3, 1e-5
"""Peak step size of a reward model from scratch, and of one that begins as a checkpoint."""
SPARE = 1.2
"""Attempts beyond what is compared: some pairs say the same twice, and nobody can say which is better."""
PATCHED = 4
"""Times that a comparison of an attempt that fooled the reward model counts: there are few of them."""


@settings
class Settings(shared.Settings):
    """What recipes that learn from who likes what have in common."""

    tokenizer: str = "bpe-512"
    """For a model from scratch: `char`, or `bpe-SIZE` for byte-level pairs."""
    depth: Annotated[int, Field(ge=1, le=64)] = 3
    """Size of a model from scratch: layers, each 32 times as wide."""
    base_steps: Count = 300
    """Batches of real text from which a model from scratch becomes the base."""
    batch: Count = 64
    """Texts, or comparisons, in a training batch."""
    comparisons: Annotated[int, Field(ge=20)] = 2000
    """Pairs of the base's attempts that are compared at first; a tenth is kept to measure on."""
    reward_passes: Count = 2
    """Times that a comparison is learnt from."""
    members: Count = 1
    """Reward models, which differ by what they learnt first; of several the worst score counts."""
    algorithm: str = "grpo"
    """How the policy learns: any of those of the recipe rl that are rewarded."""
    generations: Count = 24
    """Of a leg, from the base on."""
    rounds: Count = 4
    """Of play and learning in a generation."""
    problems: Count = 64
    """Train problems attempted in a round."""
    attempts: Annotated[int, Field(ge=2)] = 8
    """Attempts at each of them."""
    learning_rate: Annotated[float, Field(gt=0)] | None = None
    """Peak step size of a generation; none is 0.0003 for a model from scratch and 0.000001 for a checkpoint."""
    max_tokens: Count = 64
    """Longest attempt, in tokens."""
    kl: Weight | tuple[Literal["reverse", "forward", "k3"], Weight] | None = None  # type: ignore[assignment]
    """Weight of the distance to the base in the loss; none is 0, so that the turn is seen. Preferences have 0.1."""
    test_problems: Annotated[int, Field(ge=32)] = 256
    """Held-out problems on which both readings are taken, and as many others for the end."""
    epochs: ClassVar[int] = 1  # type: ignore[misc]
    steps: ClassVar[int] = 1
    clip: ClassVar[tuple[float, float]] = (0.2, 0.2)
    keep: ClassVar[int] = 1  # type: ignore[misc]
    failures: ClassVar[Literal["discard", "relabel"]] = "discard"  # type: ignore[misc]
    replay: ClassVar[int] = 1  # type: ignore[misc]
    start: ClassVar[Literal["champion", "base"]] = "champion"  # type: ignore[misc]
    real_floor: ClassVar[float] = 0.0  # type: ignore[misc]
    gate_problems: ClassVar[int] = 1  # type: ignore[misc]
    alpha: ClassVar[float] = 0.05  # type: ignore[misc]
    stop: ClassVar[tuple[str, ...]] = ()  # type: ignore[misc]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_dials(self)
        if self.algorithm in ("sft", "spin"):
            raise ConfigError(f"algorithm must be one that learns from rewards, got {self.algorithm!r}",
                              hint="grpo, rloo, reinforce, ppo, dpo and others are")

    @property
    def beta(self) -> float:
        """The weight of the distance to the base, settled."""
        return beta_of(self.algorithm, self.kl, held=0.0)

    @property
    def step_size(self) -> float:
        """The policy's learning rate, settled."""
        return self.learning_rate or (1e-6 if self.model else 3e-4)


@dataclass
class Leg:
    """A policy's way from the base on, generation by generation, of which the base is number 0."""

    judge: Judge
    """What it learns from, from `since` on."""
    since: int = 0
    readings: list[Reading] = field(default_factory=list)
    policies: list[str] = field(default_factory=list)
    """Checkpoints."""
    turn: Look | None = None
    """The first look at which the judge was being fooled."""

    @property
    def best(self) -> int:
        """The generation of the highest gold, whatever came before it."""
        return self.golds.index(max(self.golds))

    @property
    def golds(self) -> list[float]:
        """The mean gold of each generation."""
        return [float(np.nanmean(one.gold)) for one in self.readings]

    @property
    def back(self) -> int:
        """The generation to go back to from the turn."""
        assert self.turn is not None
        return self.turn.best

    def again(self, judge: Judge) -> Leg:
        """The way up to there, with another judge from there on."""
        return Leg(judge, self.back, self.readings[: self.back], self.policies[: self.back])


class FromPreferences:
    """The stages, made from settings."""

    name: ClassVar[str]
    """Of the recipe: names its random streams."""
    prefers: Prefers
    """Who says which of two attempts is the better one."""
    source: str
    """What they are."""
    undecided: int = 0
    """Pairs of which they could not say so far."""
    in_log_odds: bool = True
    """Whether the policy learns from its scores' log-odds, which are what a reward model learnt."""

    def __init__(self, settings: Settings, task: Task, line: Pipeline[Trainable]) -> None:
        self.settings, self.task, self.line, self.gold = settings, task, line, truth(task)
        self.train = task.problems("train", EVERYTHING, settings.seed)
        self.metered = task.problems("gate", settings.test_problems, settings.seed)
        if not self.train or not self.metered:
            raise ConfigError(f"task {task.name!r} must have train and gate problems, got {len(self.train)} and "
                              f"{len(self.metered)}")
        self.sampling = Sampling(settings.max_tokens, settings.temperature)
        self.start = line.base(self.begin)
        assert line.ledger.base is not None
        self.base_name = self.start_name = line.ledger.base.checkpoint

    def key(self, *path: int | str) -> int:
        return stream(self.settings.seed, self.name, *path)

    def begin(self, turn: Turn) -> Trainable:
        with turn.stage("base") as watch:
            base, metrics = make_base(self.task, real_data(self.task, self.settings), self.settings, watch)
        turn.metrics |= metrics
        return base

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """What whoever labels says of pairs of attempts by the policy that it starts from. Raises TrainingError where
        that is nothing."""
        count = self.settings.comparisons
        each = 2 * math.ceil(count / len(self.train))
        problems = self.train[: math.ceil(2 * SPARE * count / each)]
        attempts = play(self.start, problems, each, sampling=self.sampling, key=self.key("compared"))
        pairs = pairs_to_ask(attempts, count=count, key=self.key("pairs"))
        if not (said := self.said_of(pairs)):
            raise TrainingError(f"{self.source} must say of some pairs which is better, got nothing of {len(pairs)}",
                                hint="look at the answers where there are no pairs, else at what is replied; then pawl "
                                     "resume")
        return said

    def said_of(self, pairs: Sequence[Pair]) -> list[Comparison]:
        """Comparisons of those pairs of which whoever labels can say which is better."""
        answers = answered(pairs, self.prefers(pairs), source=self.source)
        self.undecided += answers.undecided
        return answers.comparisons

    @property
    def unsaid(self) -> list[str]:
        """What whoever labels did not say so far, in words."""
        return [f"{self.undecided:,} pairs undecided"] if self.undecided else []

    def reward_model(self, fooled: Sequence[Comparison], name: str) -> Judge:
        """A judge that learnt from the first comparisons and from those of what fooled others before it: of several
        members the worst."""
        count = self.settings.members
        names = [f"{name}, member {member}" if count > 1 else name for member in range(1, count + 1)]
        judges = tuple(OutcomeReward(self.line.stage(each, partial(self.learn_to_judge, fooled, each)), name)
                       for each in names)
        return judges[0] if count == 1 else Ensemble(judges, "worst", "logit", name=name)

    def learn_to_judge(self, fooled: Sequence[Comparison], name: str, turn: Turn) -> Trainable:
        settings, model, known = self.settings, self.start.clone(), [*self.comparisons, *fooled]
        lessons = Lessons(settings.reward_passes, settings.batch, CHECKPOINT_RATE if settings.model else REWARD_RATE)
        with turn.stage("train") as watch:
            turn.metrics |= learn_to_judge(model, known, lessons, key=self.key(name), watch=watch, times=[
                PATCHED if place >= len(self.comparisons) else 1 for place in range(len(known))])
            centre(model, [side for one in self.comparisons for side in (one.liked, one.other)])
        must_beat_chance(turn.metrics)
        unsaid = f" ({', '.join(self.unsaid)})" if self.unsaid else ""
        turn.told = (f"{len(known):,} comparisons{unsaid}, {turn.metrics['foreseen']:.1%} of "
                     f"{turn.metrics['foreseen_of']:.0f} that it did not learn from foreseen")
        return model

    def go_on(self, leg: Leg, start: str, name: str, *, stops: bool) -> Leg:
        """From a policy to the last generation or, where it `stops`, to the turn."""
        policy = self.line.open(start)
        leg.readings.append(self.read(policy, leg.judge))
        leg.policies.append(start)
        for number in range(leg.since + 1, self.settings.generations + 1):
            policy = self.line.stage(f"{name}, generation {number}", partial(self.improve, policy, leg.judge, number))
            stage = self.line.ledger.generations()[self.line.asked - 1]
            assert stage.candidate is not None
            leg.policies.append(stage.candidate)
            leg.readings.append(kept([*self.line.ledger.attempts(stage.index)], self.gold, stage.metrics["kl"]))
            found = None if leg.turn else seen(leg.readings[leg.since :], since=leg.since,
                                               looks=self.settings.generations + 1 - leg.since)
            if found is not None and found.state == "fooled":
                leg.turn = found
                self.line.notify(Event("decide", self.line.asked, self.line.stages, message=found.sentence))
                if stops:
                    break
        return leg

    def improve(self, before: Trainable, judge: Judge, number: int, turn: Turn) -> Trainable:
        """A generation of policy gradient on what a judge says; where it cannot go on, the policy is what it was."""
        settings, policy = self.settings, before.clone()

        def played(part: int) -> Round:
            with turn.stage("sample"):
                attempts = play(policy, self.drawn((number - 1) * settings.rounds + part), settings.attempts,
                                sampling=self.sampling, key=self.key("sample", turn.generation, part))
            with turn.stage("score"):
                verdicts = judge(attempts)
            return Round(attempts, verdicts, policy, self.start, in_log_odds=self.in_log_odds)

        with turn.stage("train") as watch:
            try:
                turn.metrics |= Course(ALGORITHMS[settings.algorithm], settings, played).learn(
                    policy, self.start, key=self.key("learn", turn.generation), watch=watch).losses
            except TrainingError as error:
                policy, failed = before.clone(), f"; it learnt nothing: {error}"
            else:
                failed = ""
        with turn.stage("gate"):
            reading = self.read(policy, judge)
            turn.metrics |= measure.parameter_change(policy, before)
            turn.metrics |= measure.sampler_gap(policy, reading.attempts, self.key("gap", turn.generation))
        turn.played += zip(reading.attempts, reading.verdicts, strict=True)
        turn.told, turn.notes = f"{reading.in_words}{failed}", reading.fooling
        for alarm in look(turn, reading.attempts, reading.verdicts, self.measured_before()):
            turn.warn(alarm)
        turn.metrics |= reading.metrics
        return policy

    def measured_before(self) -> list[measure.Metrics]:
        """By the generations of policies so far."""
        return [row.metrics for row in self.line.ledger.generations() if "parameter_change" in row.metrics]

    def drawn(self, number: int) -> list[Problem]:
        """The problems of a round of a leg."""
        order = permutation(self.key("draw", number), len(self.train))
        return [self.train[place] for place in order[: self.settings.problems]]

    def read(self, policy: Trainable, judge: Judge) -> Reading:
        """Both readings. Raises TrainingError where the judge says nothing at all, as one does that is down: the run
        can go on later from here."""
        reading = read(policy, self.start, self.metered, judge, self.gold, sampling=self.sampling,
                       key=self.key("measure"))
        if not np.isfinite(reading.proxy).any():
            raise TrainingError(f"a judge must score some attempts, got none of {len(reading.attempts)} scored "
                                f"({reading.verdicts[0].error})", hint="look at what it replies, then pawl resume")
        return reading

    def best_of_all(self, legs: Sequence[Leg]) -> Leg:
        """The leg with the generation of the highest gold, which becomes the run's best policy."""
        leg = max(legs, key=lambda one: max(one.golds))

        def chosen(turn: Turn) -> Trainable:
            turn.told = f"generation {leg.best} of its leg, gold {max(leg.golds):.3f}"
            return self.line.open(leg.policies[leg.best])

        self.line.stage("best of all", chosen, plays=True)
        return leg

    def worth(self, name: str, problems: Sequence[Problem]) -> NDArray[np.float64]:
        """[P] gold of a policy's attempts."""
        attempts = play(self.line.open(name), problems, 1, sampling=self.sampling, key=self.key("test"))
        return np.array([np.nan if one.score is None else one.score for one in self.gold(attempts)], np.float64)


def rate(gold: NDArray[np.float64]) -> dict[str, Any]:
    """As other recipes tell it; of graded scores their mean."""
    gold = gold[~np.isnan(gold)]
    half = 1.96 * float(gold.std(ddof=1)) / len(gold)**0.5
    return {"pass@1": float(gold.mean()), "ci": [float(gold.mean()) - half, float(gold.mean()) + half], "pass@8": None}


def gain(gold: NDArray[np.float64], other: NDArray[np.float64]) -> dict[str, Any]:
    """Of one over another on the same problems."""
    apart = (gold - other)[~np.isnan(gold - other)]
    half = 1.96 * float(apart.std(ddof=1)) / len(apart)**0.5
    return {"gain": float(apart.mean()), "gain_ci": [float(apart.mean()) - half, float(apart.mean()) + half]}
