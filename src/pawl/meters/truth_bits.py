"""Truth bits: how much information the outside world put into a loop.

A model that learns only from its own text learns nothing new about the world; what is new comes in through
verdicts and real text. These are upper bounds: what came in, not what was learnt.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from pawl.records import FloatArray


def filter_bits(kept: int, attempts: int) -> float:
    """Bits in knowing which `kept` of `attempts` a judge passed: log2 C(attempts, kept).

    Count attempts that were judged, and as kept all that the judge found right: which of those the loop then
    learns from (distinct ones, few a problem) is its own choice and brings nothing in. Judging all or none
    brings 0 bits.
    """
    if not 0 <= kept <= attempts:
        raise ValueError(f"kept must be 0 to {attempts}, got {kept}")
    if kept in (0, attempts):
        return 0.0  # where lgamma's rounding would leave a trace
    nats = math.lgamma(attempts + 1) - math.lgamma(kept + 1) - math.lgamma(attempts - kept + 1)
    return nats / math.log(2)


def label_bits(labels: Sequence[Hashable]) -> float:
    """Bits in these labels: their number times the entropy of how often each of them comes."""
    counts = np.array(list(Counter(labels).values()), dtype=np.float64)
    return float(counts @ np.log2(len(labels) / counts)) if len(labels) else 0.0


def surprisal_bits(logprobs: Sequence[FloatArray]) -> float:
    """Bits in real text: its surprise to the policy that reads it, summed over tokens.

    `logprobs` are [T] in nats for each text, under the policy before it learns from them.
    """
    return sum(-float(np.sum(row, dtype=np.float64)) for row in logprobs) / math.log(2)
