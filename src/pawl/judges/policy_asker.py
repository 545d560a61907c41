"""A policy of this process as a language model that can be asked.

Where chances are wanted nothing is sampled: each answer's chance is that a reply begins with it, from the policy's own
next-token log-probabilities. Where one answer begins another, as 1 begins 10, the shorter one's chance is that a reply
begins with it and not with the longer.

Not covered: an answer that the policy would write with other tokens than its tokenizer does; a model on another machine
(`pawl.judges.endpoint`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np

from pawl.errors import DataError, PawlError
from pawl.interfaces import Policy, Remembers
from pawl.judges.asks import Question, Reply, name_of
from pawl.keys import row_keys
from pawl.records import Demonstration, IntArray, Sampling
from pawl.time_limit import printable

TOGETHER = 256
"""Prefixes in one call of a policy: what `evaluate` says of each is as large as the vocabulary."""

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class PolicyAsker:
    """Implements `Asks`. A question that the policy cannot take is a reply with the reason."""

    policy: Policy
    temperature: float = 0.0
    """Of replies in words; 0 is greedy."""
    seed: int = 0
    """Names the random streams where the temperature is above 0; a reply depends on it and on the question alone."""

    def __call__(self, questions: Sequence[Question]) -> list[Reply]:
        replies: list[Reply] = [Reply()] * len(questions)
        in_words: defaultdict[int, list[tuple[int, IntArray]]] = defaultdict(list)
        in_chances: list[tuple[int, _Answers]] = []
        for i, question in enumerate(questions):
            try:
                prefix = self._prefix(question)
                if question.answers:
                    in_chances.append((i, _Answers.of(self.policy, question, prefix)))
                else:
                    in_words[question.max_tokens].append((i, prefix))
            except PawlError as error:
                replies[i] = Reply(error=f"not asked: {printable(error)}")
        for max_tokens, rows in in_words.items():
            for i, reply in self._written([questions[i] for i, _ in rows], rows, max_tokens):
                replies[i] = reply
        for first in range(0, len(in_chances), TOGETHER):
            part = in_chances[first : first + TOGETHER]
            for (i, _), reply in zip(part, _chances(self.policy, [answers for _, answers in part]), strict=True):
                replies[i] = reply
        return replies

    def _prefix(self, question: Question) -> IntArray:
        """[P] tokens of a question. Raises PawlError where the policy cannot take it."""
        prefix, room = self.policy.encode(question.prompt), self.policy.context - question.max_tokens
        if not 0 < len(prefix) <= room:
            raise DataError(f"a question must have 1 to {room} tokens for this model, got {len(prefix)}")
        return prefix

    def _written(self, questions: Sequence[Question], rows: Sequence[tuple[int, IntArray]],
                 max_tokens: int) -> Iterator[tuple[int, Reply]]:
        """Places and replies in words."""
        sampling = Sampling(max_tokens, self.temperature)
        keys = row_keys(self.seed, [name_of(question) for question in questions], 1)
        for first in range(0, len(rows), TOGETHER):
            part = rows[first : first + TOGETHER]
            drawn = self.policy.propose([prefix for _, prefix in part], 1, sampling=sampling,
                                        keys=keys[first : first + TOGETHER])
            for (i, prefix), (completion,) in zip(part, drawn, strict=True):
                yield i, Reply(completion.text, cut=completion.finish == "length", read=len(prefix),
                               written=len(completion.tokens))


@dataclass(frozen=True)
class _Answers:
    """The answers to one question, as tokens."""

    prefix: IntArray
    tokens: tuple[Tokens, ...]
    """[A]"""

    @classmethod
    def of(cls, policy: Policy, question: Question, prefix: IntArray) -> _Answers:
        """Raises DataError where the model cannot tell the answers apart, or they are longer than a reply may be."""
        tokens = tuple(tuple(policy.encode_demonstration(Demonstration(question.prompt, answer))[1][:-1].tolist())
                       for answer in question.answers)
        if len(set(tokens)) < len(tokens):
            raise DataError("answers must differ in this model's tokens, got some that do not")
        if not all(0 < len(answer) <= question.max_tokens for answer in tokens):
            raise DataError(f"answers must have 1 to {question.max_tokens} tokens, got some of other lengths")
        return cls(prefix, tokens)

    def begun(self, length: int) -> set[Tokens]:
        """The first tokens of answers that are longer than these."""
        return {tokens[:length] for tokens in self.tokens if len(tokens) > length}

    def chances(self, reached: Mapping[Tokens, float]) -> tuple[float, ...]:
        """[A] from the chances that a reply begins with each."""
        exact = {tokens: reached[tokens] for tokens in self.tokens}
        for tokens in self.tokens:
            shorter = [other for other in self.tokens if other != tokens and tokens[: len(other)] == other]
            if shorter:
                exact[max(shorter, key=len)] -= reached[tokens]
        return tuple(max(0.0, exact[tokens]) for tokens in self.tokens)


def _chances(policy: Policy, asked: Sequence[_Answers]) -> list[Reply]:
    """Replies in chances, token by token of the answers."""
    reached: list[dict[Tokens, float]] = [{(): 1.0} for _ in asked]
    read = [0] * len(asked)
    longest = max((len(tokens) for answers in asked for tokens in answers.tokens), default=0)
    with policy.remembering() if isinstance(policy, Remembers) else nullcontext():
        for length in range(longest):
            rows = [(i, begun) for i, answers in enumerate(asked) for begun in sorted(answers.begun(length))]
            for first in range(0, len(rows), TOGETHER):
                part = rows[first : first + TOGETHER]
                prefixes = [np.append(asked[i].prefix, np.array(begun, np.int32)) for i, begun in part]
                forwarded = policy.unread(prefixes) if isinstance(policy, Remembers) else map(len, prefixes)
                for (i, begun), evaluation, tokens in zip(part, policy.evaluate(prefixes), forwarded, strict=True):
                    read[i] += tokens
                    for next_one in {answer[length] for answer in asked[i].tokens
                                     if len(answer) > length and answer[:length] == begun}:
                        reached[i][*begun, next_one] = reached[i][begun] * float(np.exp(evaluation.logprobs[next_one]))
    return [Reply(chances=answers.chances(known), read=tokens)
            for answers, known, tokens in zip(asked, reached, read, strict=True)]
