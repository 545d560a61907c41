"""What is kept of a data set while it is read once: counts, what was said before, and a fair sample of passages.

Memory is bounded, whatever is read. What is kept is a function of the documents and their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pawl.audit.near import bands_of
from pawl.audit.reading import Documents, Text
from pawl.audit.sampled import HashSample, place_hashes
from pawl.audit.seen import Frequent, Seen
from pawl.audit.words import Hashes, Words, ngrams_of, words_of

AT_ONCE = 4 << 20
"""Characters of documents that are hashed together."""
PASSAGE = 2000
"""Characters of a passage; a longer document is several."""
PASSAGES = 20_000
"""That are kept."""
SHOWN = 5
"""Examples of each kind."""
OVERLAP = 8
"""Words of an n-gram that tells of a copy (Brown et al. 2020, appendix C, have 8 to 13)."""
OVERLAPS = 1_000_000
"""Of which as many are kept."""
BITS = 8
"""Of what was seen, for each byte of the data."""


class Passage(NamedTuple):
    """A part of a document, with what is known of that."""

    text: str
    place: str
    label: str | None = None


@dataclass(slots=True)
class Sketch:
    """What is known of a data set when it was read."""

    seen: Seen
    documents: int = 0
    words: int = 0
    characters: int = 0
    asked: int = 0
    """Documents of which it is known whether they were said before: all but those that came when memory was full."""
    equal: int = 0
    """That are as one before, but for case and blanks."""
    alike: int = 0
    """That are nearly as one before, and not equal."""
    often: Frequent = field(default_factory=Frequent)
    """Documents by hash."""
    passages: HashSample = field(default_factory=lambda: HashSample(PASSAGES))
    texts: dict[int, Passage] = field(default_factory=dict)
    """Of the sample's passages, by their number in the stream."""
    splits: Counter[str] = field(default_factory=Counter)
    """Documents of each split that rows name."""
    overlaps: HashSample = field(default_factory=lambda: HashSample(OVERLAPS, columns=1))
    """n-grams by hash with the number of their split, where rows name one."""
    first_alike: list[Passage] = field(default_factory=list)
    first_equal: dict[int, Passage] = field(default_factory=dict)
    """Some that came again, by hash."""
    odd: Counter[str] = field(default_factory=Counter)

    @property
    def again(self) -> tuple[float, float]:
        """Shares of documents that are equal to one before, and nearly so."""
        return self.equal / max(1, self.asked), self.alike / max(1, self.asked)

    @property
    def sample(self) -> list[Passage]:
        """The passages that are kept, in a random order."""
        order = np.argsort(self.passages.hashes, kind="stable")
        return [self.texts[place] for place in self.passages.places[order].tolist()]

    def add(self, texts: list[Text]) -> None:
        """The next documents."""
        words = words_of([each.text.encode("utf-8", "replace") for each in texts])
        self.documents += len(texts)
        self.words += len(words.hashes)
        self.characters += sum(len(each.text) for each in texts)
        self._what_was_said(texts, words)
        self._passages(texts)
        self._overlaps(texts, words)

    def _what_was_said(self, texts: list[Text], words: Words) -> None:
        if self.seen.full:
            return
        whole, bands = wholes_of(words), bands_of(words)
        equal = self.seen.add(whole)
        alike = self.seen.add(bands).any(1) & ~equal
        self.often.add(whole)
        self.asked += len(texts)
        self.equal += int(equal.sum())
        self.alike += int(alike.sum())
        for place in np.flatnonzero(alike)[:SHOWN - len(self.first_alike)].tolist():
            self.first_alike.append(_passage(texts[place]))
        for place in np.flatnonzero(equal)[:1000].tolist():
            if len(self.first_equal) < 1000:
                self.first_equal.setdefault(int(whole[place]), _passage(texts[place]))

    def _passages(self, texts: list[Text]) -> None:
        parts = [Passage(each.text[start:start + PASSAGE], each.place, each.label)
                 for each in texts for start in range(0, len(each.text), PASSAGE)]
        first = self.passages.seen
        self.passages.add(place_hashes(first, len(parts), 0))
        kept = self.passages.places.tolist()
        self.texts = {place: self.texts[place] if place < first else parts[place - first] for place in kept}

    def _overlaps(self, texts: list[Text], words: Words) -> None:
        named = [each.split for each in texts]
        if not any(named):
            return
        self.splits.update(name for name in named if name)
        numbers = {name: number for number, name in enumerate(self.splits)}
        grams, bounds = ngrams_of(words, OVERLAP)
        of = np.array([numbers[name] if name else len(numbers) for name in named], np.uint64)
        self.overlaps.add(grams, np.repeat(of, np.diff(bounds))[:, None])


def _passage(text: Text) -> Passage:
    return Passage(text.text[:PASSAGE], text.place, text.label)


def wholes_of(words: Words) -> Hashes:
    """[N] a hash of all words of each document."""
    # The sum of the words' hashes, each turned by its place: equal where the words are, in their order.
    places = np.arange(len(words.hashes), dtype=np.uint64) - np.repeat(
        words.bounds[:-1], np.diff(words.bounds)).astype(np.uint64)
    turned = words.hashes * (2 * places + 1) ^ (words.hashes >> np.uint64(29))
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(turned, dtype=np.uint64)))
    return (sums[words.bounds[1:]] - sums[words.bounds[:-1]]) * np.uint64(0x9E3779B97F4A7C15)


def together(texts: Iterable[Text], size: int = AT_ONCE) -> Iterator[list[Text]]:
    """Documents in lists of about so many characters."""
    held, length = list[Text](), 0
    for text in texts:
        held.append(text)
        length += len(text.text)
        if length >= size:
            yield held
            held, length = [], 0
    if held:
        yield held


def sketch(documents: Documents, *, size: int = AT_ONCE) -> Sketch:
    """Read a data set. Raises DataError where it cannot be read."""
    found = Sketch(Seen(BITS * documents.size))
    for texts in together(documents, size):
        found.add(texts)
    found.odd = documents.odd
    return found
