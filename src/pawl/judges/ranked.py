"""Attempts at one problem ranked among each other: a judge made of preferences within pairs.

A score is relative: the chance that an attempt is better than an average one of those it was compared with. It says
which answers to a problem are the better ones, and nothing of how good they are, nor of answers to other problems.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from scipy.special import expit

from pawl.errors import ConfigError
from pawl.judges.asks import Asked
from pawl.judges.pairwise import Pair, Pairwise, Preference
from pawl.judges.ranking import LEAST_PRIOR, PRIOR, chance_table, strengths, triples
from pawl.keys import name_key, permutation
from pawl.records import Attempt, Verdict

Places = tuple[int, int]


class Ranked:
    """Implements `Early` where all pairs are compared."""

    def __init__(self, pairwise: Pairwise, *, most_pairs: int | None = None, prior: float = PRIOR,
                 name: str = "ranked") -> None:
        """At most `most_pairs` are compared at each problem, and each with few before any with many; None is all of
        them. `prior` is how many undecided comparisons are added to each."""
        if most_pairs is not None and most_pairs < 1:
            raise ConfigError(f"most_pairs must be 1 or more, got {most_pairs}")
        if not LEAST_PRIOR <= prior < math.inf:
            raise ConfigError(f"prior must be {LEAST_PRIOR:g} or more, got {prior}",
                              hint="without it, who wins all has no strength")
        self.name, self._pairwise, self._most_pairs, self._prior = name, pairwise, most_pairs, prior
        self._circles = Asked()

    @property
    def asked(self) -> Asked:
        """What has been asked so far, here or elsewhere, of the same pairwise judge."""
        return self._pairwise.asked + self._circles

    def expect(self, attempts: Sequence[Attempt]) -> None:
        """Asks early where each pair of these will be compared whoever else comes."""
        if self._most_pairs is None:
            groups = _groups(attempts).values()
            self._pairwise.expect([pair for group in groups for pair in self._pairs(group).values()])

    def __call__(self, attempts: Sequence[Attempt]) -> list[Verdict]:
        """A score for each attempt from all its comparisons. Equal answers have equal scores. It abstains on an attempt
        that failed, that stands alone, or that no comparison connects with most others at its problem."""
        groups = _groups(attempts)
        pairs = {problem: self._pairs(group) for problem, group in groups.items()}
        found = iter(self._pairwise.prefers([pair for those in pairs.values() for pair in those.values()]))
        verdicts = {problem: self._verdicts(list(group), {places: next(found) for places in pairs[problem]})
                    for problem, group in groups.items()}
        return [Verdict(None, self.name, attempt.error) if attempt.error is not None
                else verdicts[attempt.problem.id][attempt.completion.text] for attempt in attempts]

    def _verdicts(self, answers: Sequence[str], preferences: Mapping[Places, Preference]) -> dict[str, Verdict]:
        """On the different answers to one problem."""
        table = chance_table(len(answers), list(preferences), [one.chance for one in preferences.values()])
        total, cyclic = triples(table)
        self._circles += Asked(triples=total, cyclic=cyclic)
        found = strengths(table, prior=self._prior)
        return {answer: Verdict(None, self.name, _why_not(place, len(answers), preferences)) if np.isnan(found[place])
                else Verdict(float(expit(found[place])), self.name) for place, answer in enumerate(answers)}

    def _pairs(self, group: Mapping[str, Attempt]) -> dict[Places, Pair]:
        """Which of a problem's different answers are compared, by their places."""
        members = list(group.values())
        places = list(combinations(range(len(members)), 2))
        if self._most_pairs is not None and len(places) > self._most_pairs:
            places = around(len(members), permutation(name_key(members[0].problem.id), len(members)).tolist())
            places = places[: self._most_pairs]
        return {(i, j): (members[i], members[j]) for i, j in places}


def _why_not(place: int, count: int, preferences: Mapping[Places, Preference]) -> str:
    """Why there is no telling how good the answer at this place is, of so many."""
    if count == 1:
        return "nothing to compare it with"
    errors = [one.error for places, one in preferences.items() if place in places and one.error is not None]
    return "no comparison connects it with most other answers" + (f": {errors[0]}" if errors else "")


def around(count: int, order: Sequence[int]) -> list[Places]:
    """Every pair of `count` places, first those beside each other on a ring in this order, then those two apart, and so
    on: from `count` - 1 of them on all are connected, and each place is in as many as any other, but for the last."""
    pairs: dict[Places, None] = {}
    for apart in range(1, count // 2 + 1):
        for place in range(count):
            i, j = order[place], order[(place + apart) % count]
            pairs.setdefault((min(i, j), max(i, j)))
    return list(pairs)


def _groups(attempts: Sequence[Attempt]) -> dict[str, dict[str, Attempt]]:
    """Attempts at each problem that did not fail, by what they say."""
    groups: defaultdict[str, dict[str, Attempt]] = defaultdict(dict)
    for attempt in attempts:
        if attempt.error is None:
            groups[attempt.problem.id].setdefault(attempt.completion.text, attempt)
    return groups
