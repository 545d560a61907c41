"""Which train problems a generation attempts: without replacement, and all over again once all were seen."""

from __future__ import annotations

from collections.abc import Set

from pawl.errors import ConfigError
from pawl.keys import permutation, stream


def draw(
    available: int, per_generation: int, generation: int, *, key: int, solved: Set[int] = frozenset()
) -> list[int]:
    """Places of the problems, out of `available`, that `generation` (from 1) attempts; all when there are few.

    Problems come in an order shuffled by the key, none twice before all came once, and none twice in a
    generation even where a new round begins. Places in `solved` give way to others: they are drawn only when
    too few are left. What was solved changes over a run, so then a problem may come again before others came.
    """
    if per_generation < 1:
        raise ConfigError(f"a generation must attempt at least 1 problem, got {per_generation}")
    if generation < 1:
        raise ValueError(f"generation must be at least 1, got {generation}")
    upcoming = _upcoming(available, per_generation, generation, key)
    # The sort is stable: among the unsolved, and among the solved, the order is kept.
    return sorted(upcoming, key=lambda place: place in solved)[:per_generation]


def _upcoming(available: int, per_generation: int, generation: int, key: int) -> list[int]:
    """All places, once each, in the order in which they are due when `generation` begins.

    Walks through the earlier generations, since where a round begins decides who comes next.
    """
    count = min(per_generation, available)
    due: list[int] = []  # what is left of the round that has begun
    fresh = _round(available, 0, key)
    begun = 0
    for _ in range(generation - 1):
        if len(due) >= count:
            due = due[count:]
            continue
        drawn_early = set(_joined(due, fresh)[len(due) : count])
        due = [place for place in fresh if place not in drawn_early]
        begun += 1
        fresh = _round(available, begun, key)
    return _joined(due, fresh)


def _round(available: int, number: int, key: int) -> list[int]:
    order: list[int] = permutation(stream(key, "curriculum", number), available).tolist()
    return order


def _joined(due: list[int], fresh: list[int]) -> list[int]:
    """What is due, then the next round without it."""
    waiting = set(due)
    return due + [place for place in fresh if place not in waiting]
