"""Judges by name: reward functions of TRL, verl, verifiers, OpenRLHF and reasoning-gym as they are, and one's own.

    trl:my_module:reward             a reward function of GRPOTrainer, or a list of them; so is my_module:a,my_module:b
    verl:my_module:compute_score     the score of a reward manager
    verifiers:my_module:reward       a reward function, a rubric, an environment, or a class of tasks with @vf.reward
    openrlhf:my_module:reward_func   a reward function of OpenRLHF
    reasoning-gym:chain_sum          a data set's own scorer; reasoning-gym:my_module:scorer is yours
    my_module:judge                  a judge of Pawl, a function (problem, answer) -> score, or a task
    name                             a judge that a package offers in the group pawl.judges

`pawl.judges.formats` has what each is given of an attempt, `pawl.judges.reward` what becomes of one that fails.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from pawl import plugins
from pawl.config import settings
from pawl.errors import ConfigError, UnknownNameError
from pawl.interfaces import Task
from pawl.judges.formats import Form, name_of, one_by_one, openrlhf, parameters_of, reasoning_gym, trl, verl
from pawl.judges.reward import NoReward, Reward, RewardJudge
from pawl.judges.verifiers_format import verifiers
from pawl.records import Attempt

FORMATS = ("openrlhf", "reasoning-gym", "trl", "verifiers", "verl")
TELLING = {"completions": "trl", "solution_str": "verl", "solution_strs": "verl", "completion": "verifiers",
           "trace": "verifiers", "queries": "openrlhf", "entry": "reasoning-gym"}
"""Arguments by which a function's format is known, if it takes no problem."""

Range = tuple[float, float]


@settings
class Judging:
    """Which judge a policy learns from, and how it is asked."""

    judge: str | None = None
    """What scores attempts in training: trl:my_module:reward, or any other form of `pawl.judges.adapters`; none is the
    truth. The gate and the meters ask the truth in any case."""
    judge_range: Range | None = None
    """What scores 0 and what scores 1; 0,1 for each function when left out."""
    judge_weights: tuple[float, ...] | None = None
    """Of several functions, in their order."""
    judge_form: Form = "auto"
    """Whether functions of TRL get text or messages; auto does as the prompt is."""
    judge_credit: bool = False
    """Whether a reasoning-gym scorer's credit for parts counts."""
    judge_seconds: Annotated[float, Field(gt=0)] = 10.0
    """What a call may take."""

    def made(self) -> RewardJudge | None:
        """The judge that is named, if one is. Raises what `judge_named` raises."""
        if self.judge is None:
            return None
        return judge_named(self.judge, judge_range=self.judge_range, weights=self.judge_weights, form=self.judge_form,
                           partial_credit=self.judge_credit, time_limit=self.judge_seconds)


def judge_named(spec: str, *, judge_range: Range | None = None, weights: Sequence[float] | None = None,
                form: Form = "auto", partial_credit: bool = False, time_limit: float = 10.0) -> RewardJudge:
    """The judge that a name means (the forms stand above), found and looked at; nothing is asked of it yet.

    `judge_range` is what scores 0 and what scores 1; without it every function is taken to lie in [0, 1], so that the
    sum of several lies between the sums of the negative and of the positive `weights`, 1 each where none are given.
    `form` gives functions of TRL prompts and completions as text or as messages, whatever the problem has. What a
    scorer of reasoning-gym gives less than 1 is 0; with `partial_credit` it counts, which guesses get, too.
    `time_limit` in seconds for a call.

    Raises UnknownNameError, naming the nearest, for an unknown format or judge, what `plugins.load` raises, and
    ConfigError for what is no reward function.
    """
    if form not in (forms := ("auto", "text", "messages")):
        raise UnknownNameError("form", form, forms)
    rewards = _rewards(spec, form=form, partial_credit=partial_credit)
    if weights is not None:
        if len(weights) != len(rewards):
            raise ConfigError(f"weights must be one for each of {len(rewards)} reward functions, got {len(weights)}")
        rewards = [replace(reward, weight=float(weight)) for reward, weight in zip(rewards, weights, strict=True)]
    heavy = [reward.weight for reward in rewards]
    if not all(map(math.isfinite, heavy)) or not any(heavy):
        raise ConfigError(f"weights must be numbers, one of them other than 0, got {heavy}")
    low, high = judge_range or (sum(min(one, 0.0) for one in heavy), sum(max(one, 0.0) for one in heavy))
    return RewardJudge(spec, tuple(rewards), low, high, time_limit)


def names_format(spec: str) -> bool:
    """Whether a name begins with a format, so that it is no `module:name`."""
    head, colon, rest = spec.partition(":")
    return bool(colon) and (_format(head) in FORMATS or ":" in rest)


def _format(head: str) -> str:
    return head.replace("_", "-")


def _rewards(spec: str, *, form: Form, partial_credit: bool) -> list[Reward]:
    head, _, rest = spec.partition(":")
    if not names_format(spec):
        return [own(plugins.find("judges", spec), spec)]
    made: dict[str, Callable[[Any], list[Reward]]] = {
        "trl": lambda one: [trl(_function(one), form=form)],
        "verl": lambda one: [verl(_function(one))],
        "openrlhf": lambda one: [openrlhf(_function(one))],
        "verifiers": verifiers,
        "reasoning-gym": lambda one: [reasoning_gym(one, partial_credit=partial_credit)],
    }
    if _format(head) not in made:
        raise UnknownNameError("format of reward functions", head, FORMATS)
    if _format(head) == "reasoning-gym" and ":" not in rest:
        return [_data_set(rest, partial_credit)]
    return [reward for one in _parts(map(plugins.load, rest.split(","))) for reward in made[_format(head)](one)]


def _parts(loaded: Iterable[Any]) -> Iterable[Any]:
    """Functions one by one, where lists of them were named."""
    for one in loaded:
        yield from one if isinstance(one, (list, tuple)) else [one]


def _function(given: Any) -> Callable[..., Any]:
    if not callable(given) or isinstance(given, type):
        raise ConfigError(f"a reward function must be a function, got {given!r}")
    function: Callable[..., Any] = given
    return function


def _data_set(name: str, partial_credit: bool) -> Reward:
    """A data set's scorer as the task `reasoning` asks it: one that would evaluate an answer sees plain formulas only.

    A scorer gives 0 to what it cannot read, an entry of another data set included. It is believed about a problem whose
    known answer it finds right.
    """
    task: Task = plugins.find("tasks", "reasoning")(dataset=name, strict=not partial_credit)
    known: dict[tuple[str, str], bool] = {}

    def score(attempt: Attempt) -> Any:
        problem = attempt.problem
        if problem.answer is not None:
            key = problem.id, problem.answer
            if key not in known:
                known[key] = task.score(problem, problem.answer) == 1
            if not known[key]:
                return NoReward(f"must find the known answer right, which it does not: is this a problem of {name}?")
        return task.score(problem, attempt.completion.text)

    return one_by_one(task.score, score)


def own(part: Any, name: str) -> Reward:
    """A judge of Pawl, a function (problem, answer) -> score, or a task, as a reward of one. Raises ConfigError."""
    if isinstance(part, type):
        raise ConfigError(f"a judge must be made, got the class {name}", hint="name what it makes, or a function")
    if hasattr(part, "problems") and hasattr(part, "score"):
        part = part.score
    named = parameters_of(_function(part))
    for argument, kind in TELLING.items():
        if argument in named and "problem" not in named:
            raise ConfigError(f"a judge must take attempts, or problem and answer, got {name}, which takes {argument}",
                              hint=f"was it written for {kind}? then name it {kind}:{name}")
    needed = [one for one in named.values() if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL,
                                                                                         one.VAR_KEYWORD)]
    match len(needed):
        case 1:
            return Reward(name_of(part), lambda attempts, _: part(attempts), "all")
        case 2:
            return one_by_one(part, lambda attempt: part(attempt.problem, attempt.completion.text))
    raise ConfigError(f"a judge must take attempts, or problem and answer, got {name}, which takes {len(needed)}")
