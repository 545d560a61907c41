"""Any judge, corrected by a function that was fitted on attempts from which nothing learnt: its numbers made to hold,
or what length brought taken away.

`pawl.meters.recalibration` and `pawl.meters.bias` fit such functions and say what they are worth. Not covered: a judge
that is optimised finds other faults than those that were corrected; measure again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

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
