"""Labels that are likely wrong: of documents that are the same, and of those whose neighbours agree on another label.

A vote among nearest neighbours, as Wilson, "Asymptotic properties of nearest neighbor rules using edited data", 1972,
edits data by. It counts only where so many votes for that label would not come of how common it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pawl.audit.sketch import SHOWN, Passage, wholes_of
from pawl.audit.words import words_of
from pawl.meters.coverage import distances, ngram_features

VOTERS = 21
COMPARED = 3000
FEWEST = 100
CHANCE = 1e-3
"""That as many neighbours have a label because it is common."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What is known of the labels in a sample."""

    labelled: int
    """Passages that were looked at."""
    classes: int
    conflicting: int
    """Of those that are there twice, how many have another label than their like."""
    doubtful: int
    """Whose neighbours agree on another label."""
    examples: tuple[tuple[Passage, str], ...]
    """Doubtful ones with what their neighbours say."""

    @property
    def share(self) -> float:
        """That is doubtful."""
        return self.doubtful / self.labelled


def labels_of(sample: Sequence[Passage]) -> Labels | None:
    """None where few passages have a label, or all the same one."""
    some = [passage for passage in sample if passage.label is not None][:COMPARED]
    known = Counter(str(passage.label) for passage in some)
    if len(some) < FEWEST or len(known) < 2 or len(known) > len(some) / 2:  # numbers, not classes
        return None
    names = sorted(known)
    classes = np.array([names.index(str(passage.label)) for passage in some])
    words = words_of([passage.text.encode("utf-8", "replace") for passage in some])
    numbers = np.unique(words.hashes, return_inverse=True)[1].astype(np.int32)
    features = ngram_features(np.split(numbers, words.bounds[1:-1]))
    apart = distances(features, features)
    np.fill_diagonal(apart, np.inf)
    near = np.argpartition(apart, VOTERS, axis=1)[:, :VOTERS]
    votes = np.stack([(classes[near] == label).sum(1) for label in range(len(names))], axis=1)
    common = np.bincount(classes) / len(classes)
    asked = stats.binom.isf(CHANCE, VOTERS, common) + 1
    elected = votes.argmax(1)
    doubtful = np.flatnonzero((elected != classes) & (votes.max(1) >= asked[elected]))
    return Labels(len(some), len(names), _conflicting(wholes_of(words), classes), len(doubtful),
                  tuple((some[place], names[elected[place]]) for place in doubtful[:SHOWN].tolist()))


def _conflicting(wholes: np.ndarray, classes: np.ndarray) -> int:
    """Documents that are equal to another with another label."""
    _, groups, sizes = np.unique(wholes, return_inverse=True, return_counts=True)
    lowest, highest = np.full(len(sizes), len(classes)), np.full(len(sizes), -1)
    np.minimum.at(lowest, groups, classes)
    np.maximum.at(highest, groups, classes)
    return int(sizes[lowest != highest].sum())
