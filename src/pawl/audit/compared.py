"""How a data set reads beside its reference: each reading block by block, and whether the sets differ by more than
chance and by enough to matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pawl.audit.blocks import Block, Blocks
from pawl.meters.collapse import collapse

CHANCE = 1e-4
"""That a difference this large comes of drawing blocks alone."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read of every block."""

    name: str
    says: str
    worse: int
    """Sign of the change that is worse."""
    matters: float
    """A change by which matters: a share of the reference's, or of 1 where that is a share itself."""
    grave: float
    """By which the set has collapsed; infinite where it does not tell."""
    of_one: bool = False
    """Whether changes are counted as shares of 1."""


READINGS = (
    Reading("distinct_1", "words that differ", -1, 0.15, 0.4),
    Reading("distinct_2", "pairs of words that differ", -1, 0.15, 0.4),
    Reading("distinct_4", "runs of four words that differ", -1, 0.1, 0.3),
    Reading("unigram_entropy", "entropy of words, nats", -1, 0.06, 0.2),
    Reading("compression", "compression, times", 1, 0.15, 0.5),
    Reading("vendi", "passages that differ, in effect (Vendi score)", -1, 0.2, 0.5),
    Reading("self_bleu", "how much passages say the same (self-BLEU)", 1, 0.1, 0.3, of_one=True),
    Reading("repetition", "runs of four words said again in a passage", 1, 0.05, 0.3, of_one=True),
    Reading("loops", "passages that end in a loop", 1, 0.02, 0.2, of_one=True),
    Reading("support", "words of the reference that it has", -1, 0.15, 0.4),
    Reading("support_2", "pairs of words of the reference that it has", -1, 0.15, 0.4),
    Reading("recall", "passages of the reference that have some of it near them", -1, 0.15, 0.4),
    Reading("precision", "passages of it that have some of the reference near them", -1, 0.15, float("inf")),
)


@dataclass(frozen=True, slots=True)
class Compared:
    """A reading of both sets."""

    reading: Reading
    data: tuple[float, ...]
    """A block each."""
    reference: tuple[float, ...]
    """The same of blocks of the reference; what is read beside a reference is read beside another block of it. Empty
    where there is none."""

    @property
    def mean(self) -> float:
        return float(np.mean(self.data))

    @property
    def expected(self) -> float | None:
        """The mean over the reference's blocks."""
        return float(np.mean(self.reference)) if self.reference else None

    @property
    def change(self) -> float:
        """How much worse it is, as a share of the reference's, or of 1; below 0 where it is better."""
        if self.expected is None:
            return 0.0
        apart = self.reading.worse * (self.mean - self.expected)
        return apart if self.reading.of_one else apart / max(abs(self.expected), 1e-9)

    @property
    def chance(self) -> float:
        """That blocks of sets that are alike differ as much (Welch 1947)."""
        if len(self.reference) < 2 or len(self.data) < 2:
            return 1.0
        if np.ptp(self.data) == np.ptp(self.reference) == 0:
            return float(self.data[0] == self.reference[0])
        (mine, here), (theirs, there) = ((np.mean(side), np.std(side, ddof=1)) for side in (self.data, self.reference))
        return float(stats.ttest_ind_from_stats(mine, here, len(self.data), theirs, there, len(self.reference),
                                                equal_var=False).pvalue)

    @property
    def matters(self) -> bool:
        return self.change >= self.reading.matters and self.chance < CHANCE

    @property
    def grave(self) -> bool:
        return self.matters and self.change >= self.reading.grave


def compared(blocks: Blocks) -> list[Compared]:
    """Every reading of the data and, where there is one, of the reference."""
    data = _read(blocks.data, blocks.reference, blocks.size)
    reference = _read(blocks.reference, blocks.reference, blocks.size)
    return [Compared(reading, *(tuple(each[reading.name] for each in found) for found in (data, reference)))
            for reading in READINGS if all(reading.name in each for each in data + reference)]


def _read(blocks: Sequence[Block], beside: Sequence[Block], size: int) -> list[dict[str, float]]:
    """Of each block, beside the block after it of another set or the same."""
    return [collapse(block.written, beside[(place + 1) % len(beside)].written if len(beside) > 1 else None,
                     budget=size, key=place) for place, block in enumerate(blocks)]
