"""What is learnt: how much each part of the loss weighs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pawl.learning.terms import Likelihood, Term

Distance = Literal["reverse", "forward", "k3"]
"""How far a policy is from its reference: KL(policy || reference), KL(reference || policy), both summed over the
vocabulary, or the first as it is estimated from the text that is learnt."""
SPARSE = 16
"""The distance to the reference is measured on every sixteenth row, at a sixteenth of the cost. Rows stand by length,
and the first is always among them, so that short ones count a little more."""


@dataclass(frozen=True, slots=True)
class Objective:
    """The weight of each part of the loss; a part of weight 0 adds nothing."""

    term: Term | None = field(default_factory=Likelihood)
    """What is done about the answers; none is nothing."""
    kl: float = 0.0
    """Of the distance to the reference, in nats per token; below 0 it is sought. With a teacher as the reference and
    without a term it is distillation."""
    distance: Distance = "reverse"
    kl_rows: int = SPARSE
    """One row in so many on which the distance is measured."""
    entropy: float = 0.0
    """Of the entropy of the next token, in nats, which is sought."""
    value: float = 0.0
    """Of the value's loss."""
    compares: bool = False
    """The value learns from pairs of rows of which the first was liked better (Bradley and Terry), not from scores."""
    frozen: bool = False
    """The value's gradient reaches the head alone; only where the value is all there is to learn."""

    @property
    def together(self) -> int:
        """Rows that belong together."""
        return 2 if self.compares else self.term.together if self.term else 1

    @property
    def speaks(self) -> bool:
        """Whether anything is asked of next-token probabilities."""
        return self.term is not None or self.kl != 0 or self.entropy != 0


VALUE_ONLY = Objective(term=None, value=1.0, frozen=True)
"""The value head learns from a frozen network: a third of the cost, and the policy stays as it is."""
VALUE_NETWORK = Objective(term=None, value=1.0)
"""A network whose value is all that counts."""
COMPARISONS = Objective(term=None, value=1.0, compares=True)
"""A reward model: a network whose value is to put what was liked above what it was compared with."""
