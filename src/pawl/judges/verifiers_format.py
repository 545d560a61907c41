"""Rewards written for verifiers: functions and rubrics (until 0.1), and `@vf.reward` of tasks (from 0.2).

A function gets what its arguments name (`pawl.judges.formats` has the table), as a rubric gives it: messages, and a
parser. Rewards of a rubric or a task are summed by the weights that they were given there. verifiers counts a function
that raises as 0; here the attempt goes without a score. Not covered: judges that a task's configuration plugs in.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pawl.errors import ConfigError
from pawl.judges.formats import (
    GROUP_NAMES,
    Fields,
    as_messages,
    call_by_name,
    columns,
    name_of,
    one_by_one,
    parameters_of,
    then,
)
from pawl.judges.reward import Reward
from pawl.records import Attempt, Problem

TASK_MARK, WEIGHT_MARK = "reward", "_vf_weight"
"""What `@vf.reward` leaves on a function."""
PLURAL = {"prompt": "prompts", "completion": "completions", "answer": "answers", "state": "states", "task": "tasks",
          "info": "infos"}


class PlainParser:
    """What verifiers' plain parser does: the last reply as it is."""

    def parse(self, text: str) -> str:
        return text

    def parse_answer(self, completion: Any) -> str | None:
        if isinstance(completion, str):
            return completion
        replies = self.get_assistant_messages(completion)
        return replies[-1]["content"] if replies else None

    def get_assistant_messages(self, completion: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
        return [message for message in completion if message["role"] == "assistant"]


def verifiers(given: Any) -> list[Reward]:
    """The reward functions of a function, a rubric, an environment, its `load_environment`, or a class of tasks.

    Those of weight 0, which are metrics, are left out. Raises ConfigError where there is none.
    """
    if isinstance(given, type):
        return _of_task(given)
    if getattr(given, TASK_MARK, False) is True:
        return [_of_function(given)]
    if name_of(given) == "load_environment":
        given = given()
    rewards = [_of_rubric(*one) for one in _rubric_functions(getattr(given, "rubric", given)) if one[1] != 0]
    if not rewards:
        raise ConfigError(f"verifiers must be given a reward function or what holds some, got {given!r}")
    return rewards


def _rubric_functions(rubric: Any) -> Iterator[tuple[Callable[..., Any], float, Mapping[str, Any]]]:
    """Each function of a rubric, or of a group of them, with its weight and what else it may name."""
    for one in getattr(rubric, "rubrics", ()):
        yield from _rubric_functions(one)
    if hasattr(rubric, "funcs"):
        held = dict(getattr(rubric, "class_objects", {})) or {"parser": getattr(rubric, "parser", PlainParser())}
        for function, weight in zip(rubric.funcs, rubric.weights, strict=True):
            yield function, float(weight), held
    elif callable(rubric):
        yield rubric, 1.0, {"parser": PlainParser()}


def _of_rubric(function: Callable[..., Any], weight: float, held: Mapping[str, Any]) -> Reward:
    if not GROUP_NAMES & parameters_of(function).keys():
        return one_by_one(function, lambda attempt: call_by_name(function, {**_row(attempt), **held}), weight)

    def ask(attempts: Sequence[Attempt], _: float) -> Any:
        rows = [_row(attempt) for attempt in attempts]
        plural = {many: [row[name] for row in rows] for name, many in PLURAL.items()}
        return call_by_name(function, {**plural, **held})

    return Reward(name_of(function), ask, alone=False, weight=weight)


def _row(attempt: Attempt) -> dict[str, Any]:
    """What a rubric knows of one rollout."""
    problem, data = attempt.problem, attempt.problem.data
    named = {"prompt": [Fields(message) for message in as_messages(problem.prompt)],
             "completion": [Fields(role="assistant", content=attempt.completion.text)],
             "answer": problem.answer or "", "info": data.get("info", dict(data)), "task": data.get("task", "default")}
    state = named | {"id": problem.id, "trajectory": [], "is_completed": True,
                     "is_truncated": attempt.completion.finish == "length", "metrics": {}, "timing": {}}
    return {"id": problem.id} | dict(data) | named | {"state": Fields(state)}


def _of_task(kind: Any) -> list[Reward]:
    """The rewards of a class of tasks, by the weights that they have there."""
    marked = [name for name in dir(kind) if getattr(getattr(kind, name), TASK_MARK, False) is True]
    if not marked:
        raise ConfigError(f"a class for verifiers must have a method with @vf.reward, got {kind.__name__} without")
    make = _data_maker(kind)

    def reward(name: str) -> Reward:
        def ask(attempt: Attempt) -> Any:
            data = make(attempt.problem)
            return _asked(getattr(kind(data), name), data, _trace(data, attempt, kind))

        return _of_trace(getattr(kind, name), ask)

    return [reward(name) for name in marked]


def _of_function(function: Callable[..., Any]) -> Reward:
    """A function marked with `@vf.reward` that stands by itself."""
    make = _data_maker(None)

    def ask(attempt: Attempt) -> Any:
        data = make(attempt.problem)
        return _asked(function, data, _trace(data, attempt, None))

    return _of_trace(function, ask)


def _of_trace(function: Callable[..., Any], ask: Callable[[Attempt], Any]) -> Reward:
    """A reward that sees a trace. Raises ConfigError where it needs a runtime, too."""
    runtime = parameters_of(function).get("runtime")
    if runtime is not None and runtime.default is inspect.Parameter.empty:
        raise ConfigError(f"a reward must do without a runtime, which a judge does not have, got {name_of(function)}")
    return one_by_one(function, ask, float(getattr(function, WEIGHT_MARK, 1.0)))


def _asked(function: Callable[..., Any], data: Any, trace: Any) -> Any:
    return then(call_by_name(function, {"task": data, "trace": trace}), _sum)


def _sum(given: Any) -> Any:
    """A reward, or the sum of those that come with keys."""
    return sum(given.values()) if isinstance(given, Mapping) else given


def _data_maker(kind: Any) -> Callable[[Problem], Any]:
    """Makes a problem the data of a class of tasks, whose own fields it fills from the columns."""
    data = kind.data_type() if kind is not None else _v1("task").WireTaskData

    def make(problem: Problem) -> Any:
        named = columns(problem) | {"prompt": problem.prompt if isinstance(problem.prompt, str)
                                    else as_messages(problem.prompt)}
        known = named if kind is None else {name: value for name, value in named.items() if name in data.model_fields}
        return data.model_validate(known)

    return make


def _trace(data: Any, attempt: Attempt, kind: Any) -> Any:
    """A trace of one prompt and one reply."""
    trace, graph, types = _v1("trace"), _v1("graph"), _v1("types")
    roles = {"system": types.SystemMessage, "user": types.UserMessage, "assistant": types.AssistantMessage}
    said = [roles[one["role"]](content=one["content"]) for one in as_messages(attempt.problem.prompt)]
    messages = [*said, types.AssistantMessage(content=attempt.completion.text)]
    nodes = [graph.MessageNode(parent=place - 1 if place else None, message=message, sampled=place == len(said))
             for place, message in enumerate(messages)]
    agent = trace.AgentInfo(config=_v1("configs.agent").WireAgentConfig())
    state = {"state": _v1("state").state_cls(kind)()} if kind is not None else {}
    task = trace.TraceTask(type=getattr(kind, "__name__", "Task"), data=data)
    return trace.Trace(task=task, agent=agent, nodes=nodes, is_completed=True, ok=True, **state)


def _v1(module: str) -> Any:
    try:
        return importlib.import_module(f"verifiers.v1.{module}")
    except ModuleNotFoundError as error:
        raise ConfigError(f"@vf.reward must come from verifiers 0.2 or newer, got one without {error.name}",
                          hint="pip install -U verifiers") from error
