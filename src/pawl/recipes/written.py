"""How a model writes the text that the next one learns from: freely, from a few real words, likelier text only, true
text rather, revised by itself.

Every way has the same number of documents in the end. Not covered: beam search.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pawl.interfaces import Policy
from pawl.keys import fold, stream, uniforms
from pawl.records import Completion, Demonstration, FloatArray, IntArray, Sampling, TokenExample
from pawl.search.likeliest import likeliest

ROUNDS = 20
"""Times, at most, that documents are written until enough are kept."""
WORDS = 3
"""Words of a real document with which one begins that is prompted."""

Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Document:
    """Text that a model wrote, or that is real."""

    text: str
    tokens: IntArray
    """[T] what begins every document, the text, and the end."""
    begin: int
    """Tokens that were not drawn: what begins every document, and the words that this one was given."""
    logprobs: FloatArray = field(default_factory=lambda: np.empty(0, np.float32))
    """[T - begin] under the model that wrote it."""

    @property
    def likelihood(self) -> float:
        """Mean log-probability of what was drawn, nats a token."""
        return float(self.logprobs.mean()) if len(self.logprobs) else 0.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How a model writes."""

    longest: int
    """Tokens of a document at most; a longer one is cut."""
    temperature: float = 1.0
    top_p: float = 1.0
    prompted: float = 0.0
    """Share of documents that begin with a few words of a real one."""
    bias: float = 1.0
    """Share of what was written that is kept, what the model itself holds likely first (as truncation in MAD)."""
    revisions: int = 0
    """Times that each document is written anew from where the model finds it least likely, and kept if it finds the
    whole likelier then."""
    keep_true: float = 1.0
    keep_false: float = 1.0
    """Chance that a verifier keeps a document that is true, and one that is not."""
    beams: int = 1
    """With more than one the likeliest continuation that they find is written; nothing is drawn."""


class Scribe:
    """Turns text into documents, has a policy write some, and makes examples of them."""

    def __init__(self, policy: Policy) -> None:
        """The tokenizer is that of a policy."""
        begin, end = policy.encode(""), policy.encode_demonstration(Demonstration("", ""))[1][-1:]
        self.end = int(end[0])
        """What ends one."""
        self.begin = begin if len(begin) else end
        """What begins every document: what the tokenizer has for it, or the end of the one before."""
        self._policy = policy

    def _encode(self, text: str) -> IntArray:
        return self._policy.encode_demonstration(Demonstration("", text))[1]

    def real(self, texts: Sequence[str], longest: int) -> list[Document]:
        """Real documents, of so many tokens at most."""
        return [Document(text, np.concatenate((self.begin, self._encode(text)))[:longest], len(self.begin))
                for text in texts]

    def opening(self, text: str) -> IntArray:
        """What begins a document, and the first words of this one."""
        words = " ".join(text.split(" ")[:WORDS])
        return np.concatenate((self.begin, self._encode(words)[:-1]))

    def example(self, document: Document, source: str) -> TokenExample:
        """A document to learn from."""
        weights = np.ones(len(document.tokens), np.float32)
        weights[:len(self.begin)] = 0
        return TokenExample(document.tokens, weights, len(self.begin), None, source, "")

    def document(self, policy: Policy, opening: IntArray, completion: Completion, longest: int) -> Document:
        """What a policy wrote after an opening."""
        tokens = np.concatenate((opening, completion.tokens))[:longest]
        return Document(policy.decode(tokens[len(self.begin):]), tokens, len(opening),
                        completion.logprobs[:len(tokens) - len(opening)])


class Writing:
    """A policy that writes in a manner."""

    def __init__(self, policy: Policy, scribe: Scribe, manner: Manner, *, real: Sequence[str] = (),
                 true: Callable[[str], bool] | None = None) -> None:
        """`real` text is what prompted documents begin with; `true` says whether a document is."""
        self.policy, self.scribe, self.manner, self.real, self.true = policy, scribe, manner, real, true

    def __call__(self, count: int, key: int, watch: Watch = lambda done, total: None) -> list[Document]:
        """So many documents, or as many as are kept in `ROUNDS` times as much."""
        kept: list[Document] = []
        for number in range(ROUNDS):
            if len(kept) >= count:
                break
            mine = stream(key, "round", number)
            written = self._draw(math.ceil((count - len(kept)) / self.manner.bias), mine)
            for revision in range(self.manner.revisions):
                written = self._revised(written, stream(mine, "revision", revision))
            kept += self._verified(self._likeliest(written), mine)
            watch(min(len(kept), count), count)
        return kept[:count]

    def _draw(self, count: int, key: int) -> list[Document]:
        """Documents as the policy writes them."""
        openings = [self.scribe.begin] * count
        if self.manner.prompted:
            asked = uniforms(np.full(count, stream(key, "prompted"), np.uint64), np.arange(count, dtype=np.uint64))
            chosen = np.random.default_rng(stream(key, "openings")).integers(len(self.real), size=count)
            openings = [self.scribe.opening(self.real[place]) if draw < self.manner.prompted else self.scribe.begin
                        for draw, place in zip(asked, chosen, strict=True)]
        return self._written(openings, stream(key, "draw"))

    def _written(self, openings: Sequence[IntArray], key: int) -> list[Document]:
        manner = self.manner
        if manner.beams > 1:
            found = likeliest(self.policy, openings, beams=manner.beams, end=self.scribe.end,
                              max_tokens=[manner.longest - len(opening) for opening in openings])
            return [self.scribe.document(self.policy, opening, completion, manner.longest)
                    for opening, completion in zip(openings, found, strict=True)]
        sampling = Sampling(manner.longest, manner.temperature, top_p=manner.top_p)
        drawn = self.policy.propose(openings, 1, sampling=sampling,
                                    keys=fold(key, np.arange(len(openings), dtype=np.uint64))[:, None])
        return [self.scribe.document(self.policy, opening, group[0], manner.longest)
                for opening, group in zip(openings, drawn, strict=True)]

    def _revised(self, documents: Sequence[Document], key: int) -> list[Document]:
        """Each one as it is or, where the policy holds the whole likelier then, written anew from its unlikeliest
        place."""
        places = [each.begin + int(each.logprobs.argmin()) for each in documents]
        again = self._written([each.tokens[:place] for each, place in zip(documents, places, strict=True)], key)
        better = []
        for before, after, place in zip(documents, again, places, strict=True):
            whole = np.concatenate((before.logprobs[:place - before.begin], after.logprobs))
            revised = replace(after, begin=before.begin, logprobs=whole)
            better.append(revised if revised.likelihood > before.likelihood else before)
        return better

    def _likeliest(self, documents: Sequence[Document]) -> list[Document]:
        """The share that the policy itself holds likeliest, in the order in which they were written."""
        if self.manner.bias == 1:
            return list(documents)
        ranked = np.argsort([-each.likelihood for each in documents], kind="stable")
        return [documents[place] for place in sorted(ranked[:max(1, round(self.manner.bias * len(documents)))])]

    def _verified(self, documents: Sequence[Document], key: int) -> list[Document]:
        """What a verifier keeps that is as good as its two rates."""
        rates = {True: self.manner.keep_true, False: self.manner.keep_false}
        if min(rates.values()) == 1:
            return list(documents)
        assert self.true is not None, "a verifier must know what is true"
        draws = uniforms(np.full(len(documents), stream(key, "verify"), np.uint64),
                         np.arange(len(documents), dtype=np.uint64))
        return [each for each, draw in zip(documents, draws, strict=True) if draw < rates[self.true(each.text)]]
