"""What was found is attached to the trees, and walks come back up with its value.

Where a node has visits that did not come by every edge to it (`Tree.shared`), visits are counted for each edge, and a
value is not a running mean but recomputed from the children (Wu, "Monte-Carlo Graph Search from First Principles",
KataGo's docs/GraphSearch.md): Q(n) = (own visits U(n) + sum of N(n, a) Q(a)) / N(n).
"""

from __future__ import annotations

import numpy as np

from pawl.compiled import compiled, inlined
from pawl.records import IntArray
from pawl.search.tree import NONE, Leaves, Tree, attach, bounds, turn, worth
from pawl.search.walk import Paths, known


@compiled
def land(tree: Tree, rows: IntArray, places: IntArray, leaves: Leaves, paths: Paths, walks: int) -> None:
    """A node for each of the trees, nodes and actions `places` [3, L]; and up the first so many `walks` of the trees
    `rows` [R], whose last actions have children then: a visit to each node and action, and the value of the path's
    end."""
    tree, leaves, paths = Tree(*tree), Leaves(*leaves), Paths(*paths)
    attach(tree, places, leaves)
    for number in range(walks):
        for b in rows:
            if tree.shared[b]:
                _back_shared(tree, b, paths, number)
            else:
                _back(tree, b, paths, number)


@inlined
def _back(tree: Tree, b: int, paths: Paths, number: int) -> None:
    last = paths.lengths[number, b] - 1
    node, action = paths.nodes[number, b, last], paths.actions[number, b, last]
    if action != NONE:
        node = tree.edges[b, node, action].child
        last += 1
    value = own_value(tree, b, node)
    _visit(tree, b, node, value)
    for d in range(last - 1, -1, -1):
        parent = paths.nodes[number, b, d]
        edge = tree.edges[b, parent, paths.actions[number, b, d]]
        edge.visits += 1
        edge.waiting -= 1
        edge.value = worth(tree, b, parent, node)
        value *= turn(tree, b, parent, node)
        _visit(tree, b, parent, value)
        if tree.nodes[b, node].upper < tree.reach or tree.nodes[b, node].lower > -tree.reach:
            _bound(tree, b, parent)
        node = parent


@inlined
def own_value(tree: Tree, b: int, node: int) -> float:
    """What the evaluator said of a node, within what is known for sure."""
    here = tree.nodes[b, node]
    return float(min(max(float(here.estimate), here.lower), here.upper))


@inlined
def _back_shared(tree: Tree, b: int, paths: Paths, number: int) -> None:
    """Up a path on which each value is recomputed from the children."""
    last = paths.lengths[number, b] - 1
    if paths.actions[number, b, last] != NONE and not known(tree, b, paths, number, last, 0):
        _recompute(tree, b, tree.edges[b, paths.nodes[number, b, last], paths.actions[number, b, last]].child)
    for d in range(last, -1, -1):
        node, action = paths.nodes[number, b, d], paths.actions[number, b, d]
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
            own, total = own - edge.visits, total + edge.visits * worth(tree, b, node, edge.child)
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
