"""A match that may be looked at after every pair of games: who is better, at a chance of error that all looks share.

A bettor starts with 1 and stakes a share of what it has on each pair, at odds that are fair if the candidate scores 1/2
on average. Its wealth is then a martingale, and the chance that it ever reaches 1 / alpha is at most alpha (Ville
1939). So a candidate that is no better is promoted with probability alpha at most, however often the match is looked at
and whenever it is stopped; draws are scores of 1/2 and need no model. The bet is a mixture of constant ones
(Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", 2024, section 4 and appendix B).

Pairs are games from one opening with sides swapped: only pairs are independent, and a side that is better off cancels.
What is asked is who is better over the openings from which each pair's is drawn anew; so openings may come again, in a
match and in a later one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import logsumexp

from pawl.gate.spending import check_alpha
from pawl.interfaces import Gate
from pawl.records import Decision, Evidence

STAKES = np.linspace(0.05, 0.95, 19)
"""Shares of what can be staked, mixed alike."""
LEVEL = 0.95


def log_wealth(scores: ArrayLike, mean: float = 0.5) -> NDArray[np.float64]:
    """[N] logarithm of what a bettor has who bet that the mean is above `mean`, after each of the scores [N] in [0, 1].
    """
    scores = np.asarray(scores, np.float64)
    most = 1 / mean  # what may be staked on a score of 0 without being ruined
    growth = np.log1p(most * STAKES[:, None] * (scores - mean))
    grown: NDArray[np.float64] = logsumexp(growth.cumsum(axis=1), axis=0) - np.log(len(STAKES))
    return grown


def chance_of_equal(scores: ArrayLike) -> float:
    """Largest chance of such scores [N] for a candidate that is no better: a p-value that holds at every look."""
    scores = np.asarray(scores, np.float64)
    return float(min(1.0, np.exp(-log_wealth(scores).max()))) if scores.size else 1.0


def score_interval(scores: ArrayLike, level: float = LEVEL) -> tuple[float, float]:
    """Interval of the mean score that holds at every look: means that no bettor for more or for less has made
    improbable."""
    scores = np.asarray(scores, np.float64)
    if scores.size == 0:
        return 0.0, 1.0
    low, high = _least(scores, 2 / (1 - level)), 1.0 - _least(1 - scores, 2 / (1 - level))
    mean = float(scores.mean())  # of scores that drifted, the two may meet on one side of it
    return min(low, mean), max(high, mean)


def _least(scores: NDArray[np.float64], bound: float) -> float:
    """The least mean at which no wealth reached the bound: it falls as the mean rises."""
    edge = 1e-6

    def excess(mean: float) -> float:
        return float(log_wealth(scores, mean).max() - np.log(bound))

    if excess(edge) <= 0:
        return 0.0
    if excess(1 - edge) >= 0:
        return 1.0
    return float(brentq(excess, edge, 1 - edge, xtol=1e-6))


def settled(scores: ArrayLike, alpha: float) -> bool | None:
    """Whether a match is over: True where the candidate is better at this alpha, False where the champion is, None
    where nobody can say yet."""
    scores = np.asarray(scores, np.float64)
    if scores.size and chance_of_equal(scores) <= alpha:
        return True
    if scores.size and chance_of_equal(1 - scores) <= alpha:
        return False
    return None


def sequential_gate(alpha: float = 0.05) -> Gate:
    """A gate that promotes a candidate which is no better with probability `alpha` at most, in each contest.

    The evidence is the candidate's score in each pair of games, and the champion's, which is what is left of 1. Raises
    ValueError for evidence that is none.
    """
    check_alpha(alpha)

    def gate(evidence: Evidence) -> Decision:
        scores = _scores(evidence)
        p_value = chance_of_equal(scores)
        return _decision(scores, p_value <= alpha, p_value, alpha)

    return gate


def promote_all(evidence: Evidence) -> Decision:
    """No gate, as in AlphaZero (Silver et al. 2018)."""
    scores = _scores(evidence)
    return _decision(scores, True, chance_of_equal(scores), 1.0)


def _scores(evidence: Evidence) -> NDArray[np.float64]:
    """[N] the candidate's. Raises ValueError."""
    ours, theirs = (np.asarray(side, np.float64) for side in (evidence.candidate, evidence.champion))
    if ours.ndim != 1 or ours.shape != theirs.shape or not np.allclose(ours + theirs, 1):
        raise ValueError("scores of a match must be two arrays [N] that sum to 1")
    if not ((ours >= 0) & (ours <= 1)).all():
        raise ValueError("scores must lie in [0, 1]")
    return ours


def _decision(scores: NDArray[np.float64], promote: bool, p_value: float, share: float) -> Decision:
    low, high = score_interval(scores)
    mean = float(scores.mean()) if scores.size else 0.5
    word = "promoted without a gate" if share == 1 else "promoted" if promote else "refused"
    relation = "" if share == 1 else f" {'<=' if p_value <= share else '>'} {share:.2g}"
    sentence = (f"{word}: the candidate scores {mean:.1%} [{100 * low:.1f}, {100 * high:.1f}] in {2 * scores.size} "
                f"games against the champion, sides swapped; p = {p_value:.2g}{relation}")
    reasons = [sentence]
    if not promote:
        reasons.append("it is not better" if mean <= 0.5 else "it may be better, but so few games do not show it")
    return Decision(promote, tuple(reasons), 2 * mean - 1, (2 * low - 1, 2 * high - 1), p_value, share)
