"""Which split a problem belongs to: a hash of what makes it that problem, so that every seed and machine agrees."""

from __future__ import annotations

from pawl.keys import name_key
from pawl.records import SPLITS, Split

TRAIN_GATE_TEST = (0.4, 0.4, 0.2)


def split_of(key: str, fractions: tuple[float, float, float] = TRAIN_GATE_TEST) -> Split:
    """The split of the problem named by `key`, with these shares of train, gate and test (they sum to 1)."""
    place = name_key(f"split:{key}") / 2**64
    for split, edge in zip(SPLITS, (fractions[0], fractions[0] + fractions[1]), strict=False):
        if place < edge:
            return split
    return "test"
