"""A graph of operations as a search: what its last thoughts say is read as steps.

For whole answers to a task without steps, `execution.execute` gives the thoughts themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from pawl.interfaces import IllegalAction, Policy, StepTask
from pawl.records import Choice, KeyArray
from pawl.search.execution import Execution, execute
from pawl.search.operations import GraphOfOperations, Vertex
from pawl.search.steps import text_of


def prompt_of(task: StepTask, state: Any) -> str:
    """What a policy reads in this state."""
    return text_of(task.prompt(state))


def steps_of(task: StepTask, state: Any, content: Any) -> list[Any]:
    """The steps that a text states, a line each. Raises IllegalAction at a line that is none."""
    return [task.parse(line) for line in str(content).strip("\n").split("\n")]


@dataclass(frozen=True)
class GraphOfThoughts:
    """A search that carries out a graph of operations in each state, and takes the first step of the best of its last
    thoughts whose steps are legal: of the highest score or, where there are no scores, the first.

    In a choice, visits are the last thoughts that begin with an action, values the best of their scores or, where
    there are none, their share of the last thoughts; neither is an expected score unless the graph's scores are. The
    policy is all on the action taken.
    """

    graph: GraphOfOperations
    _: KW_ONLY
    content: Callable[[StepTask, Any], Any] = prompt_of
    """What the graph's first operations take as the problem, from the task and the state."""
    steps: Callable[[StepTask, Any, Any], Sequence[Any]] = steps_of
    """The steps that a last thought's content means in a state; raises IllegalAction when it means none."""

    def __call__(self, policy: Policy, task: StepTask, states: Sequence[Any], keys: KeyArray) -> list[Choice]:
        """A choice in each of the states [B], none of which is terminal; keys [B]."""
        executions = execute(self.graph, policy, [self.content(task, state) for state in states], keys)
        return [self._choice(task, state, execution) for state, execution in zip(states, executions, strict=True)]

    def _choice(self, task: StepTask, state: Any, execution: Execution) -> Choice:
        begun: dict[Any, list[Vertex]] = {}
        for vertex in execution.thoughts:
            if (action := self._first_step(task, state, vertex)) is not None:
                begun.setdefault(action, []).append(vertex)
        visits = np.array([len(those) for those in begun.values()], np.int32)
        if not begun:
            return Choice(None, (), visits.astype(np.float32), visits, visits.astype(np.float32), 0.0, execution.cost)
        best = np.array([_best_score(those) for those in begun.values()])
        shares = visits / visits.sum()
        values = np.where(np.isfinite(best), best, shares).astype(np.float32)
        chosen = int(np.argmax(best))
        policy = (np.arange(len(begun)) == chosen).astype(np.float32)
        return Choice(tuple(begun)[chosen], tuple(begun), policy, visits, values, float(values[chosen]), execution.cost)

    def _first_step(self, task: StepTask, state: Any, vertex: Vertex) -> Any:
        """None where the thought's steps are not legal."""
        try:
            steps = self.steps(task, state, vertex.content)
            for step in steps:
                if task.terminal(state):
                    return None
                state = task.step(state, step)
        except IllegalAction:
            return None
        return steps[0] if steps else None


def _best_score(thoughts: Sequence[Vertex]) -> float:
    """-inf where none has a score."""
    return max((vertex.score for vertex in thoughts if vertex.score is not None), default=-np.inf)
