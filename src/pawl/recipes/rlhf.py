"""RLHF, and the moment it cheats: comparisons, a reward model, policy gradient, and labels where it was fooled.

Ziegler et al. 2019, Stiennon et al. 2020 and Ouyang et al. 2022, with two readings of every policy: what the reward
model says, and gold, which nothing learns from (Gao, Schulman and Hilton 2022). One leg goes on whatever happens, so
that the turn can be seen: gold falls while the reward model is more and more pleased. The other stops when the meter
sees it, has attempts that fooled the reward model compared by whoever labels, teaches a new reward model, and goes on
from the generation that was best; until the budget of labels is spent. What a label bought is said at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from pawl.config import settings
from pawl.errors import ConfigError
from pawl.interfaces import Task, Trainable
from pawl.keys import permutation
from pawl.labels import Person
from pawl.ledger import Ledger
from pawl.meters.hacking import fit_in_words
from pawl.models.opening import open_policy
from pawl.play import play
from pawl.recipes import from_preferences
from pawl.recipes.from_preferences import FromPreferences, Leg, gain, rate
from pawl.recipes.pipeline import Pipeline
from pawl.recipes.reward_model import by_score, rewards
from pawl.recipes.settings import Count, Weight
from pawl.recipes.two_readings import fit_of, points, row
from pawl.records import Comparison, Event
from pawl.run_directory import RunDirectory
from pawl.selection.comparisons import Pair

TASK: str | None = "stories"
POOL = 4
"""Attempts, for each label, among which those are looked for that fooled it most."""


@settings
class Settings(from_preferences.Settings):
    """Every key of the recipe."""

    labeller: Literal["truth", "person"] = "truth"
    """Who compares: the task's score, or a person, for whom the run stops until `pawl label` has asked."""
    noise: Weight = 0.0
    """Difference of scores at which whoever compares says the opposite in 27% of cases."""
    labels: Annotated[int, Field(ge=0)] = 200
    """Comparisons, at most, of attempts that fooled the reward model."""
    patch: Count = 100
    """Of them at one turn."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.labels < self.patch:
            raise ConfigError(f"labels must be 0, or enough for one patch of {self.patch}, got {self.labels}",
                              hint=f"--patch {self.labels}")


def run(settings: Settings, task: Task, directory: RunDirectory, ledger: Ledger,
        notify: Callable[[Event], None]) -> dict[str, Any]:
    """The whole experiment, from wherever the ledger says that it stopped. Returns what `pawl run --json` prints."""
    legs = 2 if settings.labels else 1
    line = Pipeline(directory, ledger, notify, stages=legs * (settings.members + settings.generations) + 1,
                    load=partial(open_policy, device=settings.device, dtype=settings.dtype))
    parts = RLHF(settings, task, line)
    judge = parts.reward_model([], "reward model")
    free = parts.go_on(Leg(judge), parts.start_name, "free", stops=False)
    leg, said, labels = free, list[Comparison](), 0
    for patch in range(1, settings.labels // settings.patch + 1):
        if leg.turn is None:
            break
        pairs = parts.fooling(leg, patch)
        labels += len(pairs)
        said += parts.said_of(pairs)
        judge = parts.reward_model(said, f"patch {patch}")
        leg = parts.go_on(leg.again(judge), leg.policies[leg.back], f"patched {patch}", stops=True)
    best = parts.best_of_all((free, leg))
    return line.finish(lambda: parts.result(free, leg, best, labels), task.name, settings.seed)


class RLHF(FromPreferences):
    """The stages, made from settings."""

    name = "rlhf"
    settings: Settings

    def __init__(self, settings: Settings, task: Task, line: Pipeline[Trainable]) -> None:
        super().__init__(settings, task, line)
        self.source = settings.labeller
        self.prefers = (Person(line.directory.path) if settings.labeller == "person"
                        else by_score(self.gold, noise=settings.noise, key=self.key("labels")))

    def fooling(self, leg: Leg, patch: int) -> list[Pair]:
        """The attempts that please the judge most at the turn, each beside one of the generation to go back to, at the
        same problem."""
        assert leg.turn is not None
        count, order = self.settings.patch, permutation(self.key("patch", patch), len(self.train))
        problems = [self.train[place] for place in order[: POOL * count]]
        last, best = (play(self.line.open(leg.policies[number]), problems, 1, sampling=self.sampling,
                           key=self.key("fooled", patch, number)) for number in (leg.turn.generation, leg.back))
        pleased = np.argsort(-np.nan_to_num(rewards(leg.judge, last), nan=-np.inf), kind="stable")[:count]
        return [(last[place], best[place]) for place in pleased]

    def result(self, free: Leg, patched: Leg, best: Leg, labels: int) -> dict[str, Any]:
        """Both legs, and what their best generations are worth on problems that nobody looked at; `best` is the one
        with the run's best policy."""
        problems = self.task.problems("test", self.settings.test_problems, self.settings.seed)
        worth = {name: self.worth(policy, problems) for name, policy in (
            ("base", self.base_name), ("free", free.policies[free.best]), ("last", free.policies[-1]),
            ("patched", patched.policies[patched.best]))}
        legs = {"free": free} | ({"patched": patched} if patched is not free else {})
        fit = fit_of(free.readings)
        return {
            "base": rate(worth["base"]), "final": rate(worth["free" if best is free else "patched"]),
            "legs": {name: [row(number, point) for number, point in enumerate(points(leg.readings))]
                     for name, leg in legs.items()},
            "golds": [{"policy": said, **rate(worth[name]), **gain(worth[name], worth["free"])} for name, said in (
                ("base", "the base"), ("free", f"unpatched, generation {free.best}, its best"),
                ("last", f"unpatched, generation {len(free.policies) - 1}, its last"),
                ("patched", f"patched, generation {patched.best}, its best")) if name != "patched" or labels],
            "turn": None if free.turn is None else {"generation": free.turn.generation, "best": free.turn.best,
                                                    "sentence": free.turn.sentence},
            "fit": None if fit is None else fit_in_words(fit), "labels": labels,
            "sentence": in_words(free, worth, labels),
            "truth_bits": {"person": float(len(self.comparisons) + labels)},
        }


def in_words(free: Leg, worth: dict[str, NDArray[np.float64]], labels: int) -> str:
    """Where gold turned, what patching brought, and what a label bought."""
    said = "Gold did not turn while the reward model was more and more pleased."
    if free.turn is not None:
        said = (f"The reward model was being fooled from generation {free.turn.best} on: it was pleased more by "
                f"{free.turn.rise:.2f} while gold fell by {free.turn.fall:.2f}.")
    if not labels:
        return said
    more = gain(worth["patched"], worth["free"])
    low, high = more["gain_ci"]
    return (f"{said} {labels} labels of what fooled it moved the best gold from {np.nanmean(worth['free']):.3f} to "
            f"{np.nanmean(worth['patched']):.3f}, by {more['gain']:+.3f} [{low:+.3f}, {high:+.3f}]: "
            f"{more['gain'] / labels * 100:+.3f} for a hundred labels.")
