"""The real-data floor: a plan of batches in which at least a given share is real.

A pure function of lengths and a key. Every own example is seen exactly once an epoch; real ones are drawn
from their pool in a keyed order, none twice before all were drawn once. Which examples an epoch sees is
settled first; only then are they sorted by length, within stretches of a few batches, so that less is padded
and batches still differ from one epoch to the next.

Not covered: a floor by tokens. Where real texts are much longer than own ones, their share of tokens is
larger.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pawl.errors import ConfigError
from pawl.keys import permutation, stream

Indices = NDArray[np.int64]

STRETCH = 16
"""Batches among which examples are sorted by length."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Which examples a batch holds."""

    own: Indices
    """Places among the loop's own examples."""
    real: Indices
    """Places in the real pool."""


def plan_batches(
    lengths_self: Sequence[int], lengths_real: Sequence[int], *, batch: int, floor: float, epochs: int, key: int,
    stretch: int = STRETCH,
) -> list[Batch]:
    """Batches of at most `batch` examples, at least a share `floor` of each of them real. Examples are sorted by length
    among so many batches; with a `stretch` of 1, within each alone.

    Lengths are in tokens. Without own examples there are no batches. Raises ConfigError when the floor cannot
    be kept.
    """
    if not 0.0 <= floor < 1.0:
        raise ConfigError(f"the real-data floor must be at least 0 and below 1, got {floor}")
    if epochs < 0:
        raise ConfigError(f"epochs must be at least 0, got {epochs}")
    most_own = batch - math.ceil(floor * batch - 1e-9)
    if most_own < 1:
        raise ConfigError(
            f"batch must have room for an own example beside the real ones, got batch={batch} with floor={floor}",
            hint="make the batch larger or the floor lower",
        )
    if floor > 0 and not len(lengths_real) and len(lengths_self):
        raise ConfigError(
            f"a real-data floor of {floor:.1%} must have real examples to draw from, got none",
            hint="set the floor to 0, or use a task that has a corpus",
        )
    own_lengths, real_lengths = np.asarray(lengths_self, np.int64), np.asarray(lengths_real, np.int64)
    # As few batches as hold all, of nearly equal size: no tiny last batch with a full step's weight.
    num_batches = math.ceil(len(own_lengths) / most_own)
    own_sizes = [len(part) for part in np.array_split(own_lengths, num_batches)] if num_batches else []
    real_sizes = [real_beside(size, floor) for size in own_sizes]

    pool = _endless(len(real_lengths), key)
    plan: list[Batch] = []
    for epoch in range(epochs):
        own = permutation(stream(key, "own", epoch), len(own_lengths))
        real = np.array([next(pool) for _ in range(sum(real_sizes))], dtype=np.int64)
        own_parts = _by_length(own, own_lengths, own_sizes, stretch)
        real_parts = _by_length(real, real_lengths, real_sizes, stretch)
        batches = [Batch(*parts) for parts in zip(own_parts, real_parts, strict=True)]
        plan += [batches[i] for i in permutation(stream(key, "batches", epoch), num_batches)]
    return plan


def real_beside(own: int, floor: float) -> int:
    """The fewest real examples beside `own` others that make up a share of at least `floor` of all."""
    return math.ceil(floor * own / (1 - floor) - 1e-9)


def _by_length(order: Indices, lengths: Indices, sizes: Sequence[int], together: int) -> list[Indices]:
    """Split `order` into batches of these sizes, after sorting each stretch of batches by length."""
    batches: list[Indices] = []
    start = 0
    for first in range(0, len(sizes), together):
        stretch = sizes[first : first + together]
        part = order[start : start + sum(stretch)]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches += np.split(part, np.cumsum(stretch)[:-1])
        start += len(part)
    return batches


def _endless(count: int, key: int) -> Iterator[int]:
    """Places in a pool of `count`, shuffled anew each time all were given; nothing when the pool is empty."""
    cycle = 0
    while count:
        yield from permutation(stream(key, "real", cycle), count).tolist()
        cycle += 1
