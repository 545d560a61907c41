"""Walks down trees to their leaves.

A value that is known for sure bounds what is above it (score-bounded search, Cazenave and Saffidine 2010): a node
whose bounds meet is solved and is not walked below, and an action that can no longer matter is not taken.

Where a node has visits that did not come by every edge to it (`Tree.shared`), a walk that takes an edge with fewer
visits than the node below has ends there: what it would find is known already, and costs nothing. So does one that
comes back to a node on its path. Not covered: games in which to come back to a position has a worth of its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pawl.compiled import compiled, inlined
from pawl.records import IntArray
from pawl.search.look import Scratch, look, room
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
from pawl.search.tree import NONE, Tree


class Paths(NamedTuple):
    """How each tree was walked down, last, by each of K walks whose leaves are evaluated together."""

    nodes: IntArray
    """[K, B, N] from the root."""
    actions: IntArray
    """[K, B, N] taken in each node; NONE in a last one below which there was nothing to walk."""
    lengths: IntArray
    """[K, B] nodes on the path."""


def unwalked(tree: Tree, walks: int) -> Paths:
    """Room for so many paths in each tree."""
    shape = walks, *tree.nodes.shape
    return Paths(np.zeros(shape, np.int32), np.full(shape, NONE, np.int32), np.zeros(shape[:2], np.int32))


@compiled
def walk(tree: Tree, rows: IntArray, rule: Rule, scores: Numbers, levels: IntArray, paths: Paths, number: int,
         onward: bool) -> tuple[IntArray, IntArray]:
    """Down the trees `rows` [R], from their roots or onward from where the paths of this `number` end, until an action
    has no child, a node nothing below it, or what is below is known.

    Returns the trees, nodes and actions [3, L] of actions without a child, and the trees and nodes [2, M] of nodes
    whose actions are not known.

    For GUMBEL, `scores` [B, A] are noise plus log prior of the root's actions, and `levels` [B] how many visits the
    next of them must have.
    """
    tree, rule, paths = Tree(*tree), Rule(*rule), Paths(*paths)
    scratch, ends = room(tree), np.empty((5, len(rows)), np.int32)
    num_fresh, num_bare = _descend(tree, rows, rule, scores, levels, paths, number, onward, scratch, ends)
    return ends[:3, :num_fresh].copy(), ends[3:, :num_bare].copy()


@inlined
def _descend(tree: Tree, rows: IntArray, rule: Rule, scores: Numbers, levels: IntArray, paths: Paths, number: int,
             onward: bool, scratch: Scratch, ends: IntArray) -> tuple[int, int]:
    """As `walk`; returns how many it has put into the first three and into the last two rows of `ends` [5, R]."""
    num_fresh, num_bare = 0, 0
    for b in rows:
        shared = tree.shared[b]
        depth = paths.lengths[number, b] - 1 if onward else 0
        node = paths.nodes[number, b, depth] if onward else 0
        while True:
            here, action = tree.nodes[b, node], NONE
            if here.expanded and not here.terminal and here.lower < here.upper:
                action = _choose(tree, b, node, rule, scores, levels[b], scratch)
            elif not here.expanded and not here.terminal:
                ends[3, num_bare], ends[4, num_bare] = b, node
                num_bare += 1
            paths.nodes[number, b, depth], paths.actions[number, b, depth] = node, action
            depth += 1
            if action == NONE:
                break
            edge = tree.edges[b, node, action]
            edge.waiting += 1
            if edge.child == NONE:
                ends[0, num_fresh], ends[1, num_fresh], ends[2, num_fresh] = b, node, action
                num_fresh += 1
                break
            if shared and known(tree, b, paths, number, depth - 1, edge.waiting - 1):
                break
            node = edge.child
        paths.lengths[number, b] = depth
    return num_fresh, num_bare


@inlined
def known(tree: Tree, b: int, paths: Paths, number: int, depth: int, others: int) -> bool:
    """Whether the action at a depth of a path need not be walked below: its node has visits that this way, `others` on
    it included, has not had, or is on the path already."""
    edge = tree.edges[b, paths.nodes[number, b, depth], paths.actions[number, b, depth]]
    if edge.visits + others < tree.nodes[b, edge.child].visits:
        return True
    for d in range(depth + 1):  # noqa: SIM110 - numba compiles no generator
        if paths.nodes[number, b, d] == edge.child:
            return True
    return False


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
        return choose_root(scores[b], priors, visits, completed, level)
    improve(priors, completed, improved)
    return choose_gumbel(priors, visits, improved)
