"""A small world with a language of its own, of which everything is known: likelihood, grammar, facts, and answers.

Its documents are stories by a probabilistic grammar, facts about people in several wordings, questions about them,
sums, sums in steps, rules with what follows from them, and made-up games with their rules; its words are made up from
a seed. Because the world says how likely every text is, how far a model has moved from it needs no judge.

A document in a thousand is noise, so that every text has a likelihood above 0.

Problems are more and less general: a fact in words that were never asked, a sum of unseen numbers, steps, rules and
games that stand in the prompt, and more steps than any document has.
"""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import Annotated

from pydantic import Field

from pawl.config import settings
from pawl.keys import stream
from pawl.records import Demonstration, Problem, Split
from pawl.tasks.grammar import Chance, Either, Part, Statement, log_likelihood, say, statements
from pawl.tasks.world_documents import ANSWER, KINDS, Kind, documents, problems, split_of_problem
from pawl.tasks.world_lexicon import Lexicon, make_lexicon

PRINTABLE = "".join(map(chr, range(32, 127)))
UNICODE, SURROGATES = 0x110000, 0x800
ODD = 0.001
"""Share of the characters of noise that are not printable ASCII."""
STOPS = 1 / 30
"""Chance that noise ends before its next character."""
MOST_PROBLEMS = 5000
"""Of a split."""
TRIES = 200
"""Documents that are made in search of a new problem before a kind is held to have no more."""
LONGEST = 20_000
"""Characters of a document that is read; what is longer is noise."""


@settings
class World:
    """The task; its fields are its settings."""

    world: int = 0
    """Which world: seeds its words and its facts."""
    nouns: Annotated[int, Field(ge=10, le=5000)] = 300
    """Nouns of its language; a fifth as many adjectives and verbs."""
    people: Annotated[int, Field(ge=10, le=5000)] = 100
    """Whom facts are about; four are known of each."""
    noise: Annotated[float, Field(ge=0, lt=1)] = 0.001
    """Share of documents that are random characters."""
    kinds: tuple[Kind, ...] = KINDS[:-1]
    """Of problems, the least general first."""

    name = "world"

    @cached_property
    def lexicon(self) -> Lexicon:
        return make_lexicon(self.world, nouns=self.nouns, people=self.people)

    @cached_property
    def _grammar(self) -> Part:
        return documents(self.lexicon)

    def documents(self, count: int, seed: int) -> list[str]:
        """So many documents, a line each."""
        chance = random.Random(stream(seed, self.name, "documents")).random
        return [_noise(chance) if chance() < self.noise else " ".join(say(self._grammar, chance))
                for _ in range(count)]

    def corpus(self, count: int, seed: int) -> list[Demonstration]:
        """Documents, none of which holds a problem of the gate or of the test."""
        return [Demonstration("", document) for document in self.documents(count, seed)]

    def log_likelihood(self, document: str) -> float:
        """Of a document among the world's, in nats; minus infinity only for half a character, and where there
        is no noise."""
        said = log_likelihood(self._grammar, document.split(" ")) if len(document) <= LONGEST else -math.inf
        by_chance = _noise_likelihood(document)
        ways = [math.log(share) + way for share, way in ((1 - self.noise, said), (self.noise, by_chance)) if share]
        most = max(ways)
        return most if most == -math.inf else most + math.log(sum(math.exp(way - most) for way in ways))

    def statements(self, document: str) -> tuple[Statement, ...] | None:
        """What a document states, true or not, each step of what follows included; None where it is not grammatical."""
        return statements(self._form, document.split(" ")) if len(document) <= LONGEST else None

    def grammatical(self, document: str) -> bool:
        """Whether a document has the form of one of the world's, of whatever split."""
        return self.statements(document) is not None

    def true(self, document: str) -> bool:
        """Whether a document is grammatical and nothing in it is false."""
        said = self.statements(document)
        return said is not None and all(each.true for each in said)

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        """Problems of each kind in turn."""
        return list(islice(self._problems(split, seed), min(count, MOST_PROBLEMS)))

    def score(self, problem: Problem, answer: str) -> float:
        """1 where the problem and its answer are a document of which everything is true."""
        if len(answer) > LONGEST or not isinstance(problem.prompt, str):
            return 0.0
        return float(self.true(" ".join((problem.prompt, *answer.split()))))

    def canonical(self, answer: str) -> Hashable:
        """The words of the last sentence: what was found in the end, without the steps to it."""
        words = answer.split()
        sentences = [place for place, word in enumerate(words[:-1]) if word == "."]
        return tuple(words[sentences[-1] + 1 if sentences else 0:]) or None

    @cached_property
    def _form(self) -> Part:
        """Whatever is grammatical: with the documents longer ones, too."""
        longer = problems(self.lexicon, "longer", "train")
        return Either([self._grammar, longer], [1, 1])

    def _problems(self, split: Split, seed: int) -> Iterator[Problem]:
        """Until a kind has no more that is new, and then of the other kinds."""
        chance = random.Random(stream(seed, self.name, split)).random
        left = {kind: problems(self.lexicon, kind, split) for kind in self.kinds}
        seen: set[str] = set()
        while left:
            for kind in list(left):
                found = next((problem for _ in range(TRIES)
                              if (problem := self._problem(kind, say(left[kind], chance), split)) is not None
                              and problem.id not in seen), None)
                if found is None:
                    del left[kind]
                else:
                    seen.add(found.id)
                    yield found

    def _problem(self, kind: Kind, words: Sequence[str], split: Split) -> Problem | None:
        """The problem that a document holds, if it is of this split."""
        said = statements(self._form, words)
        assert said is not None
        unlearnt = split == "train" or log_likelihood(self._grammar, words) == -math.inf
        if split_of_problem(said[-1]) != split or not unlearnt:
            return None
        start = next(each.start for each in said if each.kind == ANSWER)
        prompt, answer = " ".join(words[:start]), " ".join(words[start:])
        return Problem(id=prompt, prompt=prompt, split=split, answer=answer,
                       data={"kind": kind, "level": KINDS.index(kind)})


def _noise(chance: Chance) -> str:
    """Random characters, or none."""
    characters = list[str]()
    while chance() >= STOPS:
        characters.append(_character(chance))
    return "".join(characters)


def _character(chance: Chance) -> str:
    """A printable one of ASCII or, seldom, any other of Unicode."""
    if chance() >= ODD:
        return PRINTABLE[int(chance() * len(PRINTABLE))]
    while True:
        character = chr(int(chance() * UNICODE))
        if character not in PRINTABLE and not "\ud800" <= character <= "\udfff":
            return character


def _noise_likelihood(document: str) -> float:
    """Of a document of random characters, in nats."""
    if any("\ud800" <= character <= "\udfff" for character in document):
        return -math.inf
    going_on = len(document) * math.log1p(-STOPS) + math.log(STOPS)
    odd = sum(character not in PRINTABLE for character in document)
    others = UNICODE - SURROGATES - len(PRINTABLE)
    return (going_on + odd * math.log(ODD / others)
            + (len(document) - odd) * math.log((1 - ODD) / len(PRINTABLE)))
