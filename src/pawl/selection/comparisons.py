"""Comparisons of attempts: which pairs to ask about, what was answered, and examples for a reward model.

Pure functions. Not covered: which pair would tell most.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pawl.keys import permutation, stream
from pawl.records import Attempt, Comparison, StepValues, TokenExample

Pair = tuple[Attempt, Attempt]


def pairs_to_ask(attempts: Sequence[Attempt], *, count: int, key: int) -> list[Pair]:
    """So many pairs, at most, of attempts at the same problem that say different things, in a keyed order: of each
    problem one before any has two. No attempt is in two pairs, and none that failed or says nothing in one."""
    by_problem: dict[str, list[Attempt]] = defaultdict(list)
    for place in permutation(stream(key, "pairs"), len(attempts)):
        if attempts[place].error is None and len(attempts[place].completion.tokens):
            by_problem[attempts[place].problem.id].append(attempts[place])
    found = [pair for number in range(max(map(len, by_problem.values()), default=0) // 2)
             for those in by_problem.values() if len(pair := tuple(those[2 * number : 2 * number + 2])) == 2
             and pair[0].completion.text != pair[1].completion.text]
    return [(first, second) for first, second in found[:count]]


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of asking which of two attempts is the better one."""

    comparisons: list[Comparison]
    undecided: int
    """Pairs about which nobody could say."""


def answered(pairs: Sequence[Pair], prefers: Sequence[bool | None], *, source: str) -> Answers:
    """Comparisons of pairs, by whether the first of each is the better one."""
    decided = [Comparison(*(pair if first else pair[::-1]), source)
               for pair, first in zip(pairs, prefers, strict=True) if first is not None]
    return Answers(decided, len(pairs) - len(decided))


def contradictions(comparisons: Sequence[Comparison]) -> int:
    """How many of them say the opposite of another one about the same two texts."""
    said: dict[tuple[str, str, str], int] = defaultdict(int)
    for one in comparisons:
        said[one.liked.problem.id, one.liked.completion.text, one.other.completion.text] += 1
    return sum(count for (problem, liked, other), count in said.items() if (problem, other, liked) in said)


def comparison_examples(comparisons: Sequence[Comparison]) -> list[TokenExample]:
    """Two examples for each, what was liked first, with a place for the value of the whole attempt."""
    return [_whole(attempt) for one in comparisons for attempt in (one.liked, one.other)]


def _whole(attempt: Attempt) -> TokenExample:
    tokens = np.concatenate((attempt.prompt_tokens, attempt.completion.tokens)).astype(np.int32)
    one, place = np.ones(1, np.float32), np.array([len(tokens) - 1], np.int32)
    return TokenExample(tokens, np.zeros(len(tokens), np.float32), len(attempt.prompt_tokens), None, attempt.source,
                        attempt.problem.id, step_values=StepValues(place, one, one))
