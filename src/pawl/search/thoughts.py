"""Tree of Thoughts (Yao et al. 2023): breadth-first with the best few states of each level, or depth-first with a way
back, states compared by value or by vote.

Many states are searched together: each level, or each problem's next node, is proposed for in one batch and compared
in one batch. States that are equal, however they were reached, are one state, so a candidate that comes twice is
compared once. Not covered: a search that goes on where the last one stopped; every call starts anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np

from pawl.errors import ConfigError
from pawl.interfaces import Policy, StepTask
from pawl.keys import fold
from pawl.records import Choice, Cost, FloatArray, KeyArray
from pawl.search.steps import Estimate, Proposal, Propose, estimated
from pawl.search.thoughts_tree import ASIDE, Node, ThoughtTree
from pawl.search.votes import Vote


@dataclass(frozen=True)
class TreeOfThoughts:
    """A search made with what proposes and what compares: an estimate or a vote, one of the two.

    Breadth-first (their algorithm 1) keeps the `breadth` best states of each level, level by level, until all that it
    kept have ended. Depth-first (algorithm 2) visits the best state below the one it is in, equally good ones in the
    order in which they were proposed; where nothing is left below, it goes back to the next best that it passed.

    The action is the first step to the best end that was found. Where none was, it leads to the best state that could
    still be gone on from, and then to the best of those set aside. By value, an end worth `enough` stops the search;
    by vote, depth-first takes the first end that it visits, and breadth-first calls a last vote among its ends.

    In a choice, the values of actions are those of the best that was found below them, and of a vote the shares, which
    are no expected scores; visits are the states compared below; the policy is all on the action taken.
    """

    propose: Propose
    estimate: Estimate | None = None
    _: KW_ONLY
    vote: Vote | None = None
    order: Literal["breadth-first", "depth-first"] = "breadth-first"
    breadth: int = 5
    """States kept of each level, breadth-first."""
    threshold: float = 0.0
    """Depth-first does not visit states of a lower value or share."""
    budget: int = 100
    """States that depth-first visits in a call, the given one included."""
    enough: float = 1.0
    """An end of this value stops the search."""
    most_steps: int = 64
    """Longest path that is looked at, in steps."""

    def __post_init__(self) -> None:
        for name in ("breadth", "budget", "most_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} of a tree of thoughts must be 1 or more, got {getattr(self, name)}")
        for name in ("threshold", "enough"):
            if np.isnan(getattr(self, name)):
                raise ConfigError(f"{name} of a tree of thoughts must be a number, got nan")
        if (self.estimate is None) == (self.vote is None):
            raise ConfigError("a tree of thoughts must compare states by an estimate or by a vote, got "
                              + ("neither" if self.vote is None else "both"))
        if self.order not in ("breadth-first", "depth-first"):
            raise ConfigError(f"order must be 'breadth-first' or 'depth-first', got {self.order!r}")

    def __call__(self, policy: Policy, task: StepTask, states: Sequence[Any], keys: KeyArray) -> list[Choice]:
        """A choice in each of the states [B], none of which is terminal; keys [B]."""
        thinking = _Thinking(self, policy, task, states, keys)
        if self.order == "breadth-first":
            thinking.breadth_first()
        else:
            thinking.depth_first()
        thinking.vote_on_ends()
        return [tree.choice() for tree in thinking.trees]


class _Thinking:
    """B trees that grow together."""

    def __init__(self, made: TreeOfThoughts, policy: Policy, task: StepTask, states: Sequence[Any],
                 keys: KeyArray) -> None:
        self.made, self.policy, self.task, self.keys = made, policy, task, keys
        self.trees = [ThoughtTree(task, state) for state in states]

    def breadth_first(self) -> None:
        level = {b: [tree.root] for b, tree in enumerate(self.trees)}
        for _ in range(self.made.most_steps):
            children, level = self._expand([(b, node) for b, nodes in level.items() for node in nodes]), {}
            for b, found in children.items():
                best_first = sorted(found, key=lambda node: -node.score)
                kept = best_first[: self.made.breadth]
                for node in best_first[self.made.breadth :]:
                    node.standing = ASIDE
                unfinished = [node for node in kept if not node.ended]
                if unfinished and (self.made.vote is not None or not any(map(self._is_enough, kept))):
                    level[b] = unfinished
            if not level:
                return

    def depth_first(self) -> None:
        stacks = [[tree.root] for tree in self.trees]
        for _ in range(self.made.budget):
            visited = [(b, stack.pop()) for b, stack in enumerate(stacks) if stack]
            for b, node in visited:
                if self._is_enough(node):
                    stacks[b].clear()
                    self.trees[b].answer = node if self.made.vote is not None else None
            unfinished = [(b, node) for b, node in visited
                          if not node.ended and len(node.steps) < self.made.most_steps]
            for b, found in self._expand(unfinished).items():
                for node in found:
                    node.standing = ASIDE if node.score < self.made.threshold else node.standing
                best_first = sorted((node for node in found if node.standing != ASIDE), key=lambda node: -node.score)
                stacks[b] += reversed(best_first)  # the last on the stack is visited next
            if not any(stacks):
                return

    def _is_enough(self, node: Node) -> bool:
        """Whether an end stops the search: what a vote says of one cannot be told from what it says of others."""
        return node.ended and (self.made.vote is not None or node.score >= self.made.enough)

    def _expand(self, chosen: Sequence[tuple[int, Node]]) -> dict[int, list[Node]]:
        """The new states below the chosen nodes, compared, by tree; none of a tree where there is nothing new."""
        if not chosen:
            return {}
        rows, numbers = [b for b, _ in chosen], np.array([node.number for _, node in chosen], np.uint64)
        keys = fold(fold(self.keys[rows], 2), numbers)
        proposals: list[Proposal] = self.made.propose(self.policy, self.task, [node.state for _, node in chosen], keys)
        children: dict[int, list[Node]] = {}
        for (b, node), proposal in zip(chosen, proposals, strict=True):
            if found := self.trees[b].grow(self.task, node, proposal):
                children.setdefault(b, []).extend(found)
        self._compare(children)
        return children

    def _compare(self, groups: dict[int, list[Node]]) -> None:
        """Gives the nodes of each tree their values or shares."""
        if not groups:
            return
        states = [[node.state for node in nodes] for nodes in groups.values()]
        scores, costs = self._valued(states) if self.made.vote is None else self._elected(states, list(groups))
        for (b, nodes), found, cost in zip(groups.items(), scores, costs, strict=True):
            self.trees[b].cost += cost
            for node, score in zip(nodes, found, strict=True):
                node.score = float(score)

    def _valued(self, groups: Sequence[Sequence[Any]]) -> tuple[list[FloatArray], list[Cost]]:
        assert self.made.estimate is not None
        values, costs = estimated(self.made.estimate, self.policy, self.task, [s for group in groups for s in group])
        ends = np.cumsum([len(group) for group in groups])
        spent = [sum(costs[end - len(group) : end], Cost()) for group, end in zip(groups, ends, strict=True)]
        return np.split(values, ends[:-1]), spent

    def _elected(self, groups: Sequence[Sequence[Any]], rows: Sequence[int]) -> tuple[list[FloatArray], list[Cost]]:
        assert self.made.vote is not None
        rounds = np.array([self.trees[b].votes for b in rows], np.uint64)
        for b in rows:
            self.trees[b].votes += 1
        shares, costs = self.made.vote(self.policy, self.task, groups, fold(fold(self.keys[list(rows)], 3), rounds))
        for those in shares:
            if not np.isfinite(those).all():
                raise ConfigError("a share of a vote must be a finite number, got one that is not")
        return shares, costs

    def vote_on_ends(self) -> None:
        """Shares of different votes say nothing of each other: ends from several are put to one vote."""
        if self.made.vote is not None:
            ends = {b: tree.ends() for b, tree in enumerate(self.trees) if tree.answer is None}
            self._compare({b: nodes for b, nodes in ends.items() if len(nodes) > 1})
