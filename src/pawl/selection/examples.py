"""From attempts and real text to examples that a policy can learn from.

What becomes of failures is "discard": their tokens weigh nothing, so that the policy never imitates them; the
value still learns from them, as from every attempt that was judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pawl.records import Attempt, FloatArray, IntArray, TokenExample, Verdict


def chosen_examples(
    attempts: Sequence[Attempt], verdicts: Sequence[Verdict], chosen: Sequence[int]
) -> list[TokenExample]:
    """An example for each chosen place in `attempts`: completion tokens weigh 1, the score is the value's target."""
    return [_example(attempts[place], verdicts[place].score, weight=1.0) for place in chosen]


def value_examples(
    attempts: Sequence[Attempt], verdicts: Sequence[Verdict], chosen: Sequence[int], *, merge: bool = True
) -> list[TokenExample]:
    """Examples that teach the value alone: every judged attempt, right or wrong, beyond the `chosen` ones.

    With `merge`, attempts with the same tokens at the same problem are one example with their mean score, and
    none repeats a chosen one. That saves tokens at a price: at a prefix that answers share, such as the
    prompt, an answer sampled often then counts no more than one sampled once. Without it the value estimates
    the policy's expected score at every prefix.
    """
    taken = set(chosen)
    judged = [
        place
        for place, (attempt, verdict) in enumerate(zip(attempts, verdicts, strict=True))
        if verdict.score is not None and attempt.error is None and place not in taken
    ]
    if not merge:
        return [_example(attempts[place], verdicts[place].score, weight=0.0) for place in judged]
    seen = {_identity(attempts[place]) for place in chosen}
    alike: dict[tuple[str, bytes], list[int]] = {}
    for place in judged:
        if _identity(attempts[place]) not in seen:
            alike.setdefault(_identity(attempts[place]), []).append(place)
    return [
        _example(attempts[places[0]], float(np.mean([verdicts[place].score for place in places])), weight=0.0)
        for places in alike.values()
    ]


def demonstration_examples(pairs: Iterable[tuple[IntArray, IntArray]]) -> list[TokenExample]:
    """Examples of real text from prompt tokens [P] and completion tokens [T]; the value learns nothing of them."""
    return [_tokens_example(prompt, completion, 1.0, None, "real", "") for prompt, completion in pairs]


def _example(attempt: Attempt, score: float | None, *, weight: float) -> TokenExample:
    return _tokens_example(
        attempt.prompt_tokens, attempt.completion.tokens, weight, score, attempt.source, attempt.problem.id
    )


def _tokens_example(
    prompt: IntArray, completion: IntArray, weight: float, value_target: float | None, source: str, problem_id: str
) -> TokenExample:
    tokens: IntArray = np.concatenate([prompt, completion]).astype(np.int32)
    weights: FloatArray = np.zeros(len(tokens), dtype=np.float32)
    weights[len(prompt) :] = weight
    return TokenExample(tokens, weights, len(prompt), value_target, source, problem_id)


def _identity(attempt: Attempt) -> tuple[str, bytes]:
    """Equal for attempts at one problem that wrote the same tokens."""
    return attempt.problem.id, attempt.completion.tokens.astype(np.int32).tobytes()
