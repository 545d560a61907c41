"""A probabilistic grammar that remembers: texts from it, their exact likelihood, and what a text states.

A grammar is parts within parts. A part may give a word a name, and a later one may say again what is named, or what
follows from it: the sum of two numbers, the home of a person. So what a text of the grammar states is true, and a text
of which only what should follow is wrong can still be read, and its mistakes named.

Reading is exact: all ways to read a text are followed side by side, and those that come to the same are one, with the
sum of their likelihoods (the inside algorithm of Baker 1979, for rules that remember). A part is finite: it may be
repeated without end, but does not hold itself.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

Bound = tuple[tuple[str, str], ...]
"""Names and the words that they stand for, the latest last."""
Chance = Callable[[], float]
"""A draw from [0, 1)."""
Named = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Statement:
    """What a stretch of a text says."""

    kind: str
    words: Bound
    """Its words by name: two statements with the same kind and words say the same, however they put it."""
    true: bool
    start: int
    """The place of its first word in the text."""
    end: int
    """The place after its last."""


class State(NamedTuple):
    """How far one way to read a text has come."""

    place: int
    bound: Bound
    said: tuple[Statement, ...]
    wrong: bool
    """Whether something that should follow does not, in the statement that is being read."""


Readings = dict[State, float]
"""Where a part may end, and how likely that is, in nats."""


class Part(ABC):
    """A piece of a grammar."""

    @property
    @abstractmethod
    def starts(self) -> frozenset[str] | None:
        """Words with which it can begin; None where that may be any."""

    @abstractmethod
    def say(self, chance: Chance, bound: Bound, words: list[str]) -> Bound:
        """Append words, drawn by chance; returns what is bound afterwards."""

    @abstractmethod
    def read(self, words: Sequence[str], state: State, strict: bool) -> Readings:
        """Every way to read on from a state. Strict is what the grammar says; else also what is of its form, with
        likelihoods that mean nothing."""


@dataclass(frozen=True)
class Word(Part):
    """This word."""

    word: str

    @cached_property
    def starts(self) -> frozenset[str]:
        return frozenset((self.word,))

    def say(self, chance: Chance, bound: Bound, words: list[str]) -> Bound:
        words.append(self.word)
        return bound

    def read(self, words: Sequence[str], state: State, strict: bool) -> Readings:
        if state.place < len(words) and words[state.place] == self.word:
            return {state._replace(place=state.place + 1): 0.0}
        return {}


@dataclass(frozen=True)
class Draw(Part):
    """One of some words, by weight, under a name; an empty name is not bound."""

    name: str
    words: Sequence[str]
    weights: Sequence[float] = ()
    """Of each word; without them all weigh the same."""
    allowed: Callable[[Named, str], bool] | None = None
    """Whether a word is of the grammar where these are bound."""
    wanted: Callable[[Named, str], bool] | None = None
    """Whether it is said there; where none of the allowed is wanted, all of them are."""

    @cached_property
    def starts(self) -> frozenset[str]:
        return frozenset(self.words)

    @cached_property
    def _weights(self) -> dict[str, float]:
        return dict(zip(self.words, self.weights or [1.0] * len(self.words), strict=True))

    @cached_property
    def _all(self) -> tuple[list[str], list[float]]:
        return list(self._weights), list(accumulate(self._weights.values()))

    def options(self, bound: Bound) -> tuple[list[str], list[float]]:
        """The words that are said where these are bound, and their weights summed up so far."""
        if self.allowed is None and self.wanted is None:
            return self._all
        named = dict(bound)
        words = [word for word in self._weights if self.allowed is None or self.allowed(named, word)]
        if self.wanted is not None:
            words = [word for word in words if self.wanted(named, word)] or words
        return words, list(accumulate(self._weights[word] for word in words))

    def say(self, chance: Chance, bound: Bound, words: list[str]) -> Bound:
        options, sums = self.options(bound)
        word = options[min(bisect_right(sums, chance() * sums[-1]), len(options) - 1)]
        words.append(word)
        return self._bind(bound, word)

    def read(self, words: Sequence[str], state: State, strict: bool) -> Readings:
        word = words[state.place] if state.place < len(words) else None
        if word is None or word not in self._weights:
            return {}
        likelihood = 0.0
        if strict:
            options, sums = self.options(state.bound)
            if options is not self._all[0] and word not in options:
                return {}
            likelihood = math.log(self._weights[word] / sums[-1])
        elif self.allowed is not None and not self.allowed(dict(state.bound), word):
            return {}
        return {state._replace(place=state.place + 1, bound=self._bind(state.bound, word)): likelihood}

    def _bind(self, bound: Bound, word: str) -> Bound:
        return (*bound, (self.name, word)) if self.name else bound


@dataclass(frozen=True)
class Told(Part):
    """The word that follows from those that are bound, under a name."""

    name: str
    tell: Callable[[Named], str]
    like: Callable[[str], bool]
    """Whether a word is of the kind that could follow."""

    @property
    def starts(self) -> None:
        return None

    def say(self, chance: Chance, bound: Bound, words: list[str]) -> Bound:
        word = self.tell(dict(bound))
        words.append(word)
        return (*bound, (self.name, word))

    def read(self, words: Sequence[str], state: State, strict: bool) -> Readings:
        if state.place == len(words):
            return {}
        word = words[state.place]
        right = word == self.tell(dict(state.bound))
        if not right and (strict or not self.like(word)):
            return {}
        return {State(state.place + 1, (*state.bound, (self.name, word)), state.said, state.wrong or not right): 0.0}


@dataclass(frozen=True)
class Again(Part):
    """The word that is bound to a name."""

    name: str

    @property
    def starts(self) -> None:
        return None

    def say(self, chance: Chance, bound: Bound, words: list[str]) -> Bound:
        words.append(dict(bound)[self.name])
        return bound

    def read(self, words: Sequence[str], state: State, strict: bool) -> Readings:
        if state.place < len(words) and words[state.place] == dict(state.bound)[self.name]:
            return {state._replace(place=state.place + 1): 0.0}
        return {}


@dataclass(frozen=True)
class Sequel(Part):
    """Parts one after the other, of which the first says something."""

    parts: Sequence[Part]

    @cached_property
    def starts(self) -> frozenset[str] | None:
        return self.parts[0].starts

    def say(self, chance: Chance, bound: Bound, words: list[str]) -> Bound:
        for part in self.parts:
            bound = part.say(chance, bound, words)
        return bound

    def read(self, words: Sequence[str], state: State, strict: bool) -> Readings:
        found: Readings = {state: 0.0}
        for part in self.parts:
            found = _onwards(found, part, words, strict)
        return found


@dataclass(frozen=True)
class Either(Part):
    """One of some parts, by weight."""

    parts: Sequence[Part]
    weights: Sequence[float]

    @cached_property
    def starts(self) -> frozenset[str] | None:
        known = [part.starts for part in self.parts]
        return None if None in known else frozenset().union(*(each for each in known if each is not None))

    @cached_property
    def _sums(self) -> list[float]:
        return list(accumulate(self.weights))

    @cached_property
    def _by_word(self) -> dict[str, list[int]]:
        """The parts that begin with a word, those that may begin with any left out."""
        table: dict[str, list[int]] = {}
        for place, part in enumerate(self.parts):
            for word in part.starts or ():
                table.setdefault(word, []).append(place)
        return table

    @cached_property
    def _any(self) -> list[int]:
        return [place for place, part in enumerate(self.parts) if part.starts is None]

    def say(self, chance: Chance, bound: Bound, words: list[str]) -> Bound:
        place = min(bisect_right(self._sums, chance() * self._sums[-1]), len(self.parts) - 1)
        return self.parts[place].say(chance, bound, words)

    def read(self, words: Sequence[str], state: State, strict: bool) -> Readings:
        if state.place == len(words):
            return {}
        found: Readings = {}
        for place in (*self._by_word.get(words[state.place], ()), *self._any):
            if not strict or self.weights[place] > 0:
                weight = math.log(self.weights[place] / self._sums[-1]) if strict else 0.0
                _add(found, self.parts[place].read(words, state, strict), weight)
        return found


@dataclass(frozen=True)
class Repeat(Part):
    """A part once and, each time with a chance, again."""

    part: Part
    more: float
    """The chance of another, in (0, 1)."""

    @cached_property
    def starts(self) -> frozenset[str] | None:
        return self.part.starts

    def say(self, chance: Chance, bound: Bound, words: list[str]) -> Bound:
        bound = self.part.say(chance, bound, words)
        while chance() < self.more:
            bound = self.part.say(chance, bound, words)
        return bound

    def read(self, words: Sequence[str], state: State, strict: bool) -> Readings:
        found: Readings = {}
        going = self.part.read(words, state, strict)
        while going:
            _add(found, going, math.log1p(-self.more))
            going = _onwards(going, self.part, words, strict, math.log(self.more))
        return found


@dataclass(frozen=True)
class States(Part):
    """A part that states something."""

    kind: str
    part: Part
    keeps: bool = False
    """Whether what it binds is known afterwards; else to the statement alone."""
    hidden: Collection[str] = field(default_factory=frozenset)
    """Names that do not count among what is said."""

    @cached_property
    def starts(self) -> frozenset[str] | None:
        return self.part.starts

    def say(self, chance: Chance, bound: Bound, words: list[str]) -> Bound:
        after = self.part.say(chance, bound, words)
        return after if self.keeps else bound

    def read(self, words: Sequence[str], state: State, strict: bool) -> Readings:
        found: Readings = {}
        inside = self.part.read(words, state._replace(wrong=False), strict)
        for after, likelihood in inside.items():
            named = tuple(pair for pair in after.bound[len(state.bound):] if pair[0] not in self.hidden)
            true = not after.wrong and all(each.true for each in after.said[len(state.said):])
            statement = Statement(self.kind, named, true, state.place, after.place)
            bound = after.bound if self.keeps else state.bound
            _add(found, {State(after.place, bound, (*after.said, statement), state.wrong): likelihood})
        return found


def parts(text: str, **named: Part) -> Sequel:
    """Words with blanks between them, `{name}` in place of one of the named parts."""
    return Sequel([named[word[1:-1]] if word.startswith("{") else Word(word) for word in text.split()])


def say(part: Part, chance: Chance) -> list[str]:
    """The words of a text."""
    words: list[str] = []
    part.say(chance, (), words)
    return words


def log_likelihood(part: Part, words: Sequence[str]) -> float:
    """Of the words as a whole text, in nats; minus infinity for what the grammar never says."""
    ends = [likelihood for state, likelihood in part.read(words, State(0, (), (), False), True).items()
            if state.place == len(words)]
    return _log_sum(ends)


def statements(part: Part, words: Sequence[str]) -> tuple[Statement, ...] | None:
    """What a whole text states, true or not, inner statements before those that they are part of; None where it is not
    of the grammar's form. Of several ways to read it, one with the fewest mistakes."""
    ends = [state for state in part.read(words, State(0, (), (), False), False) if state.place == len(words)]
    return min((state.said for state in ends), key=lambda said: sum(not each.true for each in said), default=None)


def _onwards(found: Readings, part: Part, words: Sequence[str], strict: bool, weight: float = 0.0) -> Readings:
    """Every way to read a part after what was found."""
    after: Readings = {}
    for state, likelihood in found.items():
        _add(after, part.read(words, state, strict), likelihood + weight)
    return after


def _add(found: Readings, more: Readings, weight: float = 0.0) -> None:
    """Put readings beside others; those that come to the same are summed."""
    for state, likelihood in more.items():
        known = found.get(state)
        found[state] = likelihood + weight if known is None else _log_sum((known, likelihood + weight))


def _log_sum(likelihoods: Iterable[float]) -> float:
    """log(sum(exp))"""
    values = list(likelihoods)
    most = max(values, default=-math.inf)
    return most if most == -math.inf else most + math.log(sum(math.exp(value - most) for value in values))
