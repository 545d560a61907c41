"""Which states of a searched tree a page shows, under what, and how it says why the search chose as it did.

The most visited states are shown, the principal variation always. A state that several steps lead to is shown below
one of them; the others point there.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pawl.records import Choice, FloatArray, SearchTree, TreeStep

MOST_ROWS = 120
"""States of one tree that are shown."""
MOST_DEPTH = 24
"""Steps below the root that are shown; browsers lay out no page that is nested much deeper."""
MOST_UNTRIED = 40
"""Steps of one state that were never taken and are named."""
NO_FAVOURITE = 1e-6
"""Priors that differ by less are alike."""
NO_BETTER = 0.005
"""Values that differ by less are alike."""

Edge = tuple[int, int]
"""A node's place, and a step's place among the node's."""


@dataclass(frozen=True, slots=True)
class Considered:
    """A step as a search looked at it."""

    text: str
    prior: float
    visits: int
    share: float
    """Of the visits of all steps of its state."""
    estimate: float | None
    """Value of where it leads, at first sight; None where it was never taken."""
    value: float | None
    """Q of where it leads."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Steps of a state that have no row."""

    untried: tuple[TreeStep, ...]
    """Never taken, the likeliest first."""
    unnamed: int
    """More of them."""
    prior: float
    """Of all that were never taken."""
    hidden: int
    """Taken, but not shown."""


@dataclass(frozen=True, slots=True)
class Row:
    """A step that was taken, and what is shown below it."""

    step: Considered
    name: str
    """Of the row, for links; no two rows of a page share one."""
    on_line: bool
    """Whether it is on the principal variation."""
    favourite: bool
    """Whether its prior is the largest of its state, though it does not come first."""
    target: float | None
    """What the policy should have proposed; of the root's steps alone."""
    end: bool
    proven: float | None
    same_as: str | None
    """The row that shows this state."""
    children: tuple[Row, ...]
    rest: Rest | None


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a tree is shown: edges, the most visited first, and the edge below which each node is."""

    edges: tuple[Edge, ...]
    homes: dict[int, Edge]
    line: frozenset[Edge]


def considered(tree: SearchTree, node: int, place: int) -> Considered:
    """One step with what the search knows of where it leads."""
    steps = tree.nodes[node].steps
    step, total = steps[place], sum(step.visits for step in steps)
    child = None if step.child is None else tree.nodes[step.child]
    return Considered(step.text, step.prior, step.visits, step.visits / max(1, total),
                      None if child is None else child.estimate, None if child is None else child.value)


def principal_variation(tree: SearchTree) -> Iterator[Edge]:
    """The edges of the tree's line, from the root on."""
    node: int | None = 0
    for place in tree.line:
        assert node is not None
        yield node, place
        node = tree.nodes[node].steps[place].child


def line_in_words(tree: SearchTree) -> list[str]:
    """The steps of the principal variation."""
    return [tree.nodes[node].steps[place].text for node, place in principal_variation(tree)]


def choose_rows(tree: SearchTree, most: int = MOST_ROWS) -> Shape:
    """At most so many edges that were taken, each with those above it: the line first, then the most visited."""
    line = frozenset(principal_variation(tree))
    waiting: list[tuple[bool, int, int, Edge]] = []
    edges: list[Edge] = []
    homes: dict[int, Edge] = {}

    def meet(node: int, depth: int) -> None:
        for place, step in enumerate(tree.nodes[node].steps):
            if step.child is not None and depth <= MOST_DEPTH:
                heapq.heappush(waiting, ((node, place) not in line, -step.visits, depth, (node, place)))

    meet(0, 1)
    while waiting and len(edges) < most:
        _, _, depth, edge = heapq.heappop(waiting)
        edges.append(edge)
        child = tree.nodes[edge[0]].steps[edge[1]].child
        if child and child not in homes:  # the root has no home
            homes[child] = edge
            meet(child, depth + 1)
    return Shape(tuple(edges), homes, line)


def rows_of(choice: Choice, name: str) -> tuple[tuple[Row, ...], Rest | None]:
    """The rows of a choice's tree, the most visited first, and what has none; `name` is the page's for this tree."""
    assert choice.tree is not None
    drawing = _Drawing(choice.tree, choice.policy, name)
    return drawing.below(0), drawing.rest(0)


def num_rows(rows: Sequence[Row]) -> int:
    """Rows, and those below them."""
    return sum(1 + num_rows(row.children) for row in rows)


def num_taken(tree: SearchTree) -> int:
    """Steps that were taken, of all states: the rows that a page without bounds would have."""
    return sum(step.child is not None for node in tree.nodes for step in node.steps)


class _Drawing:
    """One tree on its way to rows."""

    def __init__(self, tree: SearchTree, targets: FloatArray, name: str) -> None:
        self.tree, self.targets, self.name, self.shape = tree, targets, name, choose_rows(tree)
        self.places: dict[int, list[int]] = {}
        for node, place in self.shape.edges:
            self.places.setdefault(node, []).append(place)

    def below(self, node: int) -> tuple[Row, ...]:
        steps = self.tree.nodes[node].steps
        places = sorted(self.places.get(node, ()),
                        key=lambda place: (-steps[place].visits, (node, place) not in self.shape.line, place))
        return tuple(self.row(node, place, place == places[0]) for place in places)

    def row(self, node: int, place: int, first: bool) -> Row:
        steps = self.tree.nodes[node].steps
        child = steps[place].child
        assert child is not None
        there, home = self.tree.nodes[child], self.shape.homes.get(child)
        at_home = home == (node, place)
        return Row(
            step=considered(self.tree, node, place),
            name=f"{self.name}-{node}-{place}",
            on_line=(node, place) in self.shape.line,
            favourite=not first and favourite(steps) == place,
            target=float(self.targets[place]) if node == 0 else None,
            end=there.terminal,
            proven=there.proven,
            same_as=None if at_home else f"{self.name}-{home[0]}-{home[1]}" if home else self.name,
            children=self.below(child) if at_home else (),
            rest=self.rest(child) if at_home else None,
        )

    def rest(self, node: int) -> Rest | None:
        """The steps of a node that have no row; None where all have one, or none is known."""
        steps = self.tree.nodes[node].steps
        untried = sorted((step for step in steps if step.child is None), key=lambda step: -step.prior)
        hidden = len(steps) - len(untried) - len(self.places.get(node, ()))
        if not untried and not hidden:
            return None
        return Rest(tuple(untried[:MOST_UNTRIED]), max(0, len(untried) - MOST_UNTRIED),
                    sum(step.prior for step in untried), hidden)


def favourite(steps: Sequence[TreeStep]) -> int | None:
    """The place of the step with the largest prior; None where several are as likely."""
    priors = [step.prior for step in steps]
    if not priors or (len(priors) > 1 and sorted(priors)[-2] > max(priors) - NO_FAVOURITE):
        return None
    return priors.index(max(priors))


@dataclass(frozen=True, slots=True)
class Mind:
    """How a choice came about: what the prior wanted, and what the search made of it."""

    kind: Literal["one", "even", "agrees", "untried", "better", "overrules"]
    """One step was proposed; none was likelier; the prior's favourite was chosen; it was never tried; another turned
    out better; another was chosen though it is no better."""
    chosen: Considered
    favourite: Considered | None
    visits: int
    """Of all steps of the state."""
    steps: int


def mind_of(tree: SearchTree) -> Mind | None:
    """Why the chosen step of a tree was chosen; None where none was."""
    if not tree.line:
        return None
    steps = tree.nodes[0].steps
    best = favourite(steps)
    chosen, liked = considered(tree, 0, tree.line[0]), None if best is None else considered(tree, 0, best)
    visits = sum(step.visits for step in steps)
    if len(steps) == 1:
        return Mind("one", chosen, liked, visits, 1)
    return Mind(_kind(chosen, liked, best == tree.line[0]), chosen, liked, visits, len(steps))


def _kind(chosen: Considered, liked: Considered | None,
          same: bool) -> Literal["even", "agrees", "untried", "better", "overrules"]:
    if liked is None:
        return "even"
    if same:
        return "agrees"
    if liked.value is None:
        return "untried"
    return "better" if chosen.value is not None and chosen.value > liked.value + NO_BETTER else "overrules"
