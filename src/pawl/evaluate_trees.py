"""A few of the evaluated problems searched again with their trees kept, for people to look at.

A search does at a problem what its key says, whatever is searched beside it, so these are the searches that were
measured. Truth is asked of their answers, when they have one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from pawl.interfaces import Judge, Policy, Task
from pawl.keys import stream
from pawl.play import Thought, play, think
from pawl.records import Attempt, Problem, Sampling
from pawl.search.mcts import TreeSearch

MOST_SHOWN = 8
"""Problems whose trees are kept."""
KINDS = ("search alone", "policy alone", "neither", "both")
"""Who was right."""


@dataclass(frozen=True, slots=True)
class Searched:
    """One problem, as a search answered it and as the policy does by itself."""

    thought: Thought
    """Its choices have their trees."""
    score: float | None
    """Truth of the search's answer; None where it could not be decided."""
    alone: Attempt
    """Greedy, without search."""
    alone_score: float | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to look at of an evaluation."""

    result: Mapping[str, Any]
    """What `pawl eval --json` prints."""
    counts: Mapping[str, int]
    """Of the evaluated problems, by kind."""
    searched: Sequence[Searched]
    """Those chosen to be shown."""


Show = Callable[[Shown], None]


def kind_of(alone: float | None, searched: float | None) -> str:
    """Who was right, from the scores of the policy's greedy answer and of the search's."""
    names = {(False, True): "search alone", (True, False): "policy alone", (False, False): "neither"}
    return names.get((alone == 1, searched == 1), "both")


def choose_problems(kinds: Sequence[str], most: int = MOST_SHOWN) -> list[int]:
    """Which of the problems to show, at most so many: the first of every kind, the second of every kind, and so on;
    a kind after the other."""
    by_kind = [[i for i, found in enumerate(kinds) if found == kind] for kind in KINDS]
    in_turn = [i for turn in zip_longest(*by_kind) for i in turn if i is not None]
    return sorted(in_turn[:most], key=lambda i: (KINDS.index(kinds[i]), i))


def search_again(result: Mapping[str, Any], kinds: Sequence[str], *, policy: Policy, task: Task, search: TreeSearch,
                 problems: Sequence[Problem], judge: Judge, sampling: Sampling, key: int) -> Shown:
    """Some of the evaluated problems [N], whose kinds are given, with the trees of their searches; `key` is the one
    that `compare` had."""
    chosen = [problems[i] for i in choose_problems(kinds)]
    thoughts = think(policy, task, replace(search, keep_tree=True), chosen, key=stream(key, "think"))
    alone = play(policy, chosen, 1, sampling=replace(sampling, temperature=0.0), key=0)
    ours, theirs = judge([thought.attempt for thought in thoughts]), judge(alone)
    searched = [Searched(thought, verdict.score, attempt, other.score)
                for thought, verdict, attempt, other in zip(thoughts, ours, alone, theirs, strict=True)]
    return Shown(result, Counter(kinds), searched)
