"""Which action a search takes next in a node: UCT, PUCT, and Gumbel with sequential halving and completed Q.

Pure functions of one node's numbers, each [A]: priors (0 where there is no such action), visits, and q, the value of
each visited action from the node's view. Ties go to the first action.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pawl.compiled import inlined
from pawl.records import FloatArray, IntArray

UCT, PUCT, GUMBEL = 0, 1, 2
USUAL, REDUCED, COMPLETED = 0, 1, 2
EPSILON = 1e-8
"""The least range of values that is stretched to 1."""

Numbers = NDArray[np.float64]


class Rule(NamedTuple):
    """How to choose; what a kind does not use is ignored."""

    kind: int
    """UCT, PUCT or GUMBEL."""
    exploration: float
    """c of UCT, c_init of PUCT."""
    base: float = 19652.0
    """PUCT's exploration grows by one when a node has e times as many visits as this (MuZero, appendix B)."""
    first_play: int = USUAL
    """What UCT and PUCT take an action not yet visited to be worth. USUAL: in UCT more than any other, in PUCT the
    least value known in the node (mctx). REDUCED: the node's own less `reduction` times the root of the visited prior
    (KataGo, lc0). COMPLETED: `mixed_value`. With the last two, UCT's bound is that of one visit."""
    reduction: float = 0.2
    """Of REDUCED, in units of value."""
    value_scale: float = 0.1
    """Gumbel's c_scale."""
    visit_offset: float = 50.0
    """Gumbel's c_visit."""
    waiting_value: float = np.nan
    """What a walk that has not come back is taken to be worth (virtual loss). Not a number: it counts as a visit and
    leaves the value alone (Liu et al. 2020, "Watch the Unobserved")."""


@inlined
def choose_uct(rule: Rule, priors: FloatArray, visits: IntArray, q: Numbers, total: int, value: float,
               estimate: float) -> int:
    """Kocsis and Szepesvari 2006: q + c sqrt(ln n / n_a); of those not visited, the likeliest first.

    `total` is the node's visits, its own evaluation included, `value` their mean, and `estimate` the evaluator's value.
    """
    best, chosen, likeliest = -np.inf, -1, np.float32(0)
    logarithm = np.log(max(total, 1))
    fresh = np.inf
    if rule.first_play != USUAL:
        fresh = first_value(rule, priors, visits, q, value, estimate) + rule.exploration * np.sqrt(logarithm)
    for a in range(len(priors)):
        if priors[a] > 0:
            if visits[a] == 0:
                if priors[a] > likeliest and fresh >= best:
                    best, chosen, likeliest = fresh, a, priors[a]
            else:
                score = q[a] + rule.exploration * np.sqrt(logarithm / visits[a])
                if score > best:
                    best, chosen = score, a
    return chosen


@inlined
def choose_puct(rule: Rule, priors: FloatArray, visits: IntArray, q: Numbers, total: int, value: float,
                estimate: float) -> int:
    """MuZero (Schrittwieser et al. 2020), appendix B; values stretched to [0, 1] by those of the node and its children.

    `total`, `value` and `estimate` as in `choose_uct`.
    """
    low, high = value, value
    for a in range(len(priors)):
        if visits[a] > 0:
            low, high = min(low, q[a]), max(high, q[a])
    stretch = max(high - low, EPSILON)
    fresh = 0.0
    if rule.first_play != USUAL:
        fresh = (first_value(rule, priors, visits, q, value, estimate) - low) / stretch
    weight = (rule.exploration + np.log((total + rule.base + 1) / rule.base)) * np.sqrt(total)
    best, chosen = -np.inf, -1
    for a in range(len(priors)):
        if priors[a] > 0:
            score = ((q[a] - low) / stretch if visits[a] > 0 else fresh) + weight * priors[a] / (visits[a] + 1)
            if score > best:
                best, chosen = score, a
    return chosen


@inlined
def first_value(rule: Rule, priors: FloatArray, visits: IntArray, q: Numbers, value: float, estimate: float) -> float:
    """What REDUCED or COMPLETED takes actions not yet visited to be worth."""
    if rule.first_play == COMPLETED:
        return mixed_value(priors, visits, q, estimate)
    seen = 0.0
    for a in range(len(priors)):
        if visits[a] > 0:
            seen += priors[a]
    return float(value - rule.reduction * np.sqrt(seen))


@inlined
def mixed_value(priors: FloatArray, visits: IntArray, q: Numbers, estimate: float) -> float:
    """The evaluator's value, weighed as one visit, and the visited ones', weighed by prior (Danihelka et al. 2022,
    appendix D). One that can no longer matter, whose prior is 0, is left out."""
    seen, weighted, count = 0.0, 0.0, 0
    for a in range(len(priors)):
        if visits[a] > 0 and priors[a] > 0:
            seen += priors[a]
            weighted += priors[a] * q[a]
            count += visits[a]
    return (estimate + count * weighted / seen) / (count + 1) if count else estimate


@inlined
def complete(rule: Rule, priors: FloatArray, visits: IntArray, q: Numbers, estimate: float, out: Numbers) -> None:
    """out = sigma(completed q) (Danihelka et al. 2022, equations 8 and 10, and appendix D).

    An action not yet visited takes `mixed_value`.
    """
    mixed, most = mixed_value(priors, visits, q, estimate), 0
    low, high = np.inf, -np.inf
    for a in range(len(priors)):
        if priors[a] > 0:
            out[a] = q[a] if visits[a] > 0 else mixed
            low, high, most = min(low, out[a]), max(high, out[a]), max(most, visits[a])
    scale = (rule.visit_offset + most) * rule.value_scale / max(high - low, EPSILON)
    for a in range(len(priors)):
        out[a] = (out[a] - low) * scale if priors[a] > 0 else -np.inf


@inlined
def improve(priors: FloatArray, completed: Numbers, out: Numbers) -> None:
    """out = softmax(log prior + completed) (Danihelka et al. 2022, equation 11)."""
    top = -np.inf
    for a in range(len(priors)):
        if priors[a] > 0:
            top = max(top, completed[a])
    total = 0.0
    for a in range(len(priors)):
        out[a] = priors[a] * np.exp(completed[a] - top) if priors[a] > 0 else 0.0
        total += out[a]
    for a in range(len(priors)):
        out[a] /= total


@inlined
def choose_gumbel(priors: FloatArray, visits: IntArray, improved: Numbers) -> int:
    """Below the root: where visits fall furthest behind the improved policy (equation 14)."""
    total = 1
    for a in range(len(priors)):
        total += visits[a]
    best, chosen = -np.inf, -1
    for a in range(len(priors)):
        if priors[a] > 0:
            score = improved[a] - visits[a] / total
            if score > best:
                best, chosen = score, a
    return chosen


@inlined
def choose_root(scores: Numbers, priors: FloatArray, visits: IntArray, completed: Numbers, level: int) -> int:
    """At the root: the largest score plus completed q among the actions that have `level` visits.

    `scores` are Gumbel noise plus log prior.
    """
    best, chosen = -np.inf, -1
    for a in range(len(priors)):
        if priors[a] > 0 and visits[a] == level and scores[a] + completed[a] > best:
            best, chosen = scores[a] + completed[a], a
    return chosen


def considered_visits(actions: int, simulations: int) -> IntArray:
    """[simulations] how many visits an action must have to be the next one of sequential halving.

    Of `actions` that are considered, half are left after each phase; the phases share the simulations equally
    (Karnin, Koren and Somekh 2013; Danihelka et al. 2022, algorithm 1).
    """
    if actions <= 1:
        return np.arange(simulations, dtype=np.int32)
    levels: list[int] = []
    phases = int(np.ceil(np.log2(actions)))
    visits = np.zeros(actions, np.int32)
    left = actions
    while len(levels) < simulations:
        for _ in range(max(1, simulations // (phases * left))):
            levels.extend(visits[:left])
            visits[:left] += 1
        left = max(2, left // 2)
    return np.array(levels[:simulations], dtype=np.int32)
