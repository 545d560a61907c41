"""Whether a task with rules keeps the contract of `pawl.interfaces.StepTask`, found by random play.

Not covered: whether illegal actions are refused, which only the task's author can say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from pawl.interfaces import IllegalAction, StepTask
from pawl.records import Problem
from pawl.testing_ask import ODD_TEXTS, Broken, ask, asked_key, is_score, shown

_METHODS = ("start", "actions", "step", "terminal", "prompt", "parse", "answer", "key")
_TELLING = ("start", "step", "terminal")
"""A task that has one of these means to have steps."""
_PLAYOUTS = 5
_MOST_STEPS = 1000


def step_findings(task: object, problems: Callable[[], Sequence[Problem]]) -> Iterator[str]:
    """What is wrong with a task's steps; nothing for a task without steps."""
    if not any(callable(getattr(task, method, None)) for method in _TELLING):
        return
    if lacking := [method for method in _METHODS if not callable(getattr(task, method, None))]:
        yield f"a task with steps must have all of {', '.join(_METHODS)}, got no {', '.join(lacking)}"
        return
    assert isinstance(task, StepTask)
    random = np.random.default_rng(0)
    playouts = (list(_playout(task, problem, random)) for problem in problems() for _ in range(_PLAYOUTS))
    yield from next(filter(None, playouts), [])
    yield from _odd_lines(task)


def _playout(task: StepTask, problem: Problem, random: np.random.Generator) -> Iterator[str]:
    state: Any = ask("start", partial(task.start, problem))
    if asked_key(task.key, state) != asked_key(task.key, ask("start", partial(task.start, problem))):
        yield "key must be equal for equal states, got two for one start"
    for _ in range(_MOST_STEPS):
        prompt = ask("prompt", partial(task.prompt, state))
        if not isinstance(prompt, str):
            yield f"prompt must be text, got {shown(prompt)}"
        if ask("terminal", partial(task.terminal, state)):
            yield from _end(task, problem, state)
            return
        actions = ask("actions", partial(task.actions, state))
        if actions is None:
            return  # open-ended: the policy proposes
        if not actions:
            yield "a state without legal actions must be terminal, got one that is not"
            return
        action = actions[int(random.integers(len(actions)))]
        before = asked_key(task.key, state)
        taken, step = f"step with the legal action {shown(action)}", partial(task.step, state, action)
        after = ask(taken, step)
        if asked_key(task.key, state) != before:
            yield "step must leave the state it was given as it was, got it changed"
            return
        if asked_key(task.key, after) != asked_key(task.key, ask(taken, step)):
            yield "key must be equal for equal states, got two after the same action"
        state = after
    yield f"a path must end, got none that does in {_MOST_STEPS} steps"


def _end(task: StepTask, problem: Problem, state: Any) -> Iterator[str]:
    answer = ask("answer of a finished path", partial(task.answer, state))
    if not isinstance(answer, str):
        yield f"the answer of a finished path must be text, got {shown(answer)}"
        return
    score = ask("score of a finished path", lambda: task.score(problem, answer))
    if not is_score(score):
        yield f"a score must be a number in [0, 1], got {shown(score)} for a finished path"


def _odd_lines(task: StepTask) -> Iterator[str]:
    for what, text in ODD_TEXTS.items():
        try:
            ask(f"parse may raise IllegalAction only: {what}", partial(task.parse, text), fine=(IllegalAction,))
        except Broken as broken:
            yield str(broken)
