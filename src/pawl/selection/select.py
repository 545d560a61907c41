"""Which attempts the policy learns from: right ones, distinct ones, of hard problems first.

A judge that abstained said nothing: such an attempt is never chosen, and it counts neither for nor against
its problem when problems are ordered by difficulty. Nor is an attempt chosen that failed before it could be
judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pawl.errors import ConfigError
from pawl.records import Attempt, Verdict


def select(
    attempts: Sequence[Attempt],
    verdicts: Sequence[Verdict],
    *,
    keep: int,
    limit: int,
    threshold: float = 1.0,
) -> list[int]:
    """Places in `attempts` of those to learn from, in the order of problems and then of attempt numbers.

    Right means a score of at least `threshold`. Of right attempts with the same text one is taken, at most
    `keep` of each problem, the lowest numbers first. Where more than `limit` would be left, problems
    with a lower share of right ones among their judged attempts go first, earlier problems on a tie. Apart
    from the order in which problems first appear, the order of `attempts` does not matter.
    """
    if keep < 1:
        raise ConfigError(f"keep must be at least 1 attempt a problem, got {keep}")
    if limit < 0:
        raise ConfigError(f"limit must be at least 0 examples, got {limit}")
    by_problem: dict[str, list[int]] = {}
    for place, (attempt, verdict) in enumerate(zip(attempts, verdicts, strict=True)):
        # An unjudged attempt still fixes where its problem stands.
        places = by_problem.setdefault(attempt.problem.id, [])
        if verdict.score is not None and attempt.error is None:
            places.append(place)

    candidates: list[tuple[float, list[int]]] = []
    for judged in by_problem.values():
        right = [place for place in judged if _score(verdicts[place]) >= threshold]
        if right:
            candidates.append((len(right) / len(judged), _distinct(attempts, right)[:keep]))

    hardest_first = sorted(range(len(candidates)), key=lambda row: candidates[row][0])  # ties keep order
    room = limit
    chosen: dict[int, list[int]] = {}
    for row in hardest_first:
        chosen[row] = candidates[row][1][:room]
        room -= len(chosen[row])
    return [place for row in sorted(chosen) for place in chosen[row]]


def _distinct(attempts: Sequence[Attempt], places: Iterable[int]) -> list[int]:
    """One place for each text, lowest attempt number first; a finished completion stands for a cut-off one."""

    def rank(place: int) -> tuple[bool, int, bytes]:
        attempt = attempts[place]
        return attempt.completion.finish != "stop", attempt.index, attempt.completion.tokens.tobytes()

    by_text: dict[str, int] = {}
    for place in sorted(places, key=rank):
        by_text.setdefault(attempts[place].completion.text, place)
    distinct = by_text.values()
    return sorted(distinct, key=lambda place: (attempts[place].index, attempts[place].completion.text))


def _score(verdict: Verdict) -> float:
    assert verdict.score is not None
    return verdict.score
