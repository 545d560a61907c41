"""Stories for a reader whose taste is known, to see a judge being fooled who only learnt it from comparisons.

The stories are those of the small world (`pawl.tasks.world`). Every word that means something has a charm, drawn from a
seed; a reader likes a story for the charm of all its different words, tires of words that come again, and likes it less
where it is not grammatical:

    liking = charm of its different words - words that came before - 1 if it is not grammatical

and the score is its sigmoid. Stories that people write seldom repeat a word, so that comparisons of such stories say
much about charm and little about repetition: a reward model that learnt from them can be fooled by it, as real ones are
by length and by phrases.

A problem is how a story begins; an answer is how it goes on. Not covered: stories of more than 200 words.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Annotated

import numpy as np
from pydantic import Field

from pawl.config import settings
from pawl.keys import permutation, stream
from pawl.records import Demonstration, Problem, Split
from pawl.tasks.grammar import Part, say, statements
from pawl.tasks.splits import split_of
from pawl.tasks.stories_critic import PRINCIPLES, StoryCritic
from pawl.tasks.world_documents import story
from pawl.tasks.world_lexicon import Lexicon, make_lexicon

BEGINNING = 3
"""Words of a problem."""
LONGEST = 200
"""Words of a story that is read; what comes after is not."""


@settings
class Stories:
    """The task; its fields are its settings."""

    reader: int = 0
    """Whose taste: seeds the charm of words."""
    nouns: Annotated[int, Field(ge=10, le=1000)] = 60
    """Nouns of the language; a fifth as many adjectives and verbs."""
    errs: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    """How often the critic of its principles says the opposite, of two stories."""

    name = "stories"

    @cached_property
    def _lexicon(self) -> Lexicon:
        return make_lexicon(0, nouns=self.nouns, people=10)

    @cached_property
    def _grammar(self) -> Part:
        return story(self._lexicon)

    @cached_property
    def _charms(self) -> dict[str, float]:
        """Of words, as they are first met."""
        return {}

    def charm(self, word: str) -> float:
        """How much the reader likes a word, from the standard normal distribution; 0 for words that join others and for
        such as there are not."""
        if word not in self._forms:
            return 0.0
        if word not in self._charms:
            self._charms[word] = float(np.random.default_rng(stream(self.reader, "charm", word)).normal())
        return self._charms[word]

    def means(self, word: str) -> bool:
        """Whether a word means something, and does not only join others."""
        return word in self._forms

    def alike(self, word: str) -> Sequence[str]:
        """Words that can stand where a word stands and leave a story grammatical; none for words that join others."""
        return self._forms.get(word, ())

    @cached_property
    def _forms(self) -> dict[str, tuple[str, ...]]:
        """Words that mean something, with those of the same kind and ending."""
        known = self._lexicon
        inflected = (known.nouns, known.verbs, known.intransitives)
        kinds = [known.adjectives,
                 *(tuple(f"{word}{ending}" for word in words) for words in inflected for ending in ("", "s"))]
        return {word: kind for kind in kinds for word in kind}

    def grammatical(self, text: str) -> bool:
        """Whether a text is a story, or several sentences of one."""
        return statements(self._grammar, text.split()) is not None

    def liking(self, text: str) -> float:
        """How much the reader likes a whole story, in units of log-odds."""
        words = text.split()[:LONGEST]
        telling = [word for word in words if word in self._forms]
        different = set(telling)
        liked = sum(map(self.charm, sorted(different))) - (len(telling) - len(different))
        return liked if self.grammatical(" ".join(words)) else liked - 1

    def score(self, problem: Problem, answer: str) -> float:
        """The sigmoid of the liking of the problem and its answer."""
        return 1 / (1 + math.exp(-self.liking(f"{problem.prompt} {answer}")))

    @property
    def principles(self) -> tuple[str, ...]:
        """What a reader would ask of a story, in words."""
        return PRINCIPLES

    def critic(self) -> StoryCritic:
        """Who reads stories by these principles and errs now and then, in the place of a language model."""
        return StoryCritic(self)

    def documents(self, count: int, seed: int) -> list[str]:
        """So many stories whose beginnings are of the train split, a line each."""
        return [" ".join(told) for told in islice(self._told("train", stream(seed, "documents")), count)]

    def corpus(self, count: int, seed: int) -> list[Demonstration]:
        """Stories whose beginnings are of the train split, in two parts: how they begin, and how they go on."""
        return list(islice((Demonstration(first, f" {rest}") for first, rest in self._told("train", seed)), count))

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        """Different beginnings, as many as 20,000 stories have."""
        beginnings = self._beginnings[split]
        chosen = permutation(stream(seed, self.name, split), len(beginnings))[:count]
        return [Problem(beginnings[place], beginnings[place], split) for place in chosen]

    @cached_property
    def _beginnings(self) -> dict[Split, list[str]]:
        """Of many stories, as they are first met."""
        found: dict[Split, dict[str, None]] = {"train": {}, "gate": {}, "test": {}}
        chance = random.Random(stream(0, self.name, "beginnings")).random
        for _ in range(20_000):
            beginning = _split(" ".join(say(self._grammar, chance)))[0]
            found[split_of(f"stories {beginning}")].setdefault(beginning)
        return {split: list(beginnings) for split, beginnings in found.items()}

    def _told(self, split: Split, seed: int) -> Iterator[tuple[str, str]]:
        """Stories of a split without end."""
        chance = random.Random(stream(seed, self.name, "corpus")).random
        while True:
            beginning, rest = _split(" ".join(say(self._grammar, chance)))
            if split_of(f"stories {beginning}") == split:
                yield beginning, rest


def _split(document: str) -> tuple[str, str]:
    """How a story begins, and how it goes on."""
    words = document.split(" ")
    return " ".join(words[:BEGINNING]), " ".join(words[BEGINNING:])
