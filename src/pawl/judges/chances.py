"""The chances of a few answers from the log-probabilities of a reply's tokens.

An endpoint tells for each token that it wrote what else might have stood there. Where an answer begins another, as 1
begins 10, and the tokenizer writes them with the same first token, that place alone cannot tell them apart; the next
one can, if the reply went that way. Probability that stays open between answers is nobody's: where it is more than a
little, nothing is said. A scale of single digits leaves none open.

Not covered: servers that give log-probabilities after the temperature has been applied, which at 0 are no chances.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

from pawl.judges.asks import Place

MOST_OPEN = 0.05
"""Probability that may stay open between answers."""
LOOSE = 0.01
"""What the probabilities of a place may sum to above 1: they were rounded."""

_OPEN = object()
"""What was written may yet become an answer."""


def chances(places: Sequence[Place], answers: Sequence[str]) -> tuple[float, ...] | None:
    """[A] probability that a reply is each answer, blanks around it left out; None where that is not known well enough.

    `places` are a reply's tokens from its first on. The rest to 1 is the probability of everything else.
    """
    found = dict.fromkeys(answers, 0.0)

    def left_open_by(means: str | object | None, chance: float) -> float:
        """Gives a probability to the answer whose it is."""
        if isinstance(means, str):
            found[means] += chance
        return chance if means is _OPEN else 0.0

    written, weight, left_open = "", 1.0, 0.0
    for place in places:
        (token, chance), *others = _listed(place)
        unlisted = 1 - chance - sum(other for _, other in others)
        if unlisted < -LOOSE:
            return None
        beside = [token, *(name for name, _ in others)]
        left_open += weight * max(0.0, unlisted)
        left_open += sum(left_open_by(_meaning(written, name, answers, beside), weight * other)
                         for name, other in others)
        means = _meaning(written, token, answers, beside)
        written, weight = written + token, weight * chance
        if means is not _OPEN:
            left_open_by(means, weight)
            break
    else:
        left_open += weight
    return tuple(found[answer] for answer in answers) if left_open <= MOST_OPEN else None


def _listed(place: Place) -> list[tuple[str, float]]:
    """Tokens and their probabilities, the written one first and once."""
    others = list(place.likeliest)
    same = next((i for i, (token, _) in enumerate(others) if token == place.token), None)
    if same is not None:
        del others[same]
    return [(token, math.exp(min(0.0, logprob))) for token, logprob in [(place.token, place.logprob), *others]]


def _meaning(written: str, token: str, answers: Sequence[str], beside: Collection[str]) -> str | object | None:
    """The answer that a reply is which goes on from `written` with `token`; _OPEN where that is not settled, None where
    it is none of them. `beside` are the tokens that might have stood there."""
    before, said = written.strip(), (written + token).strip()
    if said == before:
        return before if before in answers else _OPEN
    longer = [answer for answer in answers if answer.startswith(said) and answer != said]
    if said in answers:
        # A tokenizer with a token for each of the longer answers would have written them with these.
        own = all(any((written + other).strip() == answer for other in beside) for answer in longer)
        return said if own else _OPEN
    if longer:
        return _OPEN
    return before if before in answers and not said[len(before)].isalnum() else None
