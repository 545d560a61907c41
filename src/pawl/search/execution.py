"""Carries out a graph of operations for many problems at once, and keeps where each thought came from.

Each operation asks its policy once, in one batch for all problems. What one problem draws depends on its key, the
operation's name and the place of the thought among those that the operation takes, never on other problems.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Any

import numpy as np

from pawl.errors import ConfigError
from pawl.interfaces import Policy
from pawl.keys import fold, name_key
from pawl.records import Cost, KeyArray
from pawl.search.asking import finished
from pawl.search.operations import (
    Aggregate,
    Ask,
    Generate,
    GraphOfOperations,
    KeepBest,
    KeepValid,
    Operation,
    Refine,
    Score,
    Select,
    Vertex,
)


@dataclass(frozen=True, slots=True)
class Execution:
    """What a graph of operations made of one problem."""

    thoughts: tuple[Vertex, ...]
    """Those of the last operations, in the order of the graph."""
    given: dict[str, tuple[Vertex, ...]]
    """What each operation gave on."""
    costs: dict[str, Cost]
    """What each operation spent."""

    @property
    def cost(self) -> Cost:
        return sum(self.costs.values(), Cost())

    @property
    def edges(self) -> list[tuple[int, int]]:
        """Pairs of numbers (source, thought) of all thoughts that were given on, the problem's number 0 among them."""
        return sorted({(source.number, vertex.number) for those in self.given.values() for vertex in those
                       for source in vertex.sources})


def execute(graph: GraphOfOperations, policy: Policy, contents: Sequence[Any], keys: KeyArray) -> list[Execution]:
    """What the graph makes of each of the problems [B], whose contents its first operations take; keys [B].

    Raises ConfigError when a user's score is not a number, or a Select gives what it was not given.
    """
    problems = [_Problem(content) for content in contents]
    for name in graph.order:
        operation = graph.operations[name]
        taken = [problem.taken(operation) for problem in problems]
        subjects = [_subjects(operation, those) for those in taken]
        if isinstance(by := getattr(operation, "by", None), Ask):
            told, costs = _asked(operation, by, policy, subjects, fold(keys, name_key(name)))
        else:
            told, costs = [_computed(name, operation, groups) for groups in subjects], [Cost()] * len(problems)
        for problem, those, found, cost in zip(problems, taken, told, costs, strict=True):
            problem.given[name] = tuple(_given(name, operation, problem, those, found))
            problem.costs[name] = cost
    return [Execution(tuple(vertex for name in graph.last for vertex in problem.given[name]), problem.given,
                      problem.costs) for problem in problems]


class _Problem:
    """The thoughts about one problem so far."""

    def __init__(self, content: Any) -> None:
        self.root, self.made = Vertex(0, content, ""), 1
        self.given: dict[str, tuple[Vertex, ...]] = {}
        self.costs: dict[str, Cost] = {}

    def taken(self, operation: Operation) -> list[Vertex]:
        """What an operation takes; a thought that comes by two ways is taken once."""
        if not operation.predecessors:
            return [self.root]
        thoughts: dict[int, Vertex] = {}
        for name in operation.predecessors:
            for vertex in self.given[name]:
                thoughts.setdefault(vertex.number, vertex)
        return list(thoughts.values())

    def make(self, content: Any, operation: str, sources: Sequence[Vertex]) -> Vertex:
        self.made += 1
        return Vertex(self.made - 1, content, operation, tuple(sources))


def _subjects(operation: Operation, taken: list[Vertex]) -> list[Any]:
    """What the operation's prompt or function is called with, in turn: each thought, or all of them once."""
    if isinstance(operation, Aggregate):
        return [taken] if taken else []
    return list(taken)


def _asked(operation: Operation, ask: Ask, policy: Policy, subjects: Sequence[list[Any]],
           keys: KeyArray) -> tuple[list[list[list[Any]]], list[Cost]]:
    """What could be read of the policy's answers, by problem and subject, and what each problem cost."""
    rows = np.repeat(np.arange(len(subjects)), [len(those) for those in subjects])
    places = [place for those in subjects for place in range(len(those))]
    prompts = [ask.prompt(subject) for those in subjects for subject in those]
    texts, spent = finished(policy, prompts, ask.count, sampling=ask.sampling,
                            keys=fold(keys[rows], np.array(places, np.uint64)))
    told: list[list[list[Any]]] = [[] for _ in subjects]
    costs = [Cost()] * len(subjects)
    for b, answers, cost in zip(rows, texts, spent, strict=True):
        found = [content for text in answers for content in _read(ask, text)]
        told[b].append(_numbers(found) if isinstance(operation, Score) else found)
        costs[b] += cost
    return told, costs


def _read(ask: Ask, text: str) -> list[Any]:
    """What the text means; nothing when it means nothing."""
    try:
        return [ask.read(text)]
    except ValueError:
        return []


def _numbers(contents: Sequence[Any]) -> list[float]:
    """Finite numbers among what was read: what a policy wrote is no reason to stop a run."""
    numbers = []
    for content in contents:
        try:
            numbers.append(float(content))
        except (TypeError, ValueError, OverflowError):
            continue
    return [number for number in numbers if isfinite(number)]


def _computed(name: str, operation: Operation, subjects: list[Any]) -> list[list[Any]]:
    """What a user's function makes of each subject."""
    match operation:
        case Generate(by=by) if callable(by):
            return [list(by(vertex)) for vertex in subjects]
        case Aggregate(by=by) | Refine(by=by) if callable(by):
            return [[by(subject)] for subject in subjects]
        case Score(by=by) if callable(by):
            return [_checked(name, by(vertex)) for vertex in subjects]
    return []


def _checked(name: str, score: float | None) -> list[float]:
    if score is None:
        return []
    if not isfinite(score):
        raise ConfigError(f"a score of {name!r} must be a finite number or None, got {score}")
    return [float(score)]


def _given(name: str, operation: Operation, problem: _Problem, taken: list[Vertex],
           told: list[list[Any]]) -> list[Vertex]:
    """What an operation gives on, from the thoughts that it took and what it was told of them."""
    match operation:
        case Generate():
            return [problem.make(content, name, [vertex])
                    for vertex, contents in zip(taken, told, strict=True) for content in contents]
        case Aggregate():
            return [problem.make(content, name, taken) for contents in told for content in contents]
        case Refine():
            return [problem.make(contents[0], name, [vertex]) if contents else vertex
                    for vertex, contents in zip(taken, told, strict=True)]
        case Score():
            return [replace(vertex, score=sum(scores) / len(scores) if scores else None)
                    for vertex, scores in zip(taken, told, strict=True)]
        case KeepBest():
            return _best(operation, taken)
        case KeepValid(by=by):
            return [vertex for vertex in taken if by(vertex)]
        case Select(by=by):
            return _selected(name, list(by(taken)), taken)
    raise AssertionError(operation)


def _best(operation: KeepBest, taken: Sequence[Vertex]) -> list[Vertex]:
    groups: dict[Any, list[Vertex]] = {}
    for vertex in taken:
        group = tuple(source.number for source in vertex.sources) if operation.of_each else None
        groups.setdefault(group, []).append(vertex)
    return [vertex for those in groups.values()
            for vertex in sorted(those, key=lambda v: inf if v.score is None else -v.score)[: operation.count]]


def _selected(name: str, picked: list[Vertex], taken: Sequence[Vertex]) -> list[Vertex]:
    if not {vertex.number for vertex in picked} <= {vertex.number for vertex in taken}:
        raise ConfigError(f"{name!r} must pick out thoughts that it was given, got others")
    return picked
