"""The likeliest continuation of a prefix, token by token: beam search over any policy.

As transformers' `generate` does it: of a beam's continuations the likeliest go on, those that end wait with their mean
log-probability a token, and a prefix is done when no more can be better than the worst that waits.

Not covered: drawing from beams, other penalties of length.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np

from pawl.interfaces import Policy, Remembers
from pawl.records import Completion, IntArray

AT_ONCE = 256
"""Prefixes that are continued side by side."""


@dataclass(frozen=True, slots=True)
class _Beam:
    """A continuation."""

    tokens: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    total: float = 0.0

    @property
    def mean(self) -> float:
        return self.total / len(self.tokens)

    def longer(self, token: int, logprob: float) -> _Beam:
        return _Beam((*self.tokens, token), (*self.logprobs, logprob), self.total + logprob)


@dataclass(slots=True)
class _Search:
    """Of one prefix."""

    prefix: IntArray
    room: int
    """Tokens that a continuation may have."""
    live: list[_Beam] = field(default_factory=lambda: [_Beam()])
    ended: list[_Beam] = field(default_factory=list)
    """The best that have ended, best first."""
    done: bool = False

    def prefixes(self) -> list[IntArray]:
        return [np.concatenate((self.prefix, np.array(beam.tokens, self.prefix.dtype))) for beam in self.live]

    def step(self, logprobs: Sequence[np.ndarray], beams: int, end: int) -> None:
        """A token more; `logprobs` [V] of each live beam."""
        totals = np.concatenate([beam.total + row for beam, row in zip(self.live, logprobs, strict=True)])
        vocabulary = len(logprobs[0])
        # Twice as many as go on: half of them may end.
        best = np.argpartition(-totals, min(2 * beams, len(totals)) - 1)[:2 * beams]
        best = best[np.lexsort((best, -totals[best]))]
        longer = [self.live[place // vocabulary].longer(int(place % vocabulary),
                                                        float(logprobs[place // vocabulary][place % vocabulary]))
                  for place in best.tolist()]
        # What ends counts only where it is among the best, as one of them would.
        self.ended = _best([*self.ended, *(beam for beam in longer[:beams] if beam.tokens[-1] == end)], beams)
        self.live = [beam for beam in longer if beam.tokens[-1] != end][:beams]
        if len(longer[0].tokens) == self.room:  # what has no room to end waits, too
            self.ended, self.live = _best([*self.ended, *self.live], beams), []
        self.done = not self.live or (len(self.ended) == beams and self.ended[-1].mean >= self.live[0].mean)


def _best(beams: Sequence[_Beam], number: int) -> list[_Beam]:
    return sorted(beams, key=lambda beam: -beam.mean)[:number]


def likeliest(policy: Policy, prefixes: Sequence[IntArray], *, beams: int, max_tokens: Sequence[int], end: int
              ) -> list[Completion]:
    """Of each prefix the likeliest continuation that `beams` find, of at most so many tokens, one at least; `end` is
    the token that ends it."""
    found: list[Completion] = []
    for start in range(0, len(prefixes), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        searches = [_Search(prefix, max(1, room))
                    for prefix, room in zip(prefixes[part], max_tokens[part], strict=True)]
        with policy.remembering() if isinstance(policy, Remembers) else nullcontext():
            while active := [search for search in searches if not search.done]:
                rows = iter(policy.evaluate([prefix for search in active for prefix in search.prefixes()]))
                for search in active:
                    search.step([next(rows).logprobs for _ in search.live], beams, end)
        for search in searches:
            best = search.ended[0]
            tokens = np.array(best.tokens, search.prefix.dtype)
            found.append(Completion(policy.decode(tokens), tokens, np.array(best.logprobs, np.float32),
                                    "stop" if best.tokens[-1] == end else "length"))
    return found
