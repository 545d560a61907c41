"""How far a policy is from its reference: KL(policy || reference) from the tokens that the policy sampled.

Schulman, "Approximating KL divergence", 2020 (joschu.net/blog/kl-approx.html). Both estimators are unbiased
for tokens sampled from the policy at temperature 1; k1 may come out negative, k3 never does and usually
spreads less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pawl.records import FloatArray

FAR = math.log(2)
"""Nats between two log-probabilities of a token from which its importance weight is outside [0.5, 2]."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """KL(policy || reference) in nats, by both estimators."""

    k1_per_token: float
    k3_per_token: float
    k1_per_sequence: float
    """Summed over the tokens of a completion, mean over completions."""
    k3_per_sequence: float


def k1(policy: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """log p - log q of each sampled token; the log-probabilities come in and go out in the same shape."""
    return np.subtract(policy, reference, dtype=np.float64)


def k3(policy: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
    """q/p - 1 - log(q/p) of each sampled token, at least 0; shape as given."""
    ratio = k1(policy, reference)
    return np.asarray(np.expm1(-ratio) + ratio, dtype=np.float64)


def divergence(policy: Sequence[FloatArray], reference: Sequence[FloatArray]) -> Divergence:
    """Estimates from completions' log-probabilities, [T] each, under policy and reference, in the same order.

    Raises ValueError when they do not pair up or hold no token.
    """
    if list(map(len, policy)) != list(map(len, reference)):
        raise ValueError("log-probabilities under policy and reference must be of the same tokens")
    if sum(map(len, policy)) == 0:
        raise ValueError("divergence must have tokens to average over, got none")
    ours, theirs = np.concatenate(policy), np.concatenate(reference)
    first, third = k1(ours, theirs), k3(ours, theirs)
    sequences = len(policy)
    return Divergence(
        k1_per_token=float(first.mean()),
        k3_per_token=float(third.mean()),
        k1_per_sequence=float(first.sum()) / sequences,
        k3_per_sequence=float(third.sum()) / sequences,
    )


def sampler_distance(sampled: Sequence[FloatArray], learns: Sequence[FloatArray]) -> dict[str, float]:
    """How far log-probabilities while sampling are from those of the policy that learns, [T] each: `sampler_gap` and
    `sampler_gap_max`, nats a token; `sampler_outside`, the share of tokens whose importance weight is outside [0.5, 2];
    `sampler_k3`, the KL in nats a token. Tokens of which either is no number are left out, and so is what is none."""
    ours, theirs = (np.concatenate([*side, np.empty(0)]).astype(np.float64) for side in (sampled, learns))
    known = np.isfinite(ours) & np.isfinite(theirs)
    if not known.any():
        return {}
    gaps = np.abs(ours - theirs)[known]
    with np.errstate(over="ignore"):
        found = {"sampler_gap": gaps.mean(), "sampler_gap_max": gaps.max(), "sampler_outside": (gaps > FAR).mean(),
                 "sampler_k3": k3(ours[known], theirs[known]).mean()}
    return {name: float(number) for name, number in found.items() if np.isfinite(number)}
