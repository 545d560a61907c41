"""What a step is worth, from how answers go on from it: the labels of a process reward model without a person.

Wang et al., "Math-Shepherd: verify and reinforce LLMs step-by-step without human annotations", 2024, section 3.3: from
the end of every step the policy completes the answer some times, and truth judges the completions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pawl.errors import ConfigError
from pawl.interfaces import Judge, Policy
from pawl.judges.prefixes import Prefix, step_prefixes
from pawl.keys import row_keys
from pawl.play import TOGETHER, Watch
from pawl.records import Attempt, Completion, Cost, Sampling, StepLabel, Verdict

ROOMS = 16
"""Different lengths of completions, about; each is a call of its own to the policy."""

Start = tuple[str, bytes]
"""A problem and the tokens of a prefix."""


@dataclass(frozen=True, slots=True)
class Rollouts:
    """What completions said of the steps of attempts."""

    labels: list[list[StepLabel]]
    """For each attempt one for each of its S steps; none where it failed or says nothing."""
    judged: int
    """Completions that truth decided."""
    right: int
    """Those of them that it found right."""
    cost: Cost


def label_steps(policy: Policy, attempts: Sequence[Attempt], judge: Judge, *, count: int, sampling: Sampling, key: int,
                delimiter: str = "\n", watch: Watch = lambda done, total: None) -> Rollouts:
    """The share of right ones among `count` completions from the end of each step; of the last step, the score of the
    attempt itself. From there on, equations 3 and 4 of Math-Shepherd are a matter of taking shares as they are or not.

    Equal prefixes of one problem are completed once. An answer may have `sampling.max_tokens` from its first token on;
    what is left of them is rounded down a little, so that many prefixes go together. A completion that truth cannot
    decide is not counted. `key` names the random streams.
    """
    if count < 1:
        raise ConfigError(f"count must be a completion of each step or more, got {count}")
    groups = step_prefixes(policy, attempts, delimiter)
    starts = {_start(attempt, prefix): (attempt, prefix)
              for attempt, group in zip(attempts, groups, strict=True) for prefix in group[:-1]}
    rollouts, cost = _complete(policy, starts, count, sampling, key, watch)
    answers = [rollout for group in rollouts.values() for rollout in group]
    verdicts = iter(judge(answers))
    scores = {start: [next(verdicts).score for _ in group] for start, group in rollouts.items()}
    decided = [score for group in scores.values() for score in group if score is not None]
    shares = {start: _share_right(group) for start, group in scores.items()}
    labels = [[StepLabel(attempt.problem.id, prefix.tokens, len(attempt.prompt_tokens),
                         shares.get(_start(attempt, prefix)), attempt.source) for prefix in group[:-1]]
              for attempt, group in zip(attempts, groups, strict=True)]
    for attempt, verdict, group, those in zip(attempts, judge(attempts), groups, labels, strict=True):
        those += [end_label(attempt, verdict, prefix) for prefix in group[-1:]]
    return Rollouts(labels, len(decided), sum(score >= 1 for score in decided), cost)


def _start(attempt: Attempt, prefix: Prefix) -> Start:
    return attempt.problem.id, prefix.tokens.astype(np.int32).tobytes()


def end_label(attempt: Attempt, verdict: Verdict, prefix: Prefix) -> StepLabel:
    """Whether the attempt, which this prefix is all of, is right; without a value where truth could not decide it."""
    value = None if verdict.score is None else float(verdict.score >= 1)
    return StepLabel(attempt.problem.id, prefix.tokens, len(attempt.prompt_tokens), value, attempt.source,
                     ended=prefix.ended)


def _share_right(scores: Sequence[float | None]) -> float | None:
    decided = [score for score in scores if score is not None]
    return sum(score >= 1 for score in decided) / len(decided) if decided else None


def _complete(policy: Policy, starts: dict[Start, tuple[Attempt, Prefix]], count: int, sampling: Sampling, key: int,
              watch: Watch) -> tuple[dict[Start, list[Attempt]], Cost]:
    """`count` attempts that begin as each prefix does, but for those after which there is no room."""
    by_room: dict[int, list[Start]] = defaultdict(list)
    for start, (attempt, prefix) in starts.items():
        if (room := _room(policy, attempt, prefix, sampling)) > 0:
            by_room[room].append(start)
    size, found, cost = max(1, TOGETHER // count), dict[Start, list[Attempt]](), Cost()
    for room, members in sorted(by_room.items()):
        for first in range(0, len(members), size):
            together = members[first : first + size]
            keys = row_keys(key, [f"{problem} {tokens.hex()}" for problem, tokens in together], count)
            drawn = policy.propose([starts[start][1].tokens for start in together], count,
                                   sampling=replace(sampling, max_tokens=room), keys=keys)
            for start, completions in zip(together, drawn, strict=True):
                found[start] = [_continued(*starts[start], index, completion)
                                for index, completion in enumerate(completions)]
                generated = sum(len(completion.tokens) for completion in completions)
                cost += Cost(len(starts[start][1].tokens) + generated, generated)
            watch(len(found), len(starts))
    return found, cost


def _room(policy: Policy, attempt: Attempt, prefix: Prefix, sampling: Sampling) -> int:
    """Tokens that an answer may still have, rounded down to sixteenths of what a whole one may have."""
    left = min(len(attempt.prompt_tokens) + sampling.max_tokens, policy.context) - len(prefix.tokens)
    part = max(1, sampling.max_tokens // ROOMS)
    return left // part * part or left


def _continued(attempt: Attempt, prefix: Prefix, index: int, completion: Completion) -> Attempt:
    """The whole answer; what was given of it was not drawn, and its log-probabilities are 0."""
    given = prefix.tokens[len(attempt.prompt_tokens) :]
    tokens = np.concatenate((given, completion.tokens))
    logprobs = np.concatenate((np.zeros(len(given), np.float32), completion.logprobs))
    return Attempt(attempt.problem, index, attempt.prompt_tokens,
                   Completion(prefix.text + completion.text, tokens, logprobs, completion.finish), attempt.source)
