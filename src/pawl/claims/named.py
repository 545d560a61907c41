"""Every claim by its name, in the order in which they are told."""

from __future__ import annotations

from pawl.claims import (
    epochs,
    judge_gap,
    label_noise,
    mad,
    recursion,
    replace_accumulate,
    self_training,
    simplicity,
    verification,
)
from pawl.claims.claim import Claim

CLAIMS: dict[str, Claim] = {module.CLAIM.name: module.CLAIM for module in (
    self_training, recursion, replace_accumulate, mad, verification, label_noise, simplicity, judge_gap, epochs)}
