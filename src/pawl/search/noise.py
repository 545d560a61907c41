"""Luck at a search's root, drawn from each row's key: what a row draws does not depend on its neighbours."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincinv

from pawl.keys import fold, uniforms
from pawl.records import FloatArray, KeyArray
from pawl.search.rules import GUMBEL, Numbers, Rule
from pawl.search.tree import Leaves

TINY = np.finfo(np.float64).tiny


def gumbel(keys: KeyArray, count: int) -> Numbers:
    """[B, count] standard Gumbel noise."""
    draws: Numbers = -np.log(-np.log(np.maximum(_uniforms(keys, count), TINY)))
    return draws


def dirichlet(keys: KeyArray, priors: FloatArray, *, total: float, share: float) -> FloatArray:
    """Priors [B, A] of which a share is Dirichlet noise over the actions that there are (Silver et al. 2017).

    Its parameters are alike, with the sum `total`: 10 over the number of actions is about AlphaZero's for chess and go,
    10.83 is KataGo's. A Dirichlet draw is gamma draws over their sum, and a gamma draw a uniform one's quantile.
    """
    there = priors > 0
    counts = np.maximum(there.sum(axis=1, keepdims=True), 1)
    gammas = np.maximum(gammaincinv(total / counts, _uniforms(keys, priors.shape[1])), TINY) * there
    noise = gammas / np.maximum(gammas.sum(axis=1, keepdims=True), TINY)
    mixed: FloatArray = ((1 - share) * priors + share * noise).astype(np.float32)
    return np.where(there, np.maximum(mixed, np.finfo(np.float32).tiny), np.float32(0))


def with_luck(roots: Leaves, keys: KeyArray, rule: Rule, *, share: float, total: float
              ) -> tuple[Leaves, Numbers | None]:
    """Roots [B] to explore from: for Gumbel as they are, with the noise [B, A] to add to their log priors; for other
    rules with Dirichlet noise in their priors. `share` and `total` as in `dirichlet`."""
    own = fold(keys, 1)
    if rule.kind == GUMBEL:
        return roots, gumbel(own, roots.priors.shape[1])
    return roots._replace(priors=dirichlet(own, roots.priors, total=total, share=share)), None


def _uniforms(keys: KeyArray, count: int) -> Numbers:
    return uniforms(keys[:, None], np.arange(count, dtype=np.uint64))
