"""Which words, runs of words, sentences and kinds of passage a reference has and a data set lacks.

How rare something is in the reference, in how many passages it is, is counted in all blocks but one; how much of what
is as rare that one block has, and a block of the data has, is compared. So the measure is what real text of that size
would have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.cluster.vq import kmeans2

from pawl.audit.blocks import Block, Blocks
from pawl.audit.compared import CHANCE
from pawl.audit.sketch import SHOWN, Passage
from pawl.meters.coverage import distances, ngram_features
from pawl.records import IntArray

RARITIES = (1, 2, 4, 8, 16, 32)
"""Edges of how many passages have something in all blocks but one; the last is open."""
RUN = 3
"""Words of a run."""
ENDS = frozenset(".!?")
SHORTEST = 4
"""Words of a sentence that is looked for; shorter ones are found as runs."""
OFTEN = 16
"""Passages of the reference with something whose lack is hardly chance: where 16 are to be expected, there are two at
most once in 100,000; of many things one may be lost so."""
BLOCKS_WITH = 4
"""Blocks in which it comes at least, so that it is not the matter of one passage alone."""
LACKS = 8
"""Times as rare, by which it is lost."""
CLUSTERS, CLUSTERED = 12, 2000
"""Kinds of passage, and passages of each set that are sorted into them."""
RARER = 4
"""Times as rare, by which a kind is missed."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Something of the reference that the data lacks."""

    text: str
    expected: int
    """Passages with it in the reference's blocks."""
    found: int
    """In as much of the data."""


@dataclass(frozen=True, slots=True)
class Tail:
    """What is lost of one kind."""

    kind: str
    known: int
    """How many there are that come often enough to be missed."""
    lost: int
    examples: tuple[Lost, ...]
    """The most frequent ones that are lost."""
    kept: tuple[tuple[int, float, float], ...] = ()
    """By rarity, rarest first: in how many passages it is at least, the share that a block of the reference has, and
    that a block of the data has."""

    @property
    def share(self) -> float:
        """Of what is known that is lost."""
        return self.lost / self.known if self.known else 0.0


@dataclass(frozen=True, slots=True)
class Cluster:
    """A kind of passage, of which the data has less."""

    expected: float
    """Its share of the reference's passages."""
    found: float
    example: Passage
    """The most typical one."""


def tails(blocks: Blocks) -> list[Tail]:
    """What is lost of words, of runs of three and of sentences that the reference repeats."""
    ends = np.array([number for number, word in blocks.spellings.items() if word in ENDS], np.int32)
    marks = np.array(sorted(number for number, word in blocks.spellings.items()
                            if not any(letter.isalnum() for letter in word)), np.int32)
    words = _tail("words", blocks, [[_runs(block, 1, marks) for block in side]
                                    for side in (blocks.data, blocks.reference)])
    runs = _tail(f"runs of {RUN} words", blocks, [[_runs(block, RUN) for block in side]
                                                  for side in (blocks.data, blocks.reference)])
    sentences = _tail("sentences", blocks, [[_sentences(block, ends) for block in side]
                                            for side in (blocks.data, blocks.reference)])
    return [tail for tail in (words, runs, sentences) if tail.known]


def _runs(block: Block, length: int, without: IntArray | None = None) -> list[tuple[int, ...]]:
    """Runs of words, once for each passage that has them; `without` are words that are not counted."""
    dropped = set() if without is None else set(without.tolist())
    found = list[tuple[int, ...]]()
    for tokens in block.tokens:
        words = tokens.tolist()
        runs = set(zip(*(words[shift:] for shift in range(length)), strict=False))
        found += runs if not dropped else (run for run in runs if not dropped.intersection(run))
    return found


def _sentences(block: Block, ends: IntArray) -> list[tuple[int, ...]]:
    """Sentences, once for each passage that has them."""
    found = list[tuple[int, ...]]()
    for tokens in block.tokens:
        cuts = np.flatnonzero(np.isin(tokens, ends)) + 1
        found += {tuple(part.tolist()) for part in np.split(tokens, cuts) if len(part) >= SHORTEST}
    return found


def _tail(kind: str, blocks: Blocks, items: Sequence[Sequence[Sequence[tuple[int, ...]]]]) -> Tail:
    """`items` are those of each block of the data and of the reference."""
    numbers: dict[tuple[int, ...], int] = {}
    data, reference = (np.stack([_counts(block, numbers) for block in side]) for side in _numbered(items, numbers))
    often = (reference.sum(0) >= OFTEN) & ((reference > 0).sum(0) >= min(BLOCKS_WITH, len(reference)))
    missing = np.flatnonzero(often & (data.sum(0) * LACKS <= reference.sum(0)))
    shown = missing[np.argsort(-reference.sum(0)[missing], kind="stable")][:2 * SHOWN].tolist()
    names = list(numbers)
    examples = tuple(Lost(" ".join(blocks.spellings[word] for word in names[place]), int(reference[:, place].sum()),
                          int(data[:, place].sum())) for place in shown)
    return Tail(kind, int(often.sum()), len(missing), examples, tuple(_kept(data, reference)))


def _numbered(items: Sequence[Sequence[Sequence[tuple[int, ...]]]], numbers: dict[tuple[int, ...], int]
              ) -> list[list[list[int]]]:
    return [[[numbers.setdefault(item, len(numbers)) for item in block] for block in side] for side in items]


def _counts(block: list[int], numbers: dict[tuple[int, ...], int]) -> NDArray[np.int64]:
    return np.bincount(np.array(block, np.int64), minlength=len(numbers))


def _kept(data: NDArray[np.int64], reference: NDArray[np.int64]) -> list[tuple[int, float, float]]:
    """By rarity the shares that a block of the reference and one of the data have."""
    if len(reference) < 2:
        return []
    found = []
    for low, high in zip(RARITIES, (*RARITIES[1:], np.inf), strict=True):
        shares = []
        for place, own in enumerate(reference):
            others = reference.sum(0) - own
            chosen = (others >= low) & (others < high)
            if chosen.any():
                shares.append(((own[chosen] > 0).mean(), (data[place % len(data)][chosen] > 0).mean()))
        if shares:
            real, data_share = np.mean(shares, axis=0).tolist()
            found.append((low, real, data_share))
    return found


def clusters(blocks: Blocks) -> list[Cluster]:
    """Kinds of passage that are `RARER` times as rare in the data as in the reference, or more, and not by chance."""
    sides = []
    for side in (blocks.reference, blocks.data):
        passages = [passage for block in side for passage in block.passages][:CLUSTERED]
        tokens = [part for block in side for part in block.tokens][:CLUSTERED]
        sides.append((passages, ngram_features(tokens)))
    (passages, real), (_, data) = sides
    if len(real) < 10 * CLUSTERS:
        return []
    centres, _ = kmeans2(real, CLUSTERS, minit="++", seed=0)
    apart = distances(real, centres)
    mine, theirs = distances(data, centres).argmin(1), apart.argmin(1)
    found = []
    for cluster in range(CLUSTERS):
        have, had = int((mine == cluster).sum()), int((theirs == cluster).sum())
        apart_by_chance = stats.fisher_exact([[have, had], [len(mine) - have, len(theirs) - had]]).pvalue
        if had and RARER * have / len(mine) <= had / len(theirs) and apart_by_chance < CHANCE:
            inside = np.flatnonzero(theirs == cluster)
            typical = int(inside[apart[inside, cluster].argmin()])
            found.append(Cluster(had / len(theirs), have / len(mine), passages[typical]))
    return sorted(found, key=lambda each: -each.expected)
