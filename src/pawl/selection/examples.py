"""From attempts and real text to examples that a policy can learn from.

What becomes of failures is "discard": their tokens weigh nothing, so that the policy never imitates them; the
value still learns from them, as from every attempt that was judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from pawl.errors import UnknownNameError
from pawl.records import Attempt, FloatArray, IntArray, StepLabel, StepValues, TokenExample, Verdict


def chosen_examples(attempts: Sequence[Attempt], chosen: Sequence[int]) -> list[TokenExample]:
    """What the policy learns: an example for each chosen place in `attempts`, whose completion tokens weigh 1.

    They teach the value nothing: chosen for being right, they would teach it that all is.
    """
    return [_example(attempts[place], 1.0, None, 1) for place in chosen]


def weighed_examples(attempts: Sequence[Attempt], weights: Sequence[float]) -> list[TokenExample]:
    """An example for each attempt, whose completion tokens all have its weight, such as an advantage, and the
    log-probabilities that they were drawn with. They teach the value nothing."""
    return [replace(_example(attempt, weight, None, 1), logprobs=np.concatenate(
        (np.zeros(len(attempt.prompt_tokens), np.float32), attempt.completion.logprobs)))
        for attempt, weight in zip(attempts, weights, strict=True)]


def value_examples(attempts: Sequence[Attempt], verdicts: Sequence[Verdict]) -> list[TokenExample]:
    """What the value learns: every judged attempt, right or wrong, with its score as the target.

    Attempts with the same tokens at the same problem are one example, with their mean score and their number as its
    weight, so that the value at every prefix is the expected score of what the policy writes after it.
    """
    alike: dict[tuple[str, bytes], list[int]] = {}
    for place, (attempt, verdict) in enumerate(zip(attempts, verdicts, strict=True)):
        if verdict.score is not None and attempt.error is None:
            identity = attempt.problem.id, attempt.completion.tokens.astype(np.int32).tobytes()
            alike.setdefault(identity, []).append(place)
    return [
        _example(attempts[places[0]], 0.0, float(np.mean([verdicts[place].score for place in places])), len(places))
        for places in alike.values()
    ]


def prompt_labels(attempts: Sequence[Attempt], verdicts: Sequence[Verdict]) -> list[StepLabel]:
    """What the attempts at each problem say of its prompt, before any step: the share of right ones among those that
    were judged. A value that a search asks at its root needs these beside the labels of steps."""
    scores: dict[str, list[float]] = defaultdict(list)
    first: dict[str, Attempt] = {}
    for attempt, verdict in zip(attempts, verdicts, strict=True):
        if verdict.score is not None and attempt.error is None:
            first.setdefault(attempt.problem.id, attempt)
            scores[attempt.problem.id].append(verdict.score)
    return [StepLabel(name, attempt.prompt_tokens, len(attempt.prompt_tokens),
                      float(np.mean([score >= 1 for score in scores[name]])), attempt.source, float(len(scores[name])))
            for name, attempt in first.items()]


def step_examples(labels: Iterable[StepLabel], *, kind: Literal["hard", "soft"]) -> list[TokenExample]:
    """What a process reward model learns: values where steps end, and nowhere else.

    A soft label is the share of right answers that went on from there (Wang et al., "Math-Shepherd", 2024, equation
    4), or whatever value stands in the label; a hard one is whether there was any (equation 3), which needs shares.
    Labels of the same prefix are one, their values weighted. Prefixes of one another are one example, the longest's,
    as a model reads them at one go; labels without a value teach nothing. Raises UnknownNameError.
    """
    if kind not in ("hard", "soft"):
        raise UnknownNameError("kind of label", kind, ("hard", "soft"))
    known: dict[Prefix, list[StepLabel]] = defaultdict(list)
    for label in labels:
        tokens = tuple(label.tokens.tolist())
        if label.value is not None and tokens:
            known[label.problem_id, tokens].append(label)
            if label.ended:
                known[label.problem_id, tokens[:-1]].append(label)
    return [_step_example(group, known, kind) for group in _nested(known)]


def path_examples(paths: Iterable[Sequence[StepLabel]], *, kind: Literal["hard", "soft"]) -> list[TokenExample]:
    """An example for each path, with a place for each of its prefixes, all of one weight: what many paths begin with is
    learnt as often as it is begun with."""
    alike = ([replace(label, weight=1.0) for label in path] for path in paths)
    return [example for path in alike for example in step_examples(path, kind=kind)]


Prefix = tuple[str, tuple[int, ...]]
"""Of a problem, its tokens."""


def _nested(prefixes: Iterable[Prefix]) -> list[list[Prefix]]:
    """Prefixes in groups, each of the longest and of some that it begins with, so that the groups are few."""
    groups: list[list[Prefix]] = []
    # In order a prefix stands right before one that goes on from it, if there is one.
    for name, tokens in sorted(prefixes, reverse=True):
        if groups and groups[-1][0][0] == name and groups[-1][0][1][: len(tokens)] == tokens:
            groups[-1].append((name, tokens))
        else:
            groups.append([(name, tokens)])
    return groups[::-1]


def _step_example(group: Sequence[Prefix], known: dict[Prefix, list[StepLabel]], kind: str) -> TokenExample:
    """An example of a group's first and longest prefix, with a place for each of the group."""
    labels = [known[prefix] for prefix in reversed(group)]
    weights: FloatArray = np.array([sum(label.weight for label in those) for those in labels], np.float32)
    shares = [np.average([label.value or 0.0 for label in those], weights=[label.weight for label in those])
              for those in labels]
    targets: FloatArray = np.array([share > 0 if kind == "hard" else share for share in shares], np.float32)
    places: IntArray = np.array([len(tokens) - 1 for _, tokens in reversed(group)], np.int32)
    (problem_id, tokens), label = group[0], labels[-1][0]
    return TokenExample(np.array(tokens, np.int32), np.zeros(len(tokens), np.float32), label.prompt_length, None,
                        label.source, problem_id, step_values=StepValues(places, targets, weights))


def demonstration_examples(pairs: Iterable[tuple[IntArray, IntArray]]) -> list[TokenExample]:
    """Examples of real text from prompt tokens [P] and completion tokens [T]; the value learns nothing of them."""
    return [_tokens_example(prompt, completion, 1.0, None, "real", "") for prompt, completion in pairs]


def _example(attempt: Attempt, weight: float, value_target: float | None, count: int) -> TokenExample:
    return _tokens_example(
        attempt.prompt_tokens, attempt.completion.tokens, weight, value_target, attempt.source, attempt.problem.id,
        count,
    )


def _tokens_example(
    prompt: IntArray, completion: IntArray, weight: float, value_target: float | None, source: str, problem_id: str,
    count: int = 1,
) -> TokenExample:
    tokens: IntArray = np.concatenate([prompt, completion]).astype(np.int32)
    weights: FloatArray = np.zeros(len(tokens), dtype=np.float32)
    weights[len(prompt) :] = weight
    return TokenExample(tokens, weights, len(prompt), value_target, source, problem_id, value_weight=float(count))
