"""Promote or refuse, with the reasons in words: pure functions of the evidence.

`exact_gate` promotes a candidate when the exact paired sign test says that it beats the champion, at a level
at which the chance of any false promotion in the whole run is alpha, and when its mean score is higher too.
The second condition matters for graded scores only: many small wins may hide a few large losses, and the test
counts wins.

Not covered: what a mean hides (a skill lost on a few problems while more are won elsewhere), and a gate split
used by more than one run (the promise is made to each run by itself).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pawl.gate.spending import check_alpha, even_share
from pawl.gate.statistics import PairedCounts, gain_interval, paired_counts, sign_test, wins_needed
from pawl.interfaces import Gate
from pawl.records import Decision, Evidence


def exact_gate(alpha: float = 0.05) -> Gate:
    """A gate whose chance of any false promotion in a run is at most `alpha`.

    The gate raises ValueError for evidence that is none: scores that are not numbers in [0, 1], arrays that
    do not pair up, a generation that was not planned.
    """
    check_alpha(alpha)

    def gate(evidence: Evidence) -> Decision:
        share = even_share(alpha, evidence.generation, evidence.generations)
        counts = paired_counts(evidence.candidate, evidence.champion)
        gain, p_value = _gain(evidence), sign_test(counts.won, counts.lost)
        promote = p_value <= share and gain > 0
        reasons = [_sentence("promoted" if promote else "refused", evidence, p_value, share)]
        if not promote:
            reasons.append(_missing(counts, gain, p_value, share))
        return _decision(evidence, promote, reasons, p_value, share)

    return gate


def always_promote(evidence: Evidence) -> Decision:
    """No gate, a setting to compare with: every candidate passes, as in AlphaZero (Silver et al., 2018)."""
    counts = paired_counts(evidence.candidate, evidence.champion)
    p_value = sign_test(counts.won, counts.lost)
    reasons = [_sentence("promoted without a gate", evidence, p_value, None)]
    return _decision(evidence, True, reasons, p_value, 1.0)


def _decision(
    evidence: Evidence, promote: bool, reasons: Sequence[str], p_value: float, alpha: float
) -> Decision:
    interval = gain_interval(evidence.candidate, evidence.champion)
    return Decision(promote, tuple(reasons), _gain(evidence), interval, p_value, alpha)


def _gain(evidence: Evidence) -> float:
    """Candidate minus champion, mean score; 0 for an empty contest."""
    if len(evidence.candidate) == 0:
        return 0.0
    return float(np.subtract(evidence.candidate, evidence.champion, dtype=np.float64).mean())


def _sentence(word: str, evidence: Evidence, p_value: float, share: float | None) -> str:
    """What was decided and on which numbers."""
    count = len(evidence.candidate)
    if count == 0:
        return f"{word}: no gate problem was played"
    counts = paired_counts(evidence.candidate, evidence.champion)
    low, high = gain_interval(evidence.candidate, evidence.champion)
    candidate = np.mean(evidence.candidate, dtype=np.float64)
    champion = np.mean(evidence.champion, dtype=np.float64)
    return (
        f"{word}: {candidate:.1%} against {champion:.1%} on {count} gate problem{'s' if count > 1 else ''}, "
        f"gain {_points(_gain(evidence), sign=True)} points [{_points(low)}, {_points(high)}]; "
        f"{counts.won} won, {counts.lost} lost; {_comparison(p_value, share)}"
    )


def _missing(counts: PairedCounts, gain: float, p_value: float, share: float) -> str:
    """What a refused candidate lacked."""
    discordant = counts.discordant
    if discordant + counts.tied == 0:
        return "without a contest nothing is known about the candidate"
    if discordant == 0:
        return "candidate and champion scored the same on every problem"
    if p_value <= share:
        return "it won more problems than it lost, but lost more in score than it won"
    if counts.won < counts.lost:
        return "it lost more problems than it won"
    if counts.won == counts.lost:
        return "it lost as many problems as it won"
    needed = int(wins_needed(discordant, share))
    if needed > discordant:
        verb = "problem tells" if discordant == 1 else "problems tell"
        return f"{discordant} {verb} the two apart, too few at this alpha even if it had won them all"
    return f"of the {discordant} problems that tell the two apart it had to win {needed}, and won {counts.won}"


def _points(share: float, *, sign: bool = False) -> str:
    """Percentage points with one decimal, without a minus in front of zero."""
    points = round(100 * share, 1) + 0.0
    return f"{points:+.1f}" if sign else f"{points:.1f}"


def _comparison(p_value: float, share: float | None) -> str:
    """`p = 0.012 > 0.0063`, with as many digits as tell the two apart."""
    if share is None:
        return f"p = {_probability(p_value, 2)}"
    relation = "<=" if p_value <= share else ">"
    digits = 2
    while digits < 6 and _probability(p_value, digits) == _probability(share, digits):
        digits += 1
    return f"p = {_probability(p_value, digits)} {relation} {_probability(share, digits)}"


def _probability(value: float, digits: int) -> str:
    """`digits` significant digits, as a decimal down to 0.0001 and as a power of ten below."""
    return f"{value:.{digits}g}" if value >= 1e-4 else f"{value:.{digits - 1}e}"
