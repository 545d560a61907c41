"""How much better an answer was than was to be expected: pure functions of scores, for policy gradients.

Scores come in groups of K answers to one problem, [N, K], NaN where a judge abstained: such an answer is no part of any
mean, and its advantage is 0. Not covered: rewards at each step other than the last; `gae` takes them, no judge gives
them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Scores: TypeAlias = NDArray[np.float64]
EPSILON = 1e-4
"""Added to a standard deviation that divides, as in TRL."""


def batch_baseline(scores: Scores) -> Scores:
    """[N, K] scores less the mean of them all: REINFORCE with a baseline (Williams 1992)."""
    return _known(scores - _mean(scores, axis=None))


def group_baseline(scores: Scores) -> Scores:
    """[N, K] scores less their group's mean, whatever their spread.

    Liu et al., "Understanding R1-Zero-like training", 2025, section 3.2 (Dr. GRPO): to divide by the group's standard
    deviation, as GRPO does, weighs problems up that are nearly always or nearly never solved.
    """
    return _known(scores - _mean(scores))


def group_normalised(scores: Scores) -> Scores:
    """[N, K] scores less their group's mean, over their group's standard deviation (of a sample, as in TRL).

    Shao et al., "DeepSeekMath", 2024, section 4.1.2: GRPO with outcome supervision.
    """
    counts = _counted(scores)
    centred = np.where(np.isnan(scores), 0.0, scores - _mean(scores))
    deviations = np.sqrt((centred**2).sum(1, keepdims=True) / np.maximum(counts - 1, 1))
    return _known(centred / (deviations + EPSILON), scores)


def leave_one_out(scores: Scores) -> Scores:
    """[N, K] scores less the mean of the others in their group; 0 where there is no other.

    Kool et al., "Buy 4 REINFORCE samples, get a baseline for free!", 2019, equation 8; RLOO, Ahmadian et al. 2024.
    """
    counts = _counted(scores)
    others = (np.nansum(scores, axis=1, keepdims=True) - scores) / np.maximum(counts - 1, 1)
    return _known(np.where(counts > 1, scores - others, 0.0), scores)


FARTHEST = 14.0
"""Log-odds that a score is taken for at most, either way: a chance in float32 knows no more."""


def log_odds(scores: Sequence[float | None] | NDArray[Any]) -> NDArray[np.float64]:
    """log(score / (1 - score)) of scores in [0, 1], in their shape and within +-14; NaN where there is none. Of a
    reward model it is the reward that it learnt, of which its score is the sigmoid."""
    known = np.array(scores, np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray((np.log(known) - np.log1p(-known)).clip(-FARTHEST, FARTHEST))


Baseline = Callable[[Scores], Scores]
BASELINES: Mapping[str, Baseline] = {
    "batch": batch_baseline, "group": group_baseline, "normalised": group_normalised, "leave-one-out": leave_one_out}


def gae(rewards: NDArray[Any], values: NDArray[Any], *, discount: float = 1.0, trace: float = 0.95
        ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Advantages [T] of T steps, and what their values should have been [T]: the lambda-returns.

    `rewards` [T] came after each step, `values` [T] were expected before it; after the last step nothing comes.
    Schulman et al., "High-dimensional continuous control using generalized advantage estimation", 2016, equation 16,
    with gamma as `discount` and lambda as `trace`.
    """
    following = np.append(values[1:], 0.0)
    surprises = rewards + discount * following - values
    advantages = np.zeros(len(rewards))
    ahead = 0.0
    for step in range(len(rewards) - 1, -1, -1):
        ahead = advantages[step] = surprises[step] + discount * trace * ahead
    return advantages, advantages + values


def whitened(advantages: NDArray[Any]) -> NDArray[np.float64]:
    """[N] of mean 0 and standard deviation 1, as PPO's usually are (Huang et al. 2022); zeros where they are alike."""
    spread = float(advantages.std()) if len(advantages) else 0.0
    return (advantages - advantages.mean()) / spread if spread > 1e-8 else np.zeros(len(advantages))


def reward_weights(scores: Scores, *, temperature: float) -> Scores:
    """[N, K] weights exp(score / temperature), over their group's largest: reward-weighted regression (Peters and
    Schaal 2007, equation 8). 0 where nothing is known."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a group of which nothing is known
        best = np.nanmax(scores, axis=1, keepdims=True)
    return _known(np.exp((scores - best) / temperature))


def _mean(scores: Scores, axis: int | None = 1) -> Scores:
    """Over those that are known; NaN where none is."""
    counts = np.sum(~np.isnan(scores), axis=axis, keepdims=True)
    return np.asarray(np.nansum(scores, axis=axis, keepdims=True) / np.where(counts, counts, np.nan))


def _counted(scores: Scores) -> NDArray[np.int64]:
    """[N, 1] how many of a group are known."""
    return np.asarray((~np.isnan(scores)).sum(1, keepdims=True))


def _known(found: Scores, scores: Scores | None = None) -> Scores:
    """What was found, and 0 where nothing is known."""
    return np.where(np.isnan(found if scores is None else scores), 0.0, found)
