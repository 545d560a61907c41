"""Contamination: what a split of a data set holds of the split that is trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pawl.audit.sketch import Sketch


@dataclass(frozen=True, slots=True)
class Overlap:
    """Of a split's n-grams, how many the largest split has too."""

    split: str
    largest: str
    share: float


def overlaps(sketch: Sketch) -> list[Overlap]:
    """Each split beside the largest one; nothing where rows name fewer than two."""
    names = list(sketch.splits)
    if len(names) < 2:
        return []
    largest = max(names, key=lambda name: sketch.splits[name])
    hashes, of = sketch.overlaps.hashes, sketch.overlaps.rows[:, 0].astype(np.int64)
    known = np.unique(hashes[of == names.index(largest)])
    found = []
    for number, name in enumerate(names):
        mine = np.unique(hashes[of == number])
        if name != largest and len(mine):
            found.append(Overlap(name, largest, float(np.isin(mine, known).mean())))
    return found
