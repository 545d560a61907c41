"""Any judge, corrected by a function that was fitted on attempts from which nothing learnt: its numbers made to hold,
or what length brought taken away; and what is settled by asking about a pair in both orders.

`pawl.meters.recalibration` and `pawl.meters.bias` fit such functions and say what they are worth. Not covered: a judge
that is optimised finds other faults than those that were corrected; measure again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pawl.interfaces import Judge
from pawl.judges.prefixes import verdict_of
from pawl.records import Attempt, Verdict

Numbers = NDArray[np.float64]


def recalibrated(judge: Judge, curve: Callable[[Numbers], Numbers]) -> Judge:
    """A judge that says `curve` of what `judge` says, scores [N] in and out, and abstains with it."""
    def corrected(attempts: Sequence[Attempt]) -> list[Verdict]:
        verdicts = judge(attempts)
        places, scores = _scored(verdicts)
        return _replaced(verdicts, places, curve(scores)) if places else verdicts

    return corrected


def without_length(judge: Judge, correct: Callable[[Numbers, Numbers], Numbers]) -> Judge:
    """A judge that says `correct(scores [K], lengths [K])` of the attempts at one problem that it is asked about
    together, lengths in tokens, such as `LengthBias.corrected`; it abstains with `judge`.

    A verdict depends on the other attempts at its problem: ask about all of them at once. One that stands alone keeps
    its score.
    """
    def corrected(attempts: Sequence[Attempt]) -> list[Verdict]:
        verdicts = judge(attempts)
        places, scores = _scored(verdicts)
        groups: dict[str, list[int]] = defaultdict(list)
        for i, place in enumerate(places):
            groups[attempts[place].problem.id].append(i)
        for members in groups.values():
            lengths = np.array([len(attempts[places[i]].completion.tokens) for i in members], np.float64)
            scores[members] = correct(scores[members], lengths)
        return _replaced(verdicts, places, scores)

    return corrected


def _scored(verdicts: Sequence[Verdict]) -> tuple[list[int], Numbers]:
    """Places of verdicts with a score, and the scores."""
    places = [place for place, verdict in enumerate(verdicts) if verdict.score is not None]
    return places, np.array([verdicts[place].score for place in places], np.float64)


def _replaced(verdicts: Sequence[Verdict], places: Sequence[int], scores: Numbers) -> list[Verdict]:
    """Verdicts with other scores at these places; what is no number in [0, 1] is an abstention."""
    found = list(verdicts)
    for place, score in zip(places, np.asarray(scores, np.float64).tolist(), strict=True):
        found[place] = verdict_of(score, verdicts[place].judge)
    return found


def both_orders(forwards: ArrayLike, backwards: ArrayLike) -> Numbers:
    """[N] chance that the first answer of each pair is better, from what a judge said of the pair, and of the pair the
    other way round: the mean of `forwards` [N] and 1 - `backwards` [N], both chances that whatever stood first is
    better.

    What the order decides comes to a half: nobody's. Zheng et al. 2023 (arXiv 2306.05685), section 3.4. NaN, where the
    judge abstained, stays NaN. Raises ValueError where the two do not pair up or do not lie in [0, 1].
    """
    one, other = np.asarray(forwards, np.float64), np.asarray(backwards, np.float64)
    if one.ndim != 1 or one.shape != other.shape:
        raise ValueError(f"arrays must be [N] and pair up, got shapes {one.shape} and {other.shape}")
    if ((one < 0) | (one > 1) | (other < 0) | (other > 1)).any():
        raise ValueError("chances must lie in [0, 1]")
    return (one + 1 - other) / 2
