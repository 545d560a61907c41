"""Search in training: led by the value, told the truth of the ends that it comes to, as rules tell who won a game."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import NamedTuple

from pawl.interfaces import Judge, StepTask, Trainable
from pawl.measure import Metrics
from pawl.meters.truth_bits import filter_bits
from pawl.models.pair import PolicyWithValue
from pawl.play import Watch, look, written
from pawl.records import Attempt, Problem
from pawl.search.labels import Seen
from pawl.search.mcts import TreeSearch
from pawl.search.rules import UCT, Rule
from pawl.search.steps import Valued, uniform, unknown
from pawl.search.told import PathsOf, ToldEnds

EVERYWHERE = Rule(UCT, exploration=3.0)
"""Looks for all right ends: with the usual constant it walks again and again to one that it has found."""


class Found(NamedTuple):
    """What a search in training came to."""

    attempts: list[Attempt]
    """Every right end, numbered from the `first` asked for on at each problem."""
    tree: Seen
    """Every state that it saw."""
    metrics: Metrics


def find_right_ends(champion: Trainable, task: StepTask, problems: Sequence[Problem], judge: Judge, *, simulations: int,
                    first: int, key: int, watch: Watch) -> Found:
    """Search over every legal step of the problems. UCT: it looks everywhere before it believes the value, or, where
    none was learnt yet, goes by truth alone."""
    ends = ToldEnds(Valued(champion.value) if isinstance(champion, PolicyWithValue) else unknown, judge)
    tree = Seen(ends)
    search = TreeSearch(uniform, tree, simulations, rule=EVERYWHERE)
    look(champion, PathsOf(task), search, problems, key=key, watch=watch)
    found = written(champion, [path.problem for path in ends.right.values()], [answer for _, answer in ends.right])
    return Found(_numbered(found, first), tree, {
        "searched": len(problems), "searched_right": len(found), "truth_asked": ends.asked,
        "truth_bits_search": filter_bits(ends.told_right, ends.asked),
        "searched_solved": len({attempt.problem.id for attempt in found})})


def _numbered(attempts: Sequence[Attempt], first: int) -> list[Attempt]:
    """With numbers from `first` on, counted for each problem."""
    numbers: dict[str, Iterator[int]] = defaultdict(lambda: count(first))
    return [replace(attempt, index=next(numbers[attempt.problem.id])) for attempt in attempts]
