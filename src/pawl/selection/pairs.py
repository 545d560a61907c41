"""Pairs of attempts at one problem, the better one first: what preferences are learnt from.

A pure function of attempts and verdicts. An attempt that failed or that no judge could score is in no pair, and of
attempts with the same text there is one. Not covered: pairs over several problems.
"""

from __future__ import annotations

from collections.abc import Sequence

from pawl.records import Attempt, Verdict


def better_and_worse(attempts: Sequence[Attempt], verdicts: Sequence[Verdict], *, most: int, margin: float = 0.0
                     ) -> list[tuple[int, int]]:
    """Places in `attempts` of pairs whose scores differ by more than `margin`, problems in their order.

    At a problem the best attempt stands against the worst, the next best against the next worst, and so on: no attempt
    is in two pairs, and there are `most` at most. On a tie the lower attempt number is the better.
    """
    by_problem: dict[str, dict[str, int]] = {}
    for place, (attempt, verdict) in enumerate(zip(attempts, verdicts, strict=True)):
        texts = by_problem.setdefault(attempt.problem.id, {})
        if verdict.score is not None and attempt.error is None:
            texts.setdefault(attempt.completion.text, place)
    pairs: list[tuple[int, int]] = []
    for texts in by_problem.values():
        ordered = sorted(texts.values(), key=lambda place: (-_score(verdicts[place]), attempts[place].index))
        facing = list(zip(ordered, reversed(ordered), strict=True))[: len(ordered) // 2]
        pairs += [(better, worse) for better, worse in facing
                  if _score(verdicts[better]) - _score(verdicts[worse]) > margin][:most]
    return pairs


def _score(verdict: Verdict) -> float:
    assert verdict.score is not None
    return verdict.score
