"""What a model has read when each step of an attempt ends, and what it thinks of that.

A step is a line: the delimiter ends it, and so does the attempt. Not covered: a model with other tokens than the policy
that wrote the attempts; it must read the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pawl.errors import ConfigError
from pawl.interfaces import Policy
from pawl.records import Attempt, Cost, Demonstration, FloatArray, IntArray, Verdict

TOGETHER = 1024
"""Prefixes in one call of `evaluate`, which gives the whole vocabulary's log-probabilities for each."""


class Prefix(NamedTuple):
    """An attempt up to the end of a step."""

    text: str
    """The answer so far, the delimiter included."""
    tokens: IntArray
    """[T] the prompt and the answer so far."""
    ended: bool
    """Whether the last token is the end token."""


def step_ends(text: str, delimiter: str) -> list[int]:
    """[S] where each step ends, in characters: behind its delimiters, or with the text. Blank lines are no steps."""
    ends = [found.end() for found in re.finditer(f"(?:{re.escape(delimiter)})+", text) if found.start() > 0]
    begun = ends[-1] if ends else 0
    return [*ends, len(text)] if text[begun:].replace(delimiter, "") else ends


def whole(attempt: Attempt) -> IntArray:
    """[P + T] all tokens of an attempt."""
    return np.concatenate((attempt.prompt_tokens, attempt.completion.tokens))


def step_prefixes(policy: Policy, attempts: Sequence[Attempt], delimiter: str = "\n") -> list[list[Prefix]]:
    """The S prefixes of each attempt, the attempt itself as the last; none of one that failed or that says nothing.

    A prefix has the tokens that the policy would have written it with, which is how a search over steps asks about it.
    """
    known: dict[tuple[str, str], IntArray] = {}
    return [[] if attempt.error is not None else list(_prefixes(policy, attempt, delimiter, known))
            for attempt in attempts]


def _prefixes(policy: Policy, attempt: Attempt, delimiter: str,
              known: dict[tuple[str, str], IntArray]) -> Iterator[Prefix]:
    """`known` keeps the tokens of answers to problems, so that none is encoded twice."""

    def encoded(answer: str) -> IntArray:
        named = attempt.problem.id, answer
        if named not in known:
            known[named] = policy.encode_demonstration(Demonstration(attempt.problem.prompt, answer))[1]
        return known[named]

    completion = attempt.completion
    ends = step_ends(completion.text, delimiter)
    for end in ends[:-1]:
        answer = completion.text[:end]
        yield Prefix(answer, np.concatenate((attempt.prompt_tokens, encoded(answer)[:-1])), False)
    if ends:
        ended = completion.tokens[-1:].tolist() == encoded("")[-1:].tolist()
        yield Prefix(completion.text, whole(attempt), ended)


def values(model: Policy, groups: Sequence[Sequence[IntArray]]) -> tuple[list[FloatArray], list[Cost]]:
    """The model's value of every prefix, [S] for each group of S, and what each group costs; equal prefixes are asked
    about once and count wherever they stand."""
    places: dict[bytes, int] = {}
    distinct: list[IntArray] = []
    for prefix in (prefix for group in groups for prefix in group):
        if places.setdefault(prefix.astype(np.int32).tobytes(), len(distinct)) == len(distinct):
            distinct.append(prefix)
    found = [evaluation.value for start in range(0, len(distinct), TOGETHER)
             for evaluation in model.evaluate(distinct[start : start + TOGETHER])]
    return ([np.array([found[places[prefix.astype(np.int32).tobytes()]] for prefix in group], np.float32)
             for group in groups], [Cost(sum(map(len, group)), 0, len(group)) for group in groups])


def readable(model: Policy, attempt: Attempt) -> str | None:
    """Why a model cannot judge an attempt; None when it can."""
    if attempt.error is not None:
        return attempt.error
    if not 0 < (length := len(whole(attempt))) <= model.context:
        return f"an attempt must have 1 to {model.context} tokens for this model, got {length}"
    return None


def verdict_of(value: float, judge: str) -> Verdict:
    """A value as a verdict; what is no number in [0, 1] is none."""
    if 0 <= value <= 1:
        return Verdict(float(value), judge)
    return Verdict(None, judge, f"a value must be a number in [0, 1], got {value}")


def scores_of(verdicts: Sequence[Verdict], found: Sequence[FloatArray]) -> FloatArray:
    """[N] scores to choose by, of verdicts and the values behind them; an attempt that could not be read is worth
    nothing. Raises ConfigError for a value that is no number."""
    if not all(np.isfinite(those).all() for those in found):
        raise ConfigError("a value must be a finite number, got one that is not",
                          hint="the value's training may have diverged")
    return np.array([verdict.score or 0.0 for verdict in verdicts], np.float32)
