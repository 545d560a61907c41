"""RLAIF, or a constitution: a critic revises by written principles, then says by them which of two answers is better.

Bai et al. 2022, "Constitutional AI: harmlessness from AI feedback": first the policy's answers are criticised and
revised, each round by a principle drawn by chance, and it learns the revisions; then pairs of its answers are compared
by the same principles, a reward model learns from that, and the policy learns to please it, as in `rlhf`. With
`feedback = "direct"` there is no reward model: the critic's number for each answer is the reward (Lee et al. 2023,
d-RLAIF). Gold, from which nothing learns, is read beside the critic all the way.

The critic is a language model: at an endpoint, from a checkpoint, or the policy itself. A task may bring one of its
own, so that all of it can be seen on a laptop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pawl.config import settings
from pawl.errors import ConfigError, TrainingError
from pawl.interfaces import Critic, Criticised, Task, Trainable
from pawl.judges.asks import Asked
from pawl.judges.critic import ByPrinciples, LanguageCritic
from pawl.judges.endpoint import Endpoint, EndpointAsker
from pawl.judges.policy_asker import PolicyAsker
from pawl.keys import permutation, row_keys, uniforms
from pawl.ledger import Ledger
from pawl.loop import Turn
from pawl.models.opening import open_policy
from pawl.play import play
from pawl.recipes import from_preferences
from pawl.recipes.from_preferences import FromPreferences, Leg, gain, rate
from pawl.recipes.pipeline import Pipeline
from pawl.recipes.revisions import Rated, must_be_revised, put_better, rated, rounds_of, shown, with_revisions
from pawl.recipes.settings import Count
from pawl.recipes.two_readings import points, row
from pawl.records import Attempt, Event, Revision
from pawl.report import write_whole
from pawl.run_directory import RunDirectory
from pawl.selection.comparisons import Pair

TASK: str | None = "stories"
PRINCIPLES = "principles.txt"
"""In the run's directory: those that it began with, so that a file that is edited meanwhile does not mix two."""
CRITIQUE = 512
"""Tokens of a critique, at most: one that is cut off counts for nothing, and answers may be short."""


@settings
class Settings(from_preferences.Settings):
    """Every key of the recipe."""

    principles: str = ""
    """File of written principles, a line each, of which the run keeps a copy; none takes those of the task."""
    critic: tuple[str, ...] = ()
    """Who criticises, compares and rates: the address of an endpoint and its model (http://localhost:8000/v1,NAME), a
    checkpoint, or `self`, the base itself; none takes the critic of the task."""
    revisions: Annotated[int, Field(ge=0)] = 3
    """Rounds of critique and revision before the first reward; with 0 there is nothing to learn from them."""
    revised: Count = 1024
    """Answers that are revised, each to another problem if there are so many."""
    feedback: Literal["preferences", "direct"] = "preferences"
    """Whether a reward model learns the critic's preferences, or its number for each answer is the reward."""
    generations: Count = 16
    """Of policy gradient, after the revisions."""
    reward_passes: ClassVar[int] = 2  # type: ignore[misc]


def run(settings: Settings, task: Task, directory: RunDirectory, ledger: Ledger,
        notify: Callable[[Event], None]) -> dict[str, Any]:
    """The whole experiment, from wherever the ledger says that it stopped. Returns what `pawl run --json` prints."""
    direct = settings.feedback == "direct"
    line = Pipeline(directory, ledger, notify, stages=bool(settings.revisions) + (0 if direct else settings.members)
                    + settings.generations + 1,
                    load=partial(open_policy, device=settings.device, dtype=settings.dtype))
    principles = written(settings, task, directory.path / PRINCIPLES)
    with critic_of(settings, task, line) as critic:
        parts = RLAIF(settings, task, line, critic, principles)
        if settings.revisions:
            parts.begin_with(line.stage("revisions", parts.revise, plays=True))
        judge = ByPrinciples(critic, principles) if direct else parts.reward_model([], "reward model")
        leg = parts.go_on(Leg(judge), parts.start_name, settings.feedback, stops=False)
        parts.best_of_all((leg,))
        return line.finish(lambda: parts.result(leg), task.name, settings.seed)


def written(settings: Settings, task: Task, kept: Path) -> tuple[str, ...]:
    """The principles, which from the first time on are those that were kept. Raises ConfigError where there are
    none."""
    if not settings.principles:
        own = [one for one in task.principles if one.strip()] if isinstance(task, Criticised) else []
        if not own:
            raise ConfigError(f"task {task.name!r} has no principles of its own, principles must name a file of them",
                              hint="a line each, as in: Say nothing that is not so.")
        return tuple(own)
    source = kept if kept.exists() else Path(settings.principles)
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # no text, or no path
        raise ConfigError(f"principles must be a file of text, got {str(source)!r}: {error}") from error
    found = tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not found:
        raise ConfigError(f"principles must be written a line each, got none in {str(source)!r}")
    if source is not kept:
        write_whole(text, kept)
    return found


@contextmanager
def critic_of(settings: Settings, task: Task, line: Pipeline[Trainable]) -> Iterator[Critic]:
    """Who is asked; what an endpoint replied is kept in the run's directory and never asked twice. Raises
    ConfigError."""
    match settings.critic:
        case ():
            if not isinstance(task, Criticised):
                raise ConfigError(f"task {task.name!r} has no critic of its own, critic must name one",
                                  hint="an endpoint and its model, as http://HOST/v1,NAME; a checkpoint; self")
            yield task.critic()
        case (address, model):
            with EndpointAsker(Endpoint(base_url=address, model=model),
                               cache=line.directory.path / "replies.db") as asks:
                yield LanguageCritic(asks, max_tokens=settings.max_tokens, critique_tokens=CRITIQUE, name=model)
        case (name,) if source := settings.model if name == "self" else name:
            policy = open_policy(source, device=settings.device, dtype=settings.dtype)
            yield LanguageCritic(PolicyAsker(policy, seed=settings.seed), max_tokens=settings.max_tokens,
                                 critique_tokens=min(CRITIQUE, policy.context // 4), name=name)
        case _:
            raise ConfigError(f"critic must be an address and a model, a checkpoint, or self beside a model, got "
                              f"{','.join(settings.critic)!r}", hint="a model from scratch follows no instructions")


class RLAIF(FromPreferences):
    """The stages, made from settings."""

    name = "rlaif"
    settings: Settings

    def __init__(self, settings: Settings, task: Task, line: Pipeline[Trainable], critic: Critic,
                 principles: Sequence[str]) -> None:
        super().__init__(settings, task, line)
        self.critic, self.principles, self.source = critic, principles, critic.name
        self.prefers, self.in_log_odds = self.compare, settings.feedback == "preferences"
        self.judge = ByPrinciples(critic, principles)

    def begin_with(self, policy: Trainable) -> None:
        """From here on this policy is what others are held by and compared with."""
        stage = self.line.ledger.generations()[self.line.asked - 1]
        assert stage.candidate is not None
        self.start, self.start_name = policy, stage.candidate

    def compare(self, pairs: Sequence[Pair]) -> list[bool | None]:
        """What the critic says of each pair by a principle drawn by chance; by the next one, where that does not tell
        them apart."""
        names = [f"{one.problem.id} {one.completion.text} {other.completion.text}" for one, other in pairs]
        first, said = self.which(names, "pairs"), list[bool | None]([None] * len(pairs))
        for turn in range(len(self.principles)):
            if not (left := [place for place, one in enumerate(said) if one is None]):
                break
            those = [self.principles[(first[place] + turn) % len(self.principles)] for place in left]
            before, heard = self.asked, self.critic.prefers([pairs[place] for place in left], those)
            self.must_be_heard(before)
            for place, one in zip(left, heard, strict=True):
                said[place] = one
        return said

    @property
    def asked(self) -> Asked:
        """What a language model was asked so far; of other critics nothing is known."""
        return self.critic.asked if isinstance(self.critic, LanguageCritic) else Asked()

    @property
    def unsaid(self) -> list[str]:
        """As of whoever labels, and the questions to which a language model did not reply."""
        silent = f"{self.asked.unanswered:,} of {self.asked.questions:,} questions unanswered"
        return super().unsaid + [silent] * bool(self.asked.unanswered)

    def must_be_heard(self, before: Asked, why: str | None = None) -> None:
        """Raises TrainingError where most of what was asked since then stayed unanswered: the run can go on later."""
        questions, silent = (getattr(self.asked, name) - getattr(before, name) for name in ("questions", "unanswered"))
        if 2 * silent > questions:
            raise TrainingError(f"a critic must reply to half of what it is asked or more, got {silent:,} of "
                                f"{questions:,} questions unanswered{f' ({why})' if why else ''}",
                                hint="look at why; what was replied is kept, and pawl resume asks the rest again")

    def which(self, names: Sequence[str], *path: int | str) -> list[int]:
        """A principle for each name, by chance."""
        luck = uniforms(row_keys(self.key("principle", *path), names, 1)[:, 0], 0)
        return [int(share * len(self.principles)) for share in luck]

    def revise(self, turn: Turn) -> Trainable:
        """A policy that learnt its own answers as they were after rounds of critique and revision."""
        settings = self.settings
        with turn.stage("sample"):
            answers = self.first_answers()
        rounds, revisions = [self.rated(answers, ())], list[Revision]()
        for number in range(1, settings.revisions + 1):
            with turn.stage("score"):
                which = self.which([f"{one.problem.id} {one.index}" for one in answers], "revise", number)
                before = self.asked
                revisions = self.critic.revise(answers, [self.principles[place] for place in which])
                self.must_be_heard(before, next((one.error for one in revisions if one.error), None))
                answers = [put_better(one, self.start) for one in revisions]
                rounds.append(self.rated(answers, revisions))
            turn.notes += shown(revisions)
            turn.say("score", rounds[-1].in_words)
        learnt = must_be_revised(answers, revisions)
        for number, one in enumerate(rounds):
            turn.metrics |= one.metrics(number)
        with turn.stage("train") as watch:
            policy, losses = with_revisions(self.start, learnt, settings, key=self.key("learn revisions"), watch=watch)
        turn.metrics |= losses
        turn.played += zip(answers, self.gold(answers), strict=True)
        turn.told = f"{len(learnt):,} of {len(answers):,} answers revised; {rounds[-1].in_words}"
        return policy

    def first_answers(self) -> list[Attempt]:
        """Those that are revised. Raises TrainingError where there are none."""
        count, order = self.settings.revised, permutation(self.key("revised"), len(self.train))
        problems = [self.train[place] for place in order[:count]]
        attempts = play(self.start, problems, -(-count // len(problems)), sampling=self.sampling,
                        key=self.key("first answers"))
        answers = [one for one in attempts if one.error is None][:count]
        if not answers:
            raise TrainingError(f"the base must answer some problems, got none of {len(attempts)} "
                                f"({attempts[0].error})", hint="its context must have room for prompts and max_tokens")
        return answers

    def rated(self, answers: Sequence[Attempt], revisions: Sequence[Revision]) -> Rated:
        return rated(answers, revisions, self.judge, self.gold)

    def result(self, leg: Leg) -> dict[str, Any]:
        """The revisions, the way from there on, and what policies are worth on problems that nobody looked at."""
        problems = self.task.problems("test", self.settings.test_problems, self.settings.seed)
        last = len(leg.policies) - 1
        worth = {said: self.worth(name, problems) for said, name in {
            "the base": self.base_name, "after the revisions": self.start_name,
            f"after generation {leg.best}, the best": leg.policies[leg.best],
            f"after generation {last}, the last": leg.policies[last]}.items()}
        base, revised, best, end = worth.values()
        if not self.settings.revisions:
            del worth["after the revisions"]
        return {
            "base": rate(base), "final": rate(best),
            "advice": {self.settings.feedback: [row(number, point)
                                                for number, point in enumerate(points(leg.readings))]},
            "revisions": rounds_of(self.line.ledger.generations()[0].metrics),
            "principles": list(self.principles), "critic": self.critic.name,
            "advised": [{"policy": said, **rate(gold), **gain(gold, base)} for said, gold in worth.items()],
            "turn": None if leg.turn is None else {"generation": leg.turn.generation, "best": leg.turn.best,
                                                   "sentence": leg.turn.sentence},
            "sentence": in_words(leg, (base, revised, best, end), self.settings.revisions),
        }


def in_words(leg: Leg, golds: Sequence[NDArray[np.float64]], revisions: int) -> str:
    """What revisions, where there were any, and rewards brought, and whether the critic was fooled."""
    base, revised, best, last = (float(np.nanmean(gold)) for gold in golds)
    more, turned = gain(golds[2], golds[0]), ""
    low, high = more["gain_ci"]
    if leg.turn is not None:
        turned = f" It was being fooled from generation {leg.turn.best} on: at the end gold was {last:.3f}."
    by_revisions = f"to {revised:.3f} with revisions and " if revisions else ""
    return (f"By the critic's word gold went from {base:.3f} {by_revisions}to {best:.3f} with rewards, by "
            f"{more['gain']:+.3f} [{low:+.3f}, {high:+.3f}].{turned}")
