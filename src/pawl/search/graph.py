"""Trees in which nodes are found again: by another way to them, or by the search of the step before."""

from __future__ import annotations

import numpy as np

from pawl.compiled import compiled
from pawl.records import IntArray
from pawl.search.tree import NONE, Flags, Tree, plant


@compiled
def link(tree: Tree, places: IntArray, numbers: IntArray) -> Flags:
    """Leads the trees, nodes and actions `places` [3, L] to the nodes `numbers` [L] that are there already.

    Returns which [L] are not: their numbers count on, and they are to be attached in this order.
    """
    new, sizes = np.zeros(len(numbers), np.bool_), tree.sizes.copy()
    for i in range(len(numbers)):
        b = places[0, i]
        new[i] = numbers[i] == sizes[b]
        if new[i]:
            sizes[b] += 1
        else:
            tree.edges[b, places[1, i], places[2, i]].child = numbers[i]
            tree.shared[b] = True
    return new


def regrown(tree: Tree, rows: IntArray, starts: IntArray) -> tuple[Tree, list[IntArray]]:
    """Trees [R] of what lies below the nodes `starts` [R] of the trees `rows` [R], and the old numbers of their nodes
    in the new order. An empty one where a start is NONE.

    Nodes keep visits, values and bounds, but for the new root: its actions have none, as if no walk had taken them.
    The old root stays behind, as there may be noise in its priors; what led back to it is as before it was tried.
    """
    orders, counts = _below(tree, rows, starts)
    found = [order[:count] for order, count in zip(orders, counts, strict=True)]
    kept = plant(len(rows), max(1, int(counts.max(initial=0))), tree.edges.shape[2], tree.reach)
    for i, (b, order) in enumerate(zip(rows, found, strict=True)):
        numbers = np.full(tree.nodes.shape[1] + 1, NONE, np.int32)  # the last for NONE itself
        numbers[order] = np.arange(len(order))
        edges = tree.edges[b, order]
        edges["child"] = numbers[edges["child"]]
        edges["visits"][edges["child"] == NONE] = 0
        edges["visits"][:1] = 0
        kept.nodes[i, : len(order)], kept.edges[i, : len(order)] = tree.nodes[b, order], edges
    roots = kept.nodes[:, 0]
    roots["visits"], roots["value"] = 1, np.clip(roots["estimate"], roots["lower"], roots["upper"])
    return kept._replace(sizes=counts, shared=counts > 0), found


@compiled
def _below(tree: Tree, rows: IntArray, starts: IntArray) -> tuple[IntArray, IntArray]:
    """The nodes [R, N] that can be come to from `starts`, these first, breadth first; and how many [R]."""
    orders, counts = np.full((len(rows), tree.nodes.shape[1]), NONE, np.int32), np.zeros(len(rows), np.int32)
    for i in range(len(rows)):
        seen = np.zeros(tree.nodes.shape[1], np.bool_)
        seen[0] = True
        if starts[i] != NONE:
            orders[i, 0], counts[i], seen[starts[i]] = starts[i], 1, True
        done = 0
        while done < counts[i]:
            for a in range(tree.edges.shape[2]):
                child = tree.edges[rows[i], orders[i, done], a].child
                if child != NONE and not seen[child]:
                    orders[i, counts[i]], seen[child] = child, True
                    counts[i] += 1
            done += 1
    return orders, counts
