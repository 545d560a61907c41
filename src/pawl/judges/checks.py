"""Rules that an answer must keep, as a judge: each holds or not, and the score is the weighted share that hold.

A rule is a regular expression that must be found, or a function of the attempt. One that cannot be checked (it raised,
took too long, or gave something else than yes or no) leaves the attempt without a score: a rule that is unknown is not
one that is broken.

Not covered: a regular expression that backtracks for long outside the main thread, where nothing can stop it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pawl.errors import ConfigError
from pawl.records import Attempt, Verdict
from pawl.time_limit import TimeUp, in_words, printable, within

Rule = Callable[[Attempt], bool]


@dataclass(frozen=True, slots=True)
class Check:
    """A rule with a name and a weight."""

    name: str
    rule: Rule | str | re.Pattern[str]
    """A regular expression is searched for in the answer."""
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.weight < math.inf:
            raise ConfigError(f"the weight of check {self.name!r} must be a number above 0, got {self.weight}")
        if isinstance(self.rule, str):
            try:
                object.__setattr__(self, "rule", re.compile(self.rule))
            except re.error as error:
                raise ConfigError(f"check {self.name!r} must be a regular expression, got {self.rule!r}: {error}"
                                  ) from error

    def holds(self, attempt: Attempt) -> object:
        """What the rule says."""
        if isinstance(self.rule, re.Pattern):
            return self.rule.search(attempt.completion.text) is not None
        assert not isinstance(self.rule, str)
        return self.rule(attempt)


@dataclass(frozen=True, slots=True)
class Checked:
    """Which checks one attempt passed, by name."""

    held: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Those that could not be checked, and why."""


class Checks:
    """A judge by rules. `breakdown` says which of them held."""

    def __init__(self, checks: Sequence[Check], *, time_limit: float = 1.0, name: str = "checks") -> None:
        """`time_limit` is in seconds for one check of one attempt."""
        names = [check.name for check in checks]
        if not names or len(set(names)) < len(names):
            raise ConfigError(f"checks must have different names, one at least, got {names}")
        if not 0 < time_limit < math.inf:
            raise ConfigError(f"time_limit must be a positive number of seconds, got {time_limit}")
        self.name, self._checks, self._time_limit = name, tuple(checks), time_limit
        self._weights = {check.name: check.weight for check in checks}

    def breakdown(self, attempts: Sequence[Attempt]) -> list[Checked]:
        """Which checks each attempt passed; none of one that failed before."""
        return [Checked() if attempt.error is not None else self._checked(attempt) for attempt in attempts]

    def __call__(self, attempts: Sequence[Attempt]) -> list[Verdict]:
        """The weighted share of checks that hold. It abstains where one could not be checked."""
        return [self._verdict(attempt, checked)
                for attempt, checked in zip(attempts, self.breakdown(attempts), strict=True)]

    def _verdict(self, attempt: Attempt, checked: Checked) -> Verdict:
        if attempt.error is not None:
            return Verdict(None, self.name, attempt.error)
        if checked.unknown:
            return Verdict(None, self.name, "; ".join(f"check {name!r} {why}" for name, why in checked.unknown.items()))
        held, failed = (math.fsum(map(self._weights.__getitem__, names)) for names in (checked.held, checked.failed))
        return Verdict(held / (held + failed), self.name)

    def _checked(self, attempt: Attempt) -> Checked:
        said: dict[str, bool] = {}
        unknown: dict[str, str] = {}
        for check in self._checks:
            try:
                answer = within(self._time_limit, lambda check=check: check.holds(attempt))  # type: ignore[misc]
                if isinstance(answer, (bool, np.bool_)):
                    said[check.name] = bool(answer)
                else:
                    unknown[check.name] = f"must say True or False, got {printable(answer)}"
            except TimeUp as error:
                unknown[check.name] = str(error)
            except (Exception, SystemExit) as error:  # a user's code may raise anything
                unknown[check.name] = f"raised {in_words(error)}"
        return Checked(tuple(name for name, held in said.items() if held),
                       tuple(name for name, held in said.items() if not held), unknown)
