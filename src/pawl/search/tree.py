"""Many searches side by side as arrays: walk down to a leaf, attach what was found there, walk back up.

States live outside: a node is a number, an action a place among its parent's actions. Letters: B trees, N nodes of a
tree at most, A actions of a node at most, L leaves. Values are from the view of whoever
moves in the node; where the player changes along an edge, the sign turns.

A value that is known for sure bounds what is above it (score-bounded search, Cazenave and Saffidine 2010): a node
whose bounds meet is solved and is not walked below, and an action that can no longer matter is not taken.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pawl.compiled import compiled, inlined
from pawl.records import FloatArray, IntArray
from pawl.search.rules import (
    GUMBEL,
    PUCT,
    UCT,
    Numbers,
    Rule,
    choose_gumbel,
    choose_puct,
    choose_root,
    choose_uct,
    complete,
    improve,
)

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

EDGE = np.dtype([("prior", np.float32), ("child", np.int32), ("visits", np.int32), ("waiting", np.int32)])
"""An action: the policy's prior (0 where the node has no such action), the node that it leads to or NONE, how often it
was taken, and the walks that went this way and have not come back."""


class Tree(NamedTuple):
    """B searches. Node 0 is a root; a node is there when its number is below `sizes`."""

    nodes: NDArray[np.void]
    """[B, N] of NODE."""
    edges: NDArray[np.void]
    """[B, N, A] of EDGE."""
    sizes: IntArray
    """[B] nodes."""


class Paths(NamedTuple):
    """How each tree was walked down, last."""

    nodes: IntArray
    """[B, N] from the root."""
    actions: IntArray
    """[B, N] taken in each node; NONE in a last one below which there was nothing to walk."""
    lengths: IntArray
    """[B] nodes on the path."""


class Scratch(NamedTuple):
    """One node's actions while it is looked at, each [A]."""

    priors: FloatArray
    visits: IntArray
    q: Numbers
    completed: Numbers
    improved: Numbers


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


def plant(trees: int, nodes: int, actions: int) -> Tree:
    """Empty trees with room for so many nodes and actions."""
    tree = Tree(np.zeros((trees, nodes), NODE), np.zeros((trees, nodes, actions), EDGE), np.zeros(trees, np.int32))
    tree.nodes["lower"], tree.nodes["upper"] = -np.inf, np.inf
    tree.edges["child"] = NONE
    return tree


def widen(tree: Tree, actions: int) -> Tree:
    """The same trees with room for more actions."""
    trees, nodes, now = tree.edges.shape
    edges = plant(trees, nodes, actions).edges
    edges[:, :, :now] = tree.edges
    return tree._replace(edges=edges)


def unwalked(tree: Tree) -> Paths:
    """Room for one path in each tree."""
    trees, nodes = tree.nodes.shape
    return Paths(np.zeros((trees, nodes), np.int32), np.full((trees, nodes), NONE, np.int32), np.zeros(trees, np.int32))


@inlined
def room(tree: Tree) -> Scratch:
    """To look at one node at a time."""
    count = tree.edges.shape[2]
    return Scratch(np.empty(count, np.float32), np.empty(count, np.int32), np.empty(count), np.empty(count),
                   np.empty(count))


@compiled
def walk(tree: Tree, rows: IntArray, rule: Rule, scores: Numbers, levels: IntArray, paths: Paths,
         onward: bool) -> tuple[IntArray, IntArray]:
    """Down the trees `rows` [R], from their roots or onward from where the paths end, until an action has no child or
    a node nothing below it.

    Returns the trees, nodes and actions [3, L] of actions without a child, and the trees and nodes [2, M] of nodes
    whose actions are not known.

    For GUMBEL, `scores` [B, A] are noise plus log prior of the root's actions, and `levels` [B] how many visits the
    next of them must have.
    """
    scratch = room(tree)
    fresh, bare = np.empty((3, len(rows)), np.int32), np.empty((2, len(rows)), np.int32)
    num_fresh, num_bare = 0, 0
    for b in rows:
        depth = paths.lengths[b] - 1 if onward else 0
        node = paths.nodes[b, depth] if onward else 0
        while True:
            here, action = tree.nodes[b, node], NONE
            if here.expanded and not here.terminal and here.lower < here.upper:
                action = _choose(tree, b, node, rule, scores[b], levels[b], scratch)
            elif not here.expanded and not here.terminal:
                bare[0, num_bare], bare[1, num_bare] = b, node
                num_bare += 1
            paths.nodes[b, depth], paths.actions[b, depth] = node, action
            depth += 1
            if action == NONE:
                break
            edge = tree.edges[b, node, action]
            edge.waiting += 1
            if edge.child == NONE:
                fresh[0, num_fresh], fresh[1, num_fresh], fresh[2, num_fresh] = b, node, action
                num_fresh += 1
                break
            node = edge.child
        paths.lengths[b] = depth
    return fresh[:, :num_fresh].copy(), bare[:, :num_bare].copy()


@inlined
def _choose(tree: Tree, b: int, node: int, rule: Rule, scores: Numbers, level: int, scratch: Scratch) -> int:
    """The action to take in a node."""
    priors, visits, q, completed, improved = scratch
    halving = rule.kind == GUMBEL and node == 0
    total = look(tree, b, node, rule.waiting_value, not halving, priors, visits, q)
    if rule.kind == UCT:
        return choose_uct(rule, priors, visits, q, total)
    if rule.kind == PUCT:
        return choose_puct(rule, priors, visits, q, total, tree.nodes[b, node].value)
    complete(rule, priors, visits, q, tree.nodes[b, node].estimate, completed)
    if halving:
        return choose_root(scores, priors, visits, completed, level)
    improve(priors, completed, improved)
    return choose_gumbel(priors, visits, improved)


@inlined
def look(tree: Tree, b: int, node: int, waiting_value: float, prune: bool, priors: FloatArray, visits: IntArray,
          q: Numbers) -> int:
    """Each action [A] from this node's view: its prior (0 where it can no longer matter), its visits, and its value.

    Returns the node's visits. Walks that have not come back count as visits.
    """
    total = int(tree.nodes[b, node].visits)
    for a in range(len(q)):
        priors[a] = tree.edges[b, node, a].prior
        visits[a] = tree.edges[b, node, a].visits
        child = tree.edges[b, node, a].child
        if child != NONE:
            lower, upper = bounds(tree, b, node, child)
            q[a] = min(max(_turn(tree, b, node, child) * tree.nodes[b, child].value, lower), upper)
            if prune and upper <= tree.nodes[b, node].lower:
                priors[a] = 0
        waiting = tree.edges[b, node, a].waiting
        if waiting > 0:
            if visits[a] == 0:
                q[a] = tree.nodes[b, node].value
            if not np.isnan(waiting_value):
                q[a] = (visits[a] * q[a] + waiting * waiting_value) / (visits[a] + waiting)
            visits[a] += waiting
            total += waiting
    return total


@inlined
def _turn(tree: Tree, b: int, node: int, child: int) -> int:
    """-1 where the player changes, else 1."""
    return 1 if tree.nodes[b, node].player == tree.nodes[b, child].player else -1


@inlined
def bounds(tree: Tree, b: int, node: int, child: int) -> tuple[float, float]:
    """A child's bounds from the node's view."""
    if tree.nodes[b, node].player == tree.nodes[b, child].player:
        return tree.nodes[b, child].lower, tree.nodes[b, child].upper
    return -tree.nodes[b, child].upper, -tree.nodes[b, child].lower


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


@compiled
def back(tree: Tree, rows: IntArray, paths: Paths) -> None:
    """Up the paths of the trees `rows` [R], whose last actions have children by now: a visit to each node and action,
    and the value of the path's end."""
    for b in rows:
        last = paths.lengths[b] - 1
        node, action = paths.nodes[b, last], paths.actions[b, last]
        if action != NONE:
            node = tree.edges[b, node, action].child
            last += 1
        value = min(max(float(tree.nodes[b, node].estimate), tree.nodes[b, node].lower), tree.nodes[b, node].upper)
        _visit(tree, b, node, value)
        for d in range(last - 1, -1, -1):
            parent, action = paths.nodes[b, d], paths.actions[b, d]
            tree.edges[b, parent, action].visits += 1
            tree.edges[b, parent, action].waiting -= 1
            value *= _turn(tree, b, parent, node)
            _visit(tree, b, parent, value)
            if tree.nodes[b, node].upper < np.inf or tree.nodes[b, node].lower > -np.inf:
                _bound(tree, b, parent)
            node = parent


@inlined
def _visit(tree: Tree, b: int, node: int, value: float) -> None:
    tree.nodes[b, node].visits += 1
    tree.nodes[b, node].value += (value - tree.nodes[b, node].value) / tree.nodes[b, node].visits


@inlined
def _bound(tree: Tree, b: int, node: int) -> None:
    """Bounds of a node: the best of its actions', and nothing known of those without a child."""
    best_lower, best_upper = -np.inf, -np.inf
    for a in range(tree.edges.shape[2]):
        if tree.edges[b, node, a].prior > 0:
            child = tree.edges[b, node, a].child
            if child == NONE:
                best_upper = np.inf
            else:
                lower, upper = bounds(tree, b, node, child)
                best_lower, best_upper = max(best_lower, lower), max(best_upper, upper)
    tree.nodes[b, node].lower = max(best_lower, tree.nodes[b, node].lower)
    tree.nodes[b, node].upper = min(best_upper, tree.nodes[b, node].upper)
