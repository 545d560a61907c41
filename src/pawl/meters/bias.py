"""Whether a judge goes by something that is not the answer's worth: its length, or where it stands in a pair.

Singhal et al., "A long way to go: investigating length correlations in RLHF", 2023 (arXiv 2310.03716); Zheng et al.,
"Judging LLM-as-a-judge with MT-Bench and Chatbot Arena", 2023 (arXiv 2306.05685), section 3.3. Not covered: a length
that makes answers better, which looks the same where no gold is known.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit
from scipy.stats import binomtest

from pawl.keys import stream
from pawl.meters.judge_rates import Interval, Rate, rate

Numbers = NDArray[np.float64]

EDGE = 1e-4
"""Scores nearer to 0 or 1 count as this near: their logit would be endless, and a few would decide the slope."""
RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class LengthBias:
    """How scores go with length among attempts at one problem."""

    correlation: float
    """Pearson's, of score and length, each less its mean at the problem; where gold is known, what is left of it when
    gold has been taken out of both."""
    slope: float
    """Logits of score that a token brings."""
    interval: Interval
    """95% interval of the slope, from problems drawn again with replacement."""
    attempts: int
    problems: int

    def corrected(self, scores: ArrayLike, lengths: ArrayLike) -> Numbers:
        """[K] scores of attempts at one problem without what their lengths brought: as if each were as long as their
        mean, on the logit scale.

        The counterfactual of length-controlled AlpacaEval (Dubois et al. 2024, arXiv 2404.04475), with a slope that is
        linear in tokens. Attempts of one length keep their scores; others within `EDGE` of 0 or 1 count as that near.
        """
        tokens = np.asarray(lengths, np.float64)
        if not self.slope or len(np.unique(tokens)) < 2:
            return np.asarray(scores, np.float64)
        corrected: Numbers = expit(_logits(scores) - self.slope * (tokens - tokens.mean()))
        return corrected


def length_bias(scores: ArrayLike, lengths: ArrayLike, problems: Sequence[Hashable], *, gold: ArrayLike | None = None,
                key: int) -> LengthBias | None:
    """How scores [N] in [0, 1] go with lengths [N] in tokens among attempts at one problem, of which `problems` [N]
    names each; controlled for `gold` [N] where it is known.

    The slope is that of least squares with a term for each problem. None where fewer than two problems have attempts of
    different lengths, or gold says all that length does. Raises ValueError where arrays do not pair up or are not
    finite.
    """
    columns = _columns(scores, lengths, gold, len(problems))
    moments, attempts = _moments(columns, problems)
    found = _slope(moments.sum(axis=0)[None])[0]
    correlation = _correlation(moments.sum(axis=0))
    if len(moments) < 2 or not np.isfinite(found) or correlation is None:
        return None
    random = np.random.default_rng(stream(key, "length bias"))
    alike = np.full(len(moments), 1 / len(moments))
    slopes = _slope(np.stack([np.tensordot(random.multinomial(len(moments), alike), moments, 1)
                              for _ in range(RESAMPLES)]))
    low, high = np.quantile(slopes[np.isfinite(slopes)], (0.025, 0.975))
    return LengthBias(correlation, float(found), (float(low), float(high)), attempts, len(moments))


def length_correlation(scores: ArrayLike, lengths: ArrayLike, problems: Sequence[Hashable],
                       gold: ArrayLike | None = None) -> float | None:
    """The correlation of `length_bias` alone, for scores of any range; None where scores or lengths never differ."""
    return _correlation(_moments(_columns(scores, lengths, gold, len(problems)), problems)[0].sum(axis=0))


def _columns(scores: ArrayLike, lengths: ArrayLike, gold: ArrayLike | None, count: int) -> Numbers:
    """[N, 4] length, score, the score's logit, gold."""
    parts = [np.asarray(part, np.float64) for part in (lengths, scores, np.zeros(count) if gold is None else gold)]
    if any(part.shape != (count,) for part in parts):
        raise ValueError(f"arrays must be [N] and pair up, got shapes {[part.shape for part in parts]} for N={count}")
    if not all(np.isfinite(part).all() for part in parts):
        raise ValueError("scores, lengths and gold must be finite")
    return np.stack((parts[0], parts[1], _logits(parts[1]), parts[2]), axis=1)


def _logits(scores: ArrayLike) -> Numbers:
    found: Numbers = logit(np.clip(np.asarray(scores, np.float64), EDGE, 1 - EDGE))
    return found


def _moments(columns: Numbers, problems: Sequence[Hashable]) -> tuple[Numbers, int]:
    """[P, 4, 4] products of what differs from the problem's mean, of the P problems with different lengths, and how
    many attempts these have."""
    members: dict[Hashable, list[int]] = {}
    for place, problem in enumerate(problems):
        members.setdefault(problem, []).append(place)
    groups = [columns[places] for places in members.values()]
    groups = [group - group.mean(axis=0) for group in groups if np.ptp(group[:, 0]) > 0]
    if not groups:
        return np.zeros((0, 4, 4)), 0
    return np.stack([group.T @ group for group in groups]), sum(map(len, groups))


def _slope(sums: Numbers) -> Numbers:
    """[R] of the logit on length with gold held, from sums of products [R, 4, 4]; NaN where there is none."""
    xx, xy, xg, gy, gg = sums[:, 0, 0], sums[:, 0, 2], sums[:, 0, 3], sums[:, 3, 2], sums[:, 3, 3]
    with np.errstate(divide="ignore", invalid="ignore"):
        held = np.where(gg > 0, xg / gg, 0.0)
        left = xx - held * xg
        return np.where(left > 1e-9 * xx, (xy - held * gy) / left, np.nan)


def _correlation(sums: Numbers) -> float | None:
    """Of length and score with gold taken out of both, from sums of products [4, 4]."""
    held = sums[3, :2] / sums[3, 3] if sums[3, 3] > 0 else np.zeros(2)
    left = sums[:2, :2] - np.outer(held, sums[3, :2])
    if (np.diag(left) <= 1e-9 * np.diag(sums)[:2]).any():
        return None
    return float(np.clip(left[0, 1] / np.sqrt(left[0, 0] * left[1, 1]), -1, 1))


@dataclass(frozen=True, slots=True)
class PositionBias:
    """Pairs of answers that a judge was asked about in both orders."""

    consistent: Rate | None
    """Pairs of which it preferred the same answer both times."""
    first: Rate | None
    """Of which it preferred whatever stood first, both times."""
    second: Rate | None
    """Whatever stood second."""
    leaning: Rate | None
    """Of the pairs in which the order decided, those in which first won; half where no place is preferred."""
    p_value: float
    """Two-sided, exact, of the null that both places win alike where the order decides; 1 where it never does."""


def position_bias(pairs: int, *, consistent: int, first: int, second: int) -> PositionBias:
    """Shares of `pairs` with their Wilson intervals; pairs on which the judge abstained count among them and in no
    share. Raises ValueError for counts that cannot be."""
    if min(consistent, first, second) < 0 or consistent + first + second > pairs:
        raise ValueError(f"counts must be 0 or more and {pairs} in all at most, got {(consistent, first, second)}")
    decided = first + second
    p_value = float(binomtest(first, decided).pvalue) if decided else 1.0
    return PositionBias(rate(consistent, pairs), rate(first, pairs), rate(second, pairs), rate(first, decided), p_value)
