"""A critic of stories: by principles that a reader would put in words, and with a taste that is nearly the reader's.

It stands in for a language model where there is none, as simulated labellers do for people. It reads a story word
by word; to put one better, it changes one of them, or leaves out what is no sentence. Of two stories it says the
opposite now and then, and what it finds charming is not quite what the reader does: learn long enough from it, and its
errors are learnt.

Not covered: principles in other words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.special import expit

from pawl.errors import ConfigError
from pawl.keys import row_keys, stream, uniforms
from pawl.records import Attempt, Revision, Verdict

TWICE, SENTENCES, CHARM = "Say nothing twice.", "Write whole sentences.", "Choose words that charm."
PRINCIPLES = (TWICE, SENTENCES, CHARM)
TASTE = 0.8
"""Correlation of what charms the critic and what charms the reader, over words."""
COME_TO_MIND = 4
"""Words among which it chooses one to say instead of another."""


class Read(Protocol):
    """The task whose stories are read."""

    @property
    def errs(self) -> float: ...

    @property
    def reader(self) -> int: ...

    def charm(self, word: str) -> float: ...

    def means(self, word: str) -> bool: ...

    def alike(self, word: str) -> Sequence[str]: ...

    def grammatical(self, text: str) -> bool: ...


@dataclass(frozen=True)
class StoryCritic:
    """Implements `Critic`."""

    stories: Read
    name = "critic of stories"

    def revise(self, attempts: Sequence[Attempt], principles: Sequence[str]) -> list[Revision]:
        """The story with one word changed, of those that are not given, or without what is no sentence; as it is where
        nothing breaks the principle."""
        return [self._revised(attempt, principle) for attempt, principle in zip(attempts, principles, strict=True)]

    def prefers(self, pairs: Sequence[tuple[Attempt, Attempt]], principles: Sequence[str]) -> list[bool | None]:
        """By which story keeps better to the principle, or now and then the opposite; None where both do alike."""
        names = [f"{one.problem.id} {one.completion.text} {other.completion.text}" for one, other in pairs]
        luck = uniforms(row_keys(stream(self.stories.reader, "critic"), names, 1)[:, 0], 0)
        apart = [self.keeps(_story(one), principle) - self.keeps(_story(other), principle)
                 for (one, other), principle in zip(pairs, principles, strict=True)]
        failed = [one.error is not None or other.error is not None for one, other in pairs]
        return [None if no_story or not difference else bool((difference > 0) != (chance < self.stories.errs))
                for no_story, difference, chance in zip(failed, apart, luck, strict=True)]

    def rate(self, attempts: Sequence[Attempt], principles: Sequence[str]) -> list[Verdict]:
        """The sigmoid of how well each keeps to its principle."""
        return [Verdict(None, self.name, attempt.error) if attempt.error is not None
                else Verdict(float(expit(self.keeps(_story(attempt), principle))), self.name)
                for attempt, principle in zip(attempts, principles, strict=True)]

    def keeps(self, story: str, principle: str) -> float:
        """How well a story keeps to a principle, in units of the reader's liking: less the words that came before, less
        1 where it is not grammatical, or the charm of its different words. Raises ConfigError for a principle that it
        does not know."""
        _must_be_known(principle)
        words = [word for word in story.split() if self.stories.means(word)]
        said: Mapping[str, Callable[[], float]] = {
            TWICE: lambda: float(len(set(words)) - len(words)),
            SENTENCES: lambda: float(self.stories.grammatical(story)) - 1,
            CHARM: lambda: sum(map(self.charm, sorted(set(words))))}
        return said[principle]()

    def charm(self, word: str) -> float:
        """How much the critic likes a word; of those that mean something, from the standard normal distribution."""
        if not self.stories.means(word):
            return 0.0
        if word not in self._own:
            own = np.random.default_rng(stream(self.stories.reader, "critic's charm", word)).normal()
            self._own[word] = TASTE * self.stories.charm(word) + (1 - TASTE**2) ** 0.5 * float(own)
        return self._own[word]

    @cached_property
    def _own(self) -> dict[str, float]:
        """Charms, as they are first asked for."""
        return {}

    def _revised(self, attempt: Attempt, principle: str) -> Revision:
        _must_be_known(principle)
        if attempt.error is not None:
            return Revision(attempt, principle, error=attempt.error)
        words, given = _story(attempt).split(), len(str(attempt.problem.prompt).split())
        critique, better = self._mended(words, given, principle)
        if critique is None:
            return Revision(attempt, principle, "Nothing breaks it.", attempt.completion.text)
        return Revision(attempt, principle, f"{principle} {critique}", f" {' '.join(better[given:])}")

    def _mended(self, words: Sequence[str], given: int, principle: str) -> tuple[str | None, list[str]]:
        """What is wrong with a story, nothing where nothing is, and its words put better, those given kept."""
        if principle == SENTENCES:
            ends = [0, *(place for place, word in enumerate(words, start=1) if word == ".")]
            kept = next((end for end in reversed(ends) if self.stories.grammatical(" ".join(words[:end]))), len(words))
            said = f"This is no sentence: {' '.join(words[kept:])}" if given < kept < len(words) else None
            return said, [*words[:kept]]
        own = [place for place in range(given, len(words)) if self.stories.alike(words[place])]
        wrong = [place for place in own if words[place] in words[:place]] if principle == TWICE else own
        if not wrong:
            return None, [*words]
        place = wrong[0] if principle == TWICE else min(wrong, key=lambda one: self.charm(words[one]))
        better = self._instead(words, place)
        if better == words[place] or (principle == CHARM and self.charm(better) <= self.charm(words[place])):
            return None, [*words]
        return f"Instead of {words[place]} say {better}.", [*words[:place], better, *words[place + 1 :]]

    def _instead(self, words: Sequence[str], place: int) -> str:
        """The word that charms the critic most, of a few that come to mind in the place of one."""
        new = [word for word in self.stories.alike(words[place]) if word not in words]
        names = [f"{' '.join(words)} {place} {number}" for number in range(COME_TO_MIND)]
        luck = uniforms(row_keys(stream(self.stories.reader, "instead"), names, 1)[:, 0], 0)
        return max((new[int(one * len(new))] for one in luck), key=self.charm) if new else words[place]


def _must_be_known(principle: str) -> None:
    """Raises ConfigError for a principle in other words."""
    if principle not in PRINCIPLES:
        raise ConfigError(f"a principle must be one that the critic of stories knows, got {principle!r}",
                          hint="; ".join(PRINCIPLES))


def _story(attempt: Attempt) -> str:
    return f"{attempt.problem.prompt} {attempt.completion.text.strip()}"
