"""What the actions of a node look like from it: what a rule chooses by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pawl.compiled import compiled, inlined
from pawl.records import FloatArray, IntArray
from pawl.search.rules import Numbers
from pawl.search.tree import NONE, Tree, bounds, worth


class Scratch(NamedTuple):
    """One node's actions while it is looked at, each [A]."""

    priors: FloatArray
    visits: IntArray
    q: Numbers
    completed: Numbers
    improved: Numbers


@compiled
def room(tree: Tree) -> Scratch:
    """To look at one node at a time."""
    count = tree.edges.shape[2]
    return Scratch(np.empty(count, np.float32), np.empty(count, np.int32), np.empty(count), np.empty(count),
                   np.empty(count))


@inlined
def look(tree: Tree, b: int, node: int, waiting_value: float, prune: bool, priors: FloatArray, visits: IntArray,
         q: Numbers) -> int:
    """Each action [A] from this node's view: its prior (0 where it can no longer matter), its visits, and its value.

    Returns the node's visits. Walks that have not come back count as visits.
    """
    total, waiting = int(tree.nodes[b, node].visits), 0
    for a in range(len(q)):
        edge = tree.edges[b, node, a]
        priors[a], visits[a], q[a] = edge.prior, edge.visits, edge.value
        waiting += edge.waiting
    if tree.shared[b]:
        _look_again(tree, b, node, q)
    if prune and tree.nodes[b, node].lower > -np.inf:
        _prune(tree, b, node, priors)
    if waiting > 0:
        _wait(tree, b, node, waiting_value, visits, q)
    return total + waiting


@inlined
def _look_again(tree: Tree, b: int, node: int, q: Numbers) -> None:
    """Values of nodes that may have been come to by other ways since."""
    for a in range(len(q)):
        child = tree.edges[b, node, a].child
        if child != NONE:
            q[a] = worth(tree, b, node, child)


@inlined
def _prune(tree: Tree, b: int, node: int, priors: FloatArray) -> None:
    """No prior for actions that lead to no more than what is sure without them."""
    for a in range(len(priors)):
        child = tree.edges[b, node, a].child
        if child != NONE and bounds(tree, b, node, child)[1] <= tree.nodes[b, node].lower:
            priors[a] = 0


@inlined
def _wait(tree: Tree, b: int, node: int, waiting_value: float, visits: IntArray, q: Numbers) -> None:
    """Walks that have not come back are visits, worth `waiting_value`; where that is not a number, what the action is
    worth, or before any came back, what the node is."""
    for a in range(len(q)):
        waiting = tree.edges[b, node, a].waiting
        if waiting > 0:
            if visits[a] == 0:
                q[a] = tree.nodes[b, node].value
            if not np.isnan(waiting_value):
                q[a] = (visits[a] * q[a] + waiting * waiting_value) / (visits[a] + waiting)
            visits[a] += waiting
