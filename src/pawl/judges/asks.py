"""A language model as something that can be asked: questions in words, replies in words or in chances.

Who replies does not matter to a judge: an endpoint (`pawl.judges.endpoint`), a policy of this process
(`pawl.judges.policy_asker`), or any function of this shape.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Protocol, runtime_checkable

from pawl.records import Prompt


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked."""

    prompt: Prompt
    answers: tuple[str, ...] = ()
    """[A] replies whose chances are wanted, all different; none where words are."""
    max_tokens: int = 16
    """Longest reply, in tokens."""


@dataclass(frozen=True, slots=True)
class Place:
    """A token of a reply, and what might have stood there."""

    token: str
    logprob: float
    """In nats."""
    likeliest: tuple[tuple[str, float], ...]
    """Tokens and their log-probabilities; the one that was written may be among them."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model replied, or why it did not."""

    text: str = ""
    """Empty from a model that was asked for chances alone."""
    chances: tuple[float, ...] | None = None
    """[A] probability of each answer; they sum to 1 at most. None where it is not known."""
    places: tuple[Place, ...] = ()
    """[T] of the text, where chances were wanted and the model tells them."""
    cut: bool = False
    """Whether the text ends because it was as long as it may be."""
    read: int = 0
    """Tokens of the prompt that were forwarded for this reply."""
    written: int = 0
    """Tokens sampled for it."""
    cost: float = 0.0
    """In whatever money prices are in."""
    cached: bool = False
    """Whether it had been given before; then it costs nothing."""
    error: str | None = None
    """Why there is no reply."""


Asks = Callable[[Sequence[Question]], list[Reply]]
"""A reply to each question. Whatever goes wrong with one is that reply's `error`, and the others stay as they are."""


@runtime_checkable
class AsksEarly(Protocol):
    """Who can begin to reply before it is asked. What it replies does not depend on whether it could."""

    def __call__(self, questions: Sequence[Question]) -> list[Reply]: ...

    def expect(self, questions: Sequence[Question]) -> None:
        """These questions will be asked, once. Returns soon."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What a judge has asked so far, as counts; sums of these are sums of counts.

    `consistent`, `first_twice`, `second_twice` and `undecided` sum to `pairs`. A judge that goes by what it reads, and
    not by the order in which it reads it, has as many of `first_twice` as of `second_twice`, and few of both.
    """

    questions: int = 0
    """Different ones in a call."""
    unanswered: int = 0
    """Of these: no reply came."""
    cached: int = 0
    """Of these: had been answered before."""
    read: int = 0
    """Tokens of prompts."""
    written: int = 0
    """Tokens of replies."""
    cost: float = 0.0
    pairs: int = 0
    """Pairs of attempts that were asked about, each in both orders."""
    consistent: int = 0
    """Of these: the same attempt was preferred in both orders."""
    first_twice: int = 0
    """Of these: whichever stood first was preferred."""
    second_twice: int = 0
    """Of these: whichever stood second was preferred."""
    undecided: int = 0
    """Of these: an order had no reply, an unclear one, or found both alike."""
    triples: int = 0
    """Three attempts at one problem, each two of which have a preference."""
    cyclic: int = 0
    """Of these: the first beats the second, which beats the third, which beats the first."""

    @property
    def agreement(self) -> float | None:
        """Share of pairs on which both orders agree; None without a pair."""
        return self.consistent / self.pairs if self.pairs else None

    @property
    def transitivity(self) -> float | None:
        """Share of triples that go in no circle; None without a triple."""
        return 1 - self.cyclic / self.triples if self.triples else None

    def __add__(self, other: Asked) -> Asked:
        return Asked(*map(operator.add, astuple(self), astuple(other)))


def name_of(question: Question) -> str:
    """A text that is the same for equal questions and no others."""
    prompt = question.prompt if isinstance(question.prompt, str) else [dict(message) for message in question.prompt]
    return json.dumps([prompt, question.answers, question.max_tokens], sort_keys=True)


def ask_once(asks: Asks, questions: Sequence[Question]) -> tuple[list[Reply], Asked]:
    """A reply to each question, equal ones asked once, and what was asked."""
    distinct = {name_of(question): question for question in questions}
    replies = dict(zip(distinct, asks(list(distinct.values())), strict=True)) if distinct else {}
    return [replies[name_of(question)] for question in questions], _counted(list(replies.values()))


def expect(asks: Asks, questions: Sequence[Question]) -> None:
    """Lets a model that can begin to reply."""
    if isinstance(asks, AsksEarly):
        asks.expect(list({name_of(question): question for question in questions}.values()))


def from_cache(reply: Reply) -> Reply:
    """A reply that had been given before."""
    return replace(reply, cached=True, read=0, written=0, cost=0.0)


def _counted(replies: Sequence[Reply]) -> Asked:
    return Asked(questions=len(replies), unanswered=sum(reply.error is not None for reply in replies),
                 cached=sum(reply.cached for reply in replies), read=sum(reply.read for reply in replies),
                 written=sum(reply.written for reply in replies), cost=sum(reply.cost for reply in replies))
