"""A claim: what was published, how it is measured again in minutes, and between which numbers it holds.

What is asserted is a direction and a least size, never a paper's own number: the protocol is a scaled-down one. A claim
holds where every one of its checks does, on the mean over seeds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

Numbers = Mapping[str, float]
Measure = Callable[[int], Numbers]
"""Seed to what was measured, by name."""


@dataclass(frozen=True, slots=True)
class Check:
    """A number, and between which bounds the claim holds."""

    number: str
    """Its name among those that are measured."""
    says: str
    """What it is, in words."""
    low: float = -math.inf
    high: float = math.inf
    published: str = ""
    """What the paper has in its place, where that can be compared."""

    @property
    def bounds(self) -> str:
        """What it must be, in words."""
        if self.low > -math.inf and self.high < math.inf:
            return f"{self.low:g} to {self.high:g}"
        return f"at least {self.low:g}" if self.low > -math.inf else f"at most {self.high:g}"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a file of this folder defines as CLAIM."""

    name: str
    title: str
    """The statement, in a sentence."""
    source: str
    published: str
    """The paper's protocol and numbers."""
    protocol: str
    """What is done here instead."""
    checks: tuple[Check, ...]
    measure: Measure
    should_hold: bool = True
    """Whether it was found to hold here; one that was not is reported as such and breaks nothing."""
    remark: str = ""
    """What was seen, where that is not what was published."""
    seeds: int = 3
    """How many it takes to say, one run each."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A check with what was measured."""

    check: Check
    values: tuple[float, ...]
    """A seed each."""

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def holds(self) -> bool:
        return self.check.low <= self.mean <= self.check.high


@dataclass(frozen=True, slots=True)
class Verdict:
    """A claim with all that was found."""

    claim: Claim
    findings: tuple[Finding, ...]
    seeds: int
    """How many."""
    seconds: float
    machine: str = ""
    """What it was measured on, in words."""

    @property
    def holds(self) -> bool:
        return all(finding.holds for finding in self.findings)

    @property
    def as_expected(self) -> bool:
        """Whether it holds, or was not found to before either."""
        return self.holds or not self.claim.should_hold


def judged(claim: Claim, seeds: Iterable[int] | None = None, *, machine: str = "") -> Verdict:
    """A claim, measured with seeds from 0 on, or with others. Raises KeyError where a check's number was not
    measured."""
    started = time.perf_counter()
    found = [claim.measure(seed) for seed in (range(claim.seeds) if seeds is None else seeds)]
    findings = tuple(Finding(check, tuple(float(numbers[check.number]) for numbers in found))
                     for check in claim.checks)
    return Verdict(claim, findings, len(found), time.perf_counter() - started, machine)
