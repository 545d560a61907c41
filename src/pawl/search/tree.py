"""Many searches side by side as arrays: what there is of each position and of each action, and how it comes there.

States live outside: a node is a number, an action a place among its parent's actions. Letters: B trees, N nodes of a
tree at most, A actions of a node at most, L leaves. Values are from the view of whoever
moves in the node; where the player changes along an edge, the sign turns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pawl.compiled import compiled, inlined
from pawl.records import FloatArray, IntArray

NONE = -1
"""No such node or action."""

Flags = NDArray[np.bool_]


NODE = np.dtype([
    ("value", np.float64), ("estimate", np.float32), ("lower", np.float32), ("upper", np.float32), ("visits", np.int32),
    ("player", np.int32), ("terminal", np.bool_), ("expanded", np.bool_),
], align=True)
"""A position: the mean of what came back (Q), the evaluator's value, what the value is at least and at most for sure,
how often it was come to (its own evaluation included), who moves, whether nothing can be done here, and whether its
actions are known. What a walk reads of it lies together."""

EDGE = np.dtype([("value", np.float64), ("prior", np.float32), ("child", np.int32), ("visits", np.int32),
                 ("waiting", np.int32)])
"""An action: its node's value within what is known of it, from the view of whoever takes the action, as it was when a
walk last came back this way; the policy's prior (0 where the node has no such action), the node that it leads to or
NONE, how often it was taken, and the walks that went this way and have not come back."""


class Tree(NamedTuple):
    """B searches. Node 0 is a root; a node is there when its number is below `sizes`."""

    nodes: NDArray[np.void]
    """[B, N] of NODE."""
    edges: NDArray[np.void]
    """[B, N, A] of EDGE."""
    sizes: IntArray
    """[B] nodes."""
    shared: Flags
    """[B] whether a node may have visits that did not come by each edge to it: it has several, or visits from an
    earlier search."""
    reach: float
    """Values lie between this and its negative for sure: who is proven to get it need look no further."""


class Leaves(NamedTuple):
    """What is attached to L trees, a node each."""

    priors: FloatArray
    """[L, A] over the node's actions; all 0 where they are not known yet."""
    estimates: FloatArray
    """[L]"""
    players: IntArray
    """[L]"""
    terminal: Flags
    """[L]"""
    exact: Flags
    """[L] the estimate is the true value."""


def plant(trees: int, nodes: int, actions: int, reach: float = np.inf) -> Tree:
    """Empty trees with room for so many nodes and actions."""
    tree = Tree(np.zeros((trees, nodes), NODE), np.zeros((trees, nodes, actions), EDGE), np.zeros(trees, np.int32),
                np.zeros(trees, np.bool_), reach)
    tree.nodes["lower"], tree.nodes["upper"] = -reach, reach
    tree.edges["child"] = NONE
    return tree


def enlarge(tree: Tree, nodes: int, actions: int) -> Tree:
    """The same trees with room for so many nodes and actions, as many as now or more."""
    trees, rows, columns = tree.edges.shape
    larger = plant(trees, nodes, actions, tree.reach)
    larger.nodes[:, :rows], larger.edges[:, :rows, :columns] = tree.nodes, tree.edges
    return larger._replace(sizes=tree.sizes.copy(), shared=tree.shared.copy())


@inlined
def turn(tree: Tree, b: int, node: int, child: int) -> int:
    """-1 where the player changes, else 1."""
    return 1 if tree.nodes[b, node].player == tree.nodes[b, child].player else -1


@inlined
def bounds(tree: Tree, b: int, node: int, child: int) -> tuple[float, float]:
    """A child's bounds from the node's view."""
    if tree.nodes[b, node].player == tree.nodes[b, child].player:
        return tree.nodes[b, child].lower, tree.nodes[b, child].upper
    return -tree.nodes[b, child].upper, -tree.nodes[b, child].lower


@inlined
def worth(tree: Tree, b: int, node: int, child: int) -> float:
    """A child's value from the node's view, within its bounds."""
    lower, upper = bounds(tree, b, node, child)
    return float(min(max(turn(tree, b, node, child) * tree.nodes[b, child].value, lower), upper))


@compiled
def attach(tree: Tree, places: IntArray, leaves: Leaves) -> None:
    """A node for each of the trees, nodes and actions `places` [3, L]; a node of NONE plants a root."""
    for i in range(places.shape[1]):
        b, parent, action = places[0, i], places[1, i], places[2, i]
        node = tree.sizes[b]
        tree.sizes[b] += 1
        tree.nodes[b, node].estimate = leaves.estimates[i]
        tree.nodes[b, node].player = leaves.players[i]
        tree.nodes[b, node].terminal = leaves.terminal[i]
        if leaves.exact[i]:
            tree.nodes[b, node].lower = leaves.estimates[i]
            tree.nodes[b, node].upper = leaves.estimates[i]
        _expand(tree, b, node, leaves.priors[i])
        if parent == NONE:
            tree.nodes[b, node].visits = 1
            tree.nodes[b, node].value = leaves.estimates[i]
        else:
            tree.edges[b, parent, action].child = node


@compiled
def expand(tree: Tree, places: IntArray, priors: FloatArray) -> None:
    """The actions of the trees' nodes `places` [2, L] become known: priors [L, A]. A node without any is terminal."""
    for i in range(places.shape[1]):
        b, node = places[0, i], places[1, i]
        _expand(tree, b, node, priors[i])
        tree.nodes[b, node].terminal = not tree.nodes[b, node].expanded


@inlined
def _expand(tree: Tree, b: int, node: int, priors: FloatArray) -> None:
    for a in range(len(priors)):
        tree.edges[b, node, a].prior = priors[a]
        if priors[a] > 0:
            tree.nodes[b, node].expanded = True
