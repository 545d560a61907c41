"""Best of n: sample whole answers and choose one, by what a scorer says of each, by a vote, or by a weighted vote.

Voting is self-consistency (Wang et al. 2023, arXiv 2203.11171); votes weighted by a verifier are Li et al. 2023
(arXiv 2206.02336). What an answer says counts, not how it came to it: `Canonical` of `pawl.interfaces`. The choice ends
the path: its one step is the whole answer. Letters: B states, K answers to one of them, A different ones among these.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from pawl.errors import ConfigError
from pawl.interfaces import Policy, StepTask
from pawl.keys import fold
from pawl.records import Attempt, Choice, Cost, FloatArray, KeyArray, Sampling
from pawl.search.steps import finite, fits
from pawl.search.whole import WholeAnswers

How = Literal["score", "majority", "weighted"]

Scorer = Callable[[Sequence[Attempt]], tuple[FloatArray, list[Cost]]]
"""(attempts [L]) -> what each whole attempt is worth [L], in [0, 1], and what each cost: a value, or the `scores` of a
reward model in `pawl.judges`."""

_NO_ONE = np.zeros(0, np.float32)


def weigh(says: Sequence[Hashable], worth: FloatArray, how: How) -> FloatArray:
    """[K] votes of answers that say this and are worth that [K].

    By score, the best one has the only vote. By majority each has one, and weighted, as much as it is worth; what says
    nothing (None) has none where another says something.
    """
    if how == "score":
        return np.array(np.arange(len(says)) == np.argmax(worth), np.float32)
    speaks = np.array([said is not None for said in says], np.float32)
    speaks = speaks if speaks.any() else np.ones_like(speaks)
    return np.asarray(speaks * worth, np.float32) if how == "weighted" else speaks


def tally(says: Sequence[Hashable], votes: FloatArray) -> dict[Hashable, float]:
    """Votes for each different thing that is said, in the order in which they were said."""
    counts: dict[Hashable, float] = defaultdict(float)
    for said, vote in zip(says, votes, strict=True):
        counts[said] += float(vote)
    return dict(counts)


def elect(says: Sequence[Hashable], votes: FloatArray) -> int:
    """The place of the answer to give: of those that say what has most votes the one with the largest vote of its own.
    Ties go to what came first."""
    counts = tally(says, votes)
    elected = max(counts, key=lambda said: counts[said])
    return max((place for place, said in enumerate(says) if said == elected), key=lambda place: votes[place])


@dataclass(frozen=True)
class BestOfN:
    """A search over `WholeAnswers`."""

    count: int
    """Answers sampled in a state."""
    how: How = "majority"
    scorer: Scorer | None = None
    """What an answer is worth; not asked by majority."""
    max_tokens: int = 256
    """Longest answer, in tokens; one that is cut off there is an answer all the same."""
    temperature: float = 1.0
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"best of n must have an answer or more to choose from, got {self.count}")
        if self.how not in get_args(How):
            raise ConfigError(f"an answer must be chosen by score, majority or weighted, got {self.how!r}")
        if self.how != "majority" and self.scorer is None:
            raise ConfigError(f"a choice by {self.how} must have a scorer, got none", hint="majority needs none")

    def __call__(self, policy: Policy, task: StepTask, states: Sequence[Any], keys: KeyArray) -> list[Choice]:
        """A choice in each of the states [B]; keys [B]. A prompt that the policy cannot take has nothing to choose.
        Raises ConfigError when the task is not one of whole answers, or a score no number."""
        if not isinstance(task, WholeAnswers):
            raise ConfigError(f"a search over whole answers must have a task of them, got {task.name!r}",
                              hint="pawl.search.whole.WholeAnswers(task) makes one of any task")
        answers = self._answers(policy, task, states, keys)
        worths, costs = self._worths([attempt for group in answers for attempt in group])
        choices, start = [], 0
        for group in answers:
            place = slice(start, start + len(group))
            choices.append(self._choice(task, group, worths[place], costs[place]))
            start += len(group)
        return choices

    def _answers(self, policy: Policy, task: WholeAnswers, states: Sequence[Any],
                 keys: KeyArray) -> list[list[Attempt]]:
        """[B][K], none where the prompt is empty or too long."""
        prefixes = [policy.encode(task.prompt(state)) for state in states]
        sampling = Sampling(self.max_tokens, self.temperature, stop=self.stop)
        fitting = [b for b, prefix in enumerate(prefixes) if fits(policy, prefix, sampling)]
        rows = fold(keys[fitting][:, None], np.arange(self.count, dtype=np.uint64))
        drawn = policy.propose([prefixes[b] for b in fitting], self.count, sampling=sampling, keys=rows)
        answers: list[list[Attempt]] = [[] for _ in states]
        for b, completions in zip(fitting, drawn, strict=True):
            answers[b] = [Attempt(states[b].problem, index, prefixes[b], completion)
                          for index, completion in enumerate(completions)]
        return answers

    def _worths(self, attempts: Sequence[Attempt]) -> tuple[FloatArray, list[Cost]]:
        if self.scorer is None or self.how == "majority" or not attempts:
            return np.ones(len(attempts), np.float32), [Cost()] * len(attempts)
        worths, costs = self.scorer(attempts)
        return finite(np.asarray(worths, np.float32)), list(costs)

    def _choice(self, task: WholeAnswers, answers: Sequence[Attempt], worth: FloatArray,
                costs: Sequence[Cost]) -> Choice:
        if not answers:
            return Choice(None, (), _NO_ONE, _NO_ONE.astype(np.int32), _NO_ONE, 0.0, Cost())
        texts = [attempt.completion.text for attempt in answers]
        says = [task.canonical(text) for text in texts]
        votes = weigh(says, worth, self.how)
        place = elect(says, votes)
        visits = tally(says, np.ones_like(worth))
        named = dict(zip(says[::-1], texts[::-1], strict=True)) | {says[place]: texts[place]}
        shares = _shares(tally(says, votes))
        # What a vote without a scorer expects of an answer is the share of those who agree.
        values = shares if self.how == "majority" else np.array(
            [total / visits[said] for said, total in tally(says, worth).items()], np.float32)
        generated = sum(len(attempt.completion.tokens) for attempt in answers)
        cost = sum(costs, Cost(len(answers[0].prompt_tokens) + generated, generated))
        return Choice(texts[place], tuple(named[said] for said in visits), shares,
                      np.array(list(visits.values()), np.int32), values, float(values[list(visits).index(says[place])]),
                      cost)


def _shares(votes: dict[Hashable, float]) -> FloatArray:
    """[A] of all votes; alike where there is none."""
    counts = np.array(list(votes.values()), np.float32)
    return counts / counts.sum() if counts.sum() > 0 else np.full_like(counts, 1 / len(counts))
