"""A searched tree out of its arrays: plain records, for people to look at.

What the search cannot come to any more is left out. Not covered: two players; values are as the nodes have them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pawl.records import SearchTree, TreeNode, TreeStep
from pawl.search.tree import NONE, Tree


def record_tree(tree: Tree, b: int, actions: Mapping[int, Sequence[Any]], chosen: int) -> SearchTree:
    """Tree b with its nodes in breadth-first order; `actions` are those of each node whose actions are known, and
    `chosen` is the place of the root's action that was chosen, or NONE."""
    places = _reached(tree, b)
    nodes = tuple(_node(tree, b, node, actions.get(node, ()), places) for node in places)
    return SearchTree(nodes, () if chosen == NONE else _line(nodes, chosen))


def _reached(tree: Tree, b: int) -> dict[int, int]:
    """The nodes that the root leads to, itself first, each with its place."""
    order, places = [0], {0: 0}
    for node in order:  # which grows meanwhile
        for child in tree.edges["child"][b, node].tolist():
            if child != NONE and child not in places:
                places[child] = len(order)
                order.append(child)
    return places


def _node(tree: Tree, b: int, node: int, actions: Sequence[Any], places: Mapping[int, int]) -> TreeNode:
    here, edges = tree.nodes[b, node], tree.edges[b, node]
    steps = tuple(TreeStep(str(action), float(edge["prior"]), int(edge["visits"]), places.get(int(edge["child"])))
                  for action, edge in zip(actions, edges, strict=False))  # edges are padded to the widest node's
    proven = float(here["lower"]) if here["lower"] == here["upper"] else None
    return TreeNode(int(here["visits"]), float(here["value"]), float(here["estimate"]), bool(here["terminal"]),
                    proven, steps)


def _line(nodes: Sequence[TreeNode], chosen: int) -> tuple[int, ...]:
    """The chosen step, and below it the most visited one, of several the one with the largest value; it ends where
    nothing was taken, or where it comes back to itself."""
    line, seen, node = [chosen], {0}, nodes[0].steps[chosen].child
    while node is not None and node not in seen:
        seen.add(node)
        taken = [(step.visits, nodes[step.child].value, -place) for place, step in enumerate(nodes[node].steps)
                 if step.child is not None and step.visits > 0]
        if not taken:
            break
        line.append(-max(taken)[2])
        node = nodes[node].steps[line[-1]].child
    return tuple(line)
