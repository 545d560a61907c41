"""Every claim by its name, in the order in which they are told."""

from __future__ import annotations

from pawl.claims import (
    ai_labels,
    alignment_tax,
    best_of_n_kl,
    ensembles,
    epochs,
    judge_gap,
    label_noise,
    mad,
    over_optimisation,
    process_supervision,
    recursion,
    replace_accumulate,
    rest_em,
    self_consistency,
    self_rewarding,
    self_training,
    simplicity,
    spin,
    star,
    turn_seen,
    v_star,
    verification,
)
from pawl.claims.claim import Claim

CLAIMS: dict[str, Claim] = {module.CLAIM.name: module.CLAIM for module in (
    self_training, recursion, replace_accumulate, mad, verification, label_noise, simplicity, judge_gap, star,
    rest_em, v_star, over_optimisation, turn_seen, ensembles, best_of_n_kl, self_consistency, spin, self_rewarding,
    process_supervision, alignment_tax, ai_labels, epochs)}
