"""The words of a world, its people, and what is true of them: all drawn from one seed.

Words are made up, so that nothing outside the world helps to know them; those that join them are English, so that
people can read what is said. How often a word is said falls as its rank to the power of -1 (Zipf).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from pawl.keys import stream

ONSETS = (
    "b", "bl", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "p", "pr", "r", "s", "sk",
    "sn", "st", "t", "tr", "v", "w", "z",
)
VOWELS = ("a", "e", "i", "o", "u", "ai", "oa", "ei")
CODAS = ("l", "n", "m", "r", "k", "t", "sk", "nd")
ENGLISH = frozenset((
    "a", "animal", "animals", "and", "are", "as", "beats", "does", "every", "food", "for", "home", "in", "is",
    "it", "job", "keep", "keeps", "like", "likes", "live", "lives", "minus", "of", "plays", "plus", "say", "says",
    "so", "some", "take", "that", "the", "times", "what", "where", "who", "wins", "work", "works",
))
"""Words that join others: none is made up again."""

RELATIONS = ("home", "food", "animal", "job")


@dataclass(frozen=True)
class Lexicon:
    """The words of a world by what they are, in the order of how often they are said."""

    nouns: tuple[str, ...]
    adjectives: tuple[str, ...]
    verbs: tuple[str, ...]
    """That take an object."""
    intransitives: tuple[str, ...]
    people: tuple[str, ...]
    kinds: tuple[str, ...]
    """What rules are about."""
    moves: tuple[str, ...]
    """In games."""
    games: tuple[str, ...]
    things: dict[str, tuple[str, ...]]
    """By relation, what a person may have: homes, foods, animals, jobs."""
    facts: dict[str, dict[str, str]]
    """By relation, what is true of each person."""


def zipf(count: int) -> list[float]:
    """Weights that fall as the rank's inverse."""
    return [1 / rank for rank in range(1, count + 1)]


def make_lexicon(seed: int, *, nouns: int, people: int) -> Lexicon:
    """The lexicon of a world of so many nouns and people."""
    random = np.random.default_rng(stream(seed, "lexicon"))
    words = _words(random)

    def some(count: int) -> tuple[str, ...]:
        return tuple(islice(words, count))

    names = some(people)
    things = {relation: some(max(4, people // 5)) for relation in RELATIONS}
    facts = {relation: {name: things[relation][random.integers(len(things[relation]))] for name in names}
             for relation in RELATIONS}
    return Lexicon(nouns=some(nouns), adjectives=some(max(4, nouns // 5)), verbs=some(max(4, nouns // 5)),
                   intransitives=some(max(4, nouns // 10)), people=names, kinds=some(40), moves=some(24),
                   games=some(24), things=things, facts=facts)


def _words(random: np.random.Generator) -> Iterator[str]:
    """Words that are pronounceable and not English, none twice; short ones are as frequent as long ones. None ends in
    an s, which marks the plural."""
    seen = set(ENGLISH)
    while True:
        word = _syllable(random) + (_syllable(random) if random.random() < 0.5 else "")
        word += _one_of(CODAS, random) if random.random() < 0.5 else ""
        if len(word) > 2 and word not in seen:
            seen.add(word)
            yield word


def _syllable(random: np.random.Generator) -> str:
    return _one_of(ONSETS, random) + _one_of(VOWELS, random)


def _one_of(choices: Sequence[str], random: np.random.Generator) -> str:
    return choices[int(random.integers(len(choices)))]
