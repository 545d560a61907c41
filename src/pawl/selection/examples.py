"""From attempts and real text to examples that a policy can learn from.

What becomes of failures is "discard": their tokens weigh nothing, so that the policy never imitates them; the
value still learns from them, as from every attempt that was judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pawl.records import Attempt, FloatArray, IntArray, TokenExample, Verdict


def chosen_examples(attempts: Sequence[Attempt], chosen: Sequence[int]) -> list[TokenExample]:
    """What the policy learns: an example for each chosen place in `attempts`, whose completion tokens weigh 1.

    They teach the value nothing: chosen for being right, they would teach it that all is.
    """
    return [_example(attempts[place], 1.0, None, 1) for place in chosen]


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
