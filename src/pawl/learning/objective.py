"""What is learnt: how much each part of the loss weighs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Distance = Literal["reverse", "forward", "k3"]
"""How far a policy is from its reference: KL(policy || reference), KL(reference || policy), both summed over the
vocabulary, or the first as it is estimated from the text that is learnt."""


@dataclass(frozen=True, slots=True)
class Objective:
    """The weight of each part of the loss; a part of weight 0 adds nothing."""

    likelihood: float = 1.0
    """Of the weighted likelihood, in nats per token."""
    kl: float = 0.0
    """Of the distance to the reference, in nats per token; below 0 it is sought."""
    distance: Distance = "reverse"
    value: float = 0.0
    """Of the value's cross-entropy."""
    frozen: bool = False
    """The value's gradient reaches the head alone; only where the value is all there is to learn."""


VALUE_ONLY = Objective(likelihood=0.0, value=1.0, frozen=True)
"""The value head learns from a frozen network: a third of the cost, and the policy stays as it is."""
VALUE_NETWORK = Objective(likelihood=0.0, value=1.0)
"""A network whose value is all that counts."""
