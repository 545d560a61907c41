"""The loop of tree search: many trees advance together, and their leaves are evaluated in one batch.

Knows nothing of tasks and models: `evaluate` says what lies where an action leads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pawl.compiled import compiled, inlined, plain
from pawl.records import FloatArray, IntArray
from pawl.search.back import land
from pawl.search.graph import link
from pawl.search.halving import ByTokens, Levels, Limit, by_walks
from pawl.search.look import look, room
from pawl.search.rules import GUMBEL, Numbers, Rule, choose_root, complete, improve
from pawl.search.tree import NONE, Leaves, Tree, attach, bounds, enlarge, expand, plant
from pawl.search.walk import unwalked, walk

Evaluate = Callable[[IntArray, IntArray, IntArray], Leaves]
"""(trees [L], nodes [L], actions [L]) -> what lies where each action leads, in that order; with room for more actions
where a node has more than any before."""

Propose = Callable[[IntArray, IntArray], FloatArray]
"""(trees [L], nodes [L]) -> priors [L, A] over the actions of nodes that are walked through for the first time."""

Find = Callable[[IntArray, IntArray, IntArray], IntArray]
"""(trees [L], nodes [L], actions [L]) -> the numbers [L] of the nodes that the actions lead to, new ones counted on."""

FIRST_ROOM = 64
"""Walks that there is room for at first, when only their price says how many there will be."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the searches say of their roots."""

    tree: Tree
    actions: IntArray
    """[B] the action to take; NONE where a root has none."""
    policy: FloatArray
    """[B, A] the policy target: completed Q's improved policy for GUMBEL, else shares of visits."""
    values: FloatArray
    """[B] Q of the root."""


def search(roots: Leaves, evaluate: Evaluate, *, rule: Rule, simulations: int, considered: int = 16,
           noise: Numbers | None = None, propose: Propose | None = None, together: int = 1, find: Find | None = None,
           kept: Tree | None = None, limit: Limit | None = None, reach: float = np.inf) -> Outcome:
    """`simulations` walks down each of B trees, fewer where the `limit` is reached.

    For GUMBEL, `noise` [B, A] is added to the root's log priors (none: 0, the best play without luck), and the
    `considered` actions that lead then are compared by sequential halving. Without `propose` a leaf comes with its
    priors; a node for which nothing is proposed is a dead end, worth what it was estimated at. The leaves of
    `together` walks down a tree are evaluated in one batch; those that are under way keep others away (`waiting_value`
    of the rule).

    With `find`, actions that lead to one node share it, and only new ones are evaluated. Trees that are `kept` go on
    from what they have, an empty one from its root; of `roots` they take the priors. No value is beyond `reach` or its
    negative.
    """
    tree = _planted(roots, kept, 1 + (simulations if limit is None else min(simulations, FIRST_ROOM)), reach)
    rows = np.arange(len(roots.priors), dtype=np.int32)
    scores = _root_scores(roots.priors, noise)
    levels = _levels(roots.priors, rule, simulations, considered, limit)
    paths, nothing = unwalked(tree, min(together, simulations)), Leaves._make(part[:0] for part in roots)
    for first in range(0, simulations, together):
        if limit is not None:
            rows = rows[limit.spent()[rows] < limit.tokens]
            if rows.size == 0:
                break
            if tree.sizes.max() + together > tree.nodes.shape[1]:
                tree = enlarge(tree, 2 * tree.nodes.shape[1] + together, tree.edges.shape[2])
                paths = unwalked(tree, len(paths.nodes))
        walks, found = min(together, simulations - first), []
        for number in range(walks):
            level = levels(first + number)
            fresh, bare = walk(plain(tree), rows, plain(rule), scores, level, plain(paths), number, False)
            if propose is not None and bare.size:
                tree, scores = _expanded(tree, scores, bare, propose(bare[0], bare[1]))
                below, _ = walk(plain(tree), bare[0], plain(rule), scores, level, plain(paths), number, True)
                fresh = np.concatenate((fresh, below), axis=1)
            found.append(fresh)
        fresh = found[0] if walks == 1 else np.unique(np.concatenate(found, axis=1), axis=1)
        if find is not None and fresh.size:
            fresh = fresh[:, link(tree, fresh, find(fresh[0], fresh[1], fresh[2]))]
        leaves = evaluate(fresh[0], fresh[1], fresh[2]) if fresh.size else nothing
        tree, scores = _widened(tree, scores, leaves.priors.shape[1])
        land(plain(tree), rows, fresh, plain(leaves), plain(paths), walks)
    return outcome(tree, rule, scores)


def _planted(roots: Leaves, kept: Tree | None, more: int, reach: float) -> Tree:
    """Trees with these roots and room for more nodes."""
    trees, count = roots.priors.shape
    tree = plant(trees, more, count, reach) if kept is None else enlarge(kept, kept.nodes.shape[1] + more, count)
    there = tree.sizes > 0
    new, old = (np.flatnonzero(those).astype(np.int32) for those in (~there, there))
    nowhere = np.full_like(new, NONE)
    attach(tree, np.stack((new, nowhere, nowhere)), Leaves._make(part[new] for part in roots))
    expand(tree, np.stack((old, np.zeros_like(old))), roots.priors[old])
    return tree


def _expanded(tree: Tree, scores: Numbers, places: IntArray, priors: FloatArray) -> tuple[Tree, Numbers]:
    """The tree and the root's scores, with the priors of these places."""
    tree, scores = _widened(tree, scores, priors.shape[1])
    expand(tree, places, priors)
    return tree, scores


def _widened(tree: Tree, scores: Numbers, actions: int) -> tuple[Tree, Numbers]:
    """The tree and the root's scores, with room for so many actions."""
    if (more := actions - tree.edges.shape[2]) > 0:
        tree = enlarge(tree, tree.nodes.shape[1], actions)
        scores = np.pad(scores, ((0, 0), (0, more)), constant_values=-np.inf)
    return tree, scores


def _root_scores(priors: FloatArray, noise: Numbers | None) -> Numbers:
    """[B, A] log prior plus noise."""
    with np.errstate(divide="ignore"):
        logits: Numbers = np.log(priors.astype(np.float64))
    return logits if noise is None else logits + noise


def _levels(priors: FloatArray, rule: Rule, simulations: int, considered: int, limit: Limit | None) -> Levels:
    """The visits that the root's next action must have."""
    counts = np.minimum((priors > 0).sum(axis=1), considered).astype(np.int32)
    if rule.kind != GUMBEL:
        return lambda number: counts  # not asked for
    return by_walks(counts, simulations) if limit is None else ByTokens(counts, simulations, limit)


def outcome(tree: Tree, rule: Rule, scores: Numbers) -> Outcome:
    """What to do at the roots."""
    trees, _, count = tree.edges.shape
    actions, policy = np.full(trees, NONE, np.int32), np.zeros((trees, count), np.float32)
    _decide(tree, rule, scores, actions, policy)
    return Outcome(tree, actions, policy, tree.nodes["value"][:, 0].astype(np.float32))


@compiled
def _decide(tree: Tree, rule: Rule, scores: Numbers, actions: IntArray, policy: FloatArray) -> None:
    count = tree.edges.shape[2]
    priors, visits, q, completed, improved = room(tree)
    for b in range(len(actions)):
        if not tree.nodes[b, 0].expanded:
            continue
        look(tree, b, 0, np.nan, False, priors, visits, q)
        here = tree.nodes[b, 0]
        for a in range(count):  # what is known to be worse is out of the question; where all is known, so is the rest
            child = tree.edges[b, 0, a].child
            lower, upper = bounds(tree, b, 0, child) if child != NONE else (-tree.reach, tree.reach)
            if upper < here.lower or (here.lower == here.upper and lower < here.lower):
                priors[a], visits[a] = 0, 0
        most, total, likelihood = 0, 0, 0.0
        for a in range(count):
            most, total, likelihood = max(most, visits[a]), total + visits[a], likelihood + priors[a]
        if rule.kind == GUMBEL:
            complete(rule, priors, visits, q, tree.nodes[b, 0].estimate, completed)
            improve(priors, completed, improved)
            actions[b] = choose_root(scores[b], priors, visits, completed, most)
            for a in range(count):
                policy[b, a] = improved[a]
        else:
            # The most visited; of several, the one with the largest value; before any visit, the likeliest.
            best, worth = -1, -np.inf
            for a in range(count):
                if priors[a] > 0 and visits[a] == most:
                    this = q[a] if most > 0 else priors[a]
                    if this > worth:
                        best, worth = a, this
                policy[b, a] = visits[a] / total if total > 0 else priors[a] / likelihood
            actions[b] = best
        if visits[actions[b]] > 0 and q[actions[b]] < here.lower:  # something better is sure, and was looked at no more
            actions[b] = _settle(tree, b, here.lower, policy[b])


@inlined
def _settle(tree: Tree, b: int, lower: float, policy: FloatArray) -> int:
    """The first action of a root that is sure to be worth so much; the policy becomes those that are, alike."""
    first, count = NONE, 0
    for a in range(len(policy)):
        child = tree.edges[b, 0, a].child
        sure = child != NONE and tree.edges[b, 0, a].prior > 0 and bounds(tree, b, 0, child)[0] >= lower
        policy[a] = 1 if sure else 0
        count += sure
        if sure and first == NONE:
            first = a
    for a in range(len(policy)):
        policy[a] /= count
    return first
