"""Walks down trees to their leaves, and back up with what was found there.

A value that is known for sure bounds what is above it (score-bounded search, Cazenave and Saffidine 2010): a node
whose bounds meet is solved and is not walked below, and an action that can no longer matter is not taken.

Where a node has visits that did not come by every edge to it (`Tree.shared`), visits are counted for each edge, and a
value is not a running mean but recomputed from the children (Wu, "Monte-Carlo Graph Search from First Principles",
KataGo's docs/GraphSearch.md): Q(n) = (own visits U(n) + sum of N(n, a) Q(a)) / N(n). A walk that takes an edge with
fewer visits than the node below has ends there: what it would find is known already, and costs nothing. So does one
that comes back to a node on its path. Not covered: games in which to come back to a position has a worth of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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
from pawl.search.tree import NONE, Tree, bounds, turn


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
    """Down the trees `rows` [R], from their roots or onward from where the paths end, until an action has no child, a
    node nothing below it, or what is below is known.

    Returns the trees, nodes and actions [3, L] of actions without a child, and the trees and nodes [2, M] of nodes
    whose actions are not known.

    For GUMBEL, `scores` [B, A] are noise plus log prior of the root's actions, and `levels` [B] how many visits the
    next of them must have.
    """
    scratch = room(tree)
    fresh, bare = np.empty((3, len(rows)), np.int32), np.empty((2, len(rows)), np.int32)
    num_fresh, num_bare = 0, 0
    for b in rows:
        shared = tree.shared[b]
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
            if shared and _known(tree, b, paths, depth - 1, edge.waiting - 1):
                break
            node = edge.child
        paths.lengths[b] = depth
    return fresh[:, :num_fresh].copy(), bare[:, :num_bare].copy()


@inlined
def _known(tree: Tree, b: int, paths: Paths, depth: int, others: int) -> bool:
    """Whether the action at a depth of a path need not be walked below: its node has visits that this way, `others` on
    it included, has not had, or is on the path already."""
    edge = tree.edges[b, paths.nodes[b, depth], paths.actions[b, depth]]
    if edge.visits + others < tree.nodes[b, edge.child].visits:
        return True
    return bool((paths.nodes[b, : depth + 1] == edge.child).any())


@inlined
def _choose(tree: Tree, b: int, node: int, rule: Rule, scores: Numbers, level: int, scratch: Scratch) -> int:
    """The action to take in a node."""
    priors, visits, q, completed, improved = scratch
    halving = rule.kind == GUMBEL and node == 0
    total = look(tree, b, node, rule.waiting_value, not halving, priors, visits, q)
    here = tree.nodes[b, node]
    if rule.kind == UCT:
        return choose_uct(rule, priors, visits, q, total, here.value, here.estimate)
    if rule.kind == PUCT:
        return choose_puct(rule, priors, visits, q, total, here.value, here.estimate)
    complete(rule, priors, visits, q, here.estimate, completed)
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
            q[a] = min(max(turn(tree, b, node, child) * tree.nodes[b, child].value, lower), upper)
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


@compiled
def back(tree: Tree, rows: IntArray, paths: Paths) -> None:
    """Up the paths of the trees `rows` [R], whose last actions have children by now: a visit to each node and action,
    and the value of the path's end."""
    for b in rows:
        if tree.shared[b]:
            _back_shared(tree, b, paths)
            continue
        last = paths.lengths[b] - 1
        node, action = paths.nodes[b, last], paths.actions[b, last]
        if action != NONE:
            node = tree.edges[b, node, action].child
            last += 1
        value = own_value(tree, b, node)
        _visit(tree, b, node, value)
        for d in range(last - 1, -1, -1):
            parent, action = paths.nodes[b, d], paths.actions[b, d]
            tree.edges[b, parent, action].visits += 1
            tree.edges[b, parent, action].waiting -= 1
            value *= turn(tree, b, parent, node)
            _visit(tree, b, parent, value)
            if tree.nodes[b, node].upper < np.inf or tree.nodes[b, node].lower > -np.inf:
                _bound(tree, b, parent)
            node = parent


@inlined
def own_value(tree: Tree, b: int, node: int) -> float:
    """What the evaluator said of a node, within what is known for sure."""
    here = tree.nodes[b, node]
    return float(min(max(float(here.estimate), here.lower), here.upper))


@inlined
def _back_shared(tree: Tree, b: int, paths: Paths) -> None:
    """Up a path on which each value is recomputed from the children."""
    last = paths.lengths[b] - 1
    if paths.actions[b, last] != NONE and not _known(tree, b, paths, last, 0):
        _recompute(tree, b, tree.edges[b, paths.nodes[b, last], paths.actions[b, last]].child)
    for d in range(last, -1, -1):
        node, action = paths.nodes[b, d], paths.actions[b, d]
        if action != NONE:
            tree.edges[b, node, action].visits += 1
            tree.edges[b, node, action].waiting -= 1
        _recompute(tree, b, node)


@inlined
def _recompute(tree: Tree, b: int, node: int) -> None:
    """Another visit; the node's bounds, and its value, the mean of its own and its actions', by visits."""
    here = tree.nodes[b, node]
    here.visits += 1
    if here.expanded and not here.terminal:
        _bound(tree, b, node)
    own, total = here.visits, 0.0
    for a in range(tree.edges.shape[2]):
        edge = tree.edges[b, node, a]
        if edge.visits > 0:
            lower, upper = bounds(tree, b, node, edge.child)
            value = min(max(turn(tree, b, node, edge.child) * tree.nodes[b, edge.child].value, lower), upper)
            own, total = own - edge.visits, total + edge.visits * value
    here.value = (own * own_value(tree, b, node) + total) / here.visits


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
