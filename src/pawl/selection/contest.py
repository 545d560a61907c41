"""Which gate problems a contest uses: none twice in a run, and a sentence when they run out.

The gate's promise rests on this: a candidate is tested on problems about which no earlier decision said
anything.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from pawl.errors import ConfigError
from pawl.records import Problem


@dataclass(frozen=True, slots=True)
class Drawn:
    """The problems of one contest."""

    problems: list[Problem]
    """In order; empty when none is left."""
    shortage: str | None
    """A sentence when there are fewer than were asked for."""


def next_contest(gate: Sequence[Problem], used: Set[str], *, size: int) -> Drawn:
    """The next `size` problems of the gate split, in its order, that no contest of the run has used by id."""
    if size < 1:
        raise ConfigError(f"a contest must have at least 1 problem, got {size}")
    fresh = {problem.id: problem for problem in gate if problem.id not in used}
    problems = list(fresh.values())[:size]
    if not problems:
        return Drawn([], f"the gate problems have run out: all {len({p.id for p in gate})} were used")
    if len(problems) < size:
        return Drawn(problems, f"only {len(problems)} gate problems were left where {size} were asked for")
    return Drawn(problems, None)


def contest_size(available: int, generations: int, *, largest: int) -> int:
    """Problems a contest may use so that `available` ones last for all generations: 1 to `largest`."""
    if generations < 1:
        raise ConfigError(f"generations must be at least 1, got {generations}")
    return max(1, min(largest, available // generations))
