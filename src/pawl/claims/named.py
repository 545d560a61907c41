"""Every claim by its name, in the order in which they are told."""

from __future__ import annotations

from pawl.claims import label_noise, mad, recursion, replace_accumulate, simplicity, verification
from pawl.claims.claim import Claim

CLAIMS: dict[str, Claim] = {module.CLAIM.name: module.CLAIM for module in (
    recursion, replace_accumulate, mad, verification, label_noise, simplicity)}
