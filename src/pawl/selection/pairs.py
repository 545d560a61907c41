"""Pairs of attempts at one problem, the better one first: what preferences are learnt from.

A pure function of attempts and verdicts. An attempt that failed, says nothing or could not be scored is in no pair,
and of attempts with the same text there is one. Not covered: pairs over several problems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pawl.records import Attempt, Verdict


def better_and_worse(attempts: Sequence[Attempt], verdicts: Sequence[Verdict], *, most: int, margin: float = 0.0,
                     uses: int = 1) -> list[tuple[int, int]]:
    """Places in `attempts` of the pairs of each problem, as `facing` makes them, `most` of each; problems in their
    order."""
    by_problem: dict[str, dict[str, int]] = {}
    for place, (attempt, verdict) in enumerate(zip(attempts, verdicts, strict=True)):
        texts = by_problem.setdefault(attempt.problem.id, {})
        if verdict.score is not None and attempt.error is None and len(attempt.completion.tokens):
            texts.setdefault(attempt.completion.text, place)
    pairs: list[tuple[int, int]] = []
    for texts in by_problem.values():
        places = list(texts.values())
        pairs += [(places[better], places[worse]) for better, worse in facing(
            [verdicts[place].score or 0.0 for place in places], most=most, margin=margin, uses=uses)]
    return pairs


def facing(scores: Sequence[float], *, most: int, margin: float = 0.0, uses: int = 1) -> list[tuple[int, int]]:
    """Places of the better and the worse of `most` pairs: the best stands against the worst, the next best against the
    next worst, and so on, as long as the better one is better, by the margin at least. No place is in more than so many
    pairs; among equals the order given decides."""
    best, worst = (sorted(range(len(scores)), key=lambda place: sign * scores[place]) for sign in (-1, 1))
    pairs, used = list[tuple[int, int]](), Counter[int]()
    for better in best:
        for worse in worst:
            apart = scores[better] - scores[worse]
            if len(pairs) == most or apart <= 0 or apart < margin:
                break
            if max(used[better], used[worse]) < uses:
                pairs.append((better, worse))
                used.update((better, worse))
    return pairs
