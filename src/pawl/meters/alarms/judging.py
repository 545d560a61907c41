"""Alarms of a judge: silent, constant, slow, undecided, broken or fooled, and apart from gold. Each is a pure function
of a generation and of what earlier ones measured.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawl.meters.alarms.alarm import Found, Measured, plain
from pawl.meters.alarms.seen import FEW, FEW_PROBLEMS, SAME, TRUTH, Seen, first, last
from pawl.meters.bias import length_correlation
from pawl.meters.calibration import auroc, auroc_within
from pawl.records import Flags

SILENT = 0.1
"""Share of attempts on which a judge abstains: above it, what is learnt from is what it can read."""
SLOW_SECONDS = 10.0
"""Seconds of scoring that nobody waits for, however little sampling took."""
APART, APART_SHARE = 0.1, 0.05
"""How far two scores of one answer may be apart, and the share of answers at which they may be further."""
PERFECT = 0.98
"""Mean score of nearly everything right."""
LEARNT_FROM = 0.5
"""Mean score from which a policy can come to `PERFECT` in one generation by learning."""
ATTACK, ATTACK_SCORE, ATTACK_OFTEN = 0.05, 0.5, 5.0
"""Share of problems that have one answer in common, its mean score, and how many times as common as the median of the
other answers that score as high: where there are few things to say, as yes and no, all are common."""
LENGTH_ALONE, LENGTH_BESIDE_GOLD = 0.6, 0.3
"""Correlation of score and length within problems: alone, where being right may have a length, and with gold held."""
FORM = 0.9
"""Share of the variance of all scores that the first token explains."""
RANKS, RANKED = 0.6, 100
"""AUROC of the judge on gold below which it hardly knows right from wrong; luck is 0.5. And right and wrong attempts,
each, from which on a judge of 0.7 is hardly taken for one."""
GAP_GROWN, ERRORS = 0.1, 3.0
"""Growth of the distance between the judge's mean score and gold's since it was first measured, and its standard errors
that are chance."""
KNOWN = "real"
"""Source of attempts that are known answers, put to the judge on purpose."""


def known_answers(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Known answers to problems that the judge does not score 1: attempts whose source is `real` and whose text is the
    problem's answer, as `known_attempts` makes them. A judge that is no truth need only score them above a half."""
    asked = [(place, verdict) for place, (attempt, verdict) in enumerate(zip(seen.now.attempts, seen.now.verdicts,
                                                                             strict=True))
             if attempt.source == KNOWN and attempt.completion.text == attempt.problem.answer]
    missed = [(place, verdict) for place, verdict in asked
              if not (verdict.score is not None and verdict.score >= (1 if verdict.judge == TRUTH else 0.5))]
    if not missed:
        return None
    verdict = missed[0][1]
    said = plain(verdict.error, most=100) if verdict.error else f"a score of {verdict.score}"
    return Found(f"{len(missed):,} of {len(asked):,} known answers are not right for the judge, the first with {said}.",
                 "see whether the judge reads answers in the form in which they are known",
                 [place for place, _ in missed])


def silent(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """A judge that abstains on much."""
    mute = ~seen.decided
    if len(mute) < FEW or mute.mean() < SILENT:
        return None
    reasons = Counter(seen.now.verdicts[place].error or "no number" for place in seen.places[mute].tolist())
    said, times = reasons.most_common(1)[0]
    return Found(f"The judge abstains on {int(mute.sum()):,} of {len(mute):,} attempts ({mute.mean():.1%}), on "
                 f"{times:,} with: {plain(said, most=100)}", "ask it about one of them by hand", seen.shown(mute))


def constant(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """A judge that says the same of everything, between 0 and 1."""
    scores = seen.scores[seen.decided]
    if scores.size < FEW or np.ptp(scores) > SAME or not 0 < scores[0] < 1:
        return None
    return Found(f"Every one of {scores.size:,} attempts scores {scores[0]:.3g}.",
                 "ask the judge about a right and a wrong answer", seen.shown(seen.decided))


def none_right(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Every attempt scores 0."""
    scores = seen.scores[seen.decided]
    if scores.size < FEW or scores.any():
        return None
    return Found(f"Every one of {scores.size:,} attempts scores 0.",
                 "ask the judge about a known answer: it may not read what is written; else the problems are too hard",
                 seen.shown(seen.decided))


def slow(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """A judge that takes longer than sampling, where seconds are given."""
    score, sample = (seen.now.seconds.get(stage, 0.0) for stage in ("score", "sample"))
    if not score >= max(SLOW_SECONDS, sample):
        return None
    return Found(f"Scoring took {score:.0f} s, sampling {sample:.0f} s.",
                 "score in more processes, or lower the time limit of a score")


def inconsistent(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """A judge that says different things of one and the same answer to a problem."""
    said: dict[tuple[int, str], list[int]] = defaultdict(list)
    for i in np.flatnonzero(seen.decided).tolist():
        said[int(seen.problems[i]), seen.texts[i]].append(i)
    repeated = [those for those in said.values() if len(those) > 1]
    torn = [those for those in repeated if np.ptp(seen.scores[those]) > APART]
    if len(repeated) < FEW_PROBLEMS or len(torn) < APART_SHARE * len(repeated):
        return None
    return Found(f"Of {len(repeated):,} answers that were given more than once, the judge scores {len(torn):,} "
                 f"({len(torn) / len(repeated):.1%}) more than {APART} apart.",
                 "ask it several times and take the mean, or without temperature", seen.places[torn[0][:3]].tolist())


def at_once(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Nearly everything right in the first generation, or out of nowhere; not where gold says so, too."""
    scores, then = seen.scores[seen.decided], last(before, "score_mean")
    if scores.size < FEW or scores.mean() < PERFECT or (then is not None and then >= LEARNT_FROM):
        return None
    gold = seen.gold[np.isfinite(seen.gold)]
    if gold.size and gold.mean() >= PERFECT - GAP_GROWN:
        return None
    past = "in the first generation that was looked at" if then is None else f"after {then:.3f} in the one before"
    return Found(f"The mean score is {scores.mean():.3f} {past}.", "read some attempts: the judge may be broken or "
                 "fooled; else the problems are too easy", seen.shown(seen.decided))


def shared_answer(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """One answer that many problems have in common and that scores high, those left out whose known answer it is."""
    problems: dict[str, set[int]] = defaultdict(set)
    places: dict[str, list[int]] = defaultdict(list)
    for i in np.flatnonzero(seen.decided).tolist():
        known = seen.now.attempts[seen.places[i]].problem.answer
        if known is None or seen.texts[i] != known.strip():
            problems[seen.texts[i]].add(int(seen.problems[i]))
            places[seen.texts[i]].append(i)
    high = {text: len(problems[text]) for text, those in places.items() if seen.scores[those].mean() >= ATTACK_SCORE}
    text = max(high, key=lambda one: high[one], default="")
    others = [times for other, times in high.items() if other != text]
    least = max(FEW_PROBLEMS, ATTACK * seen.num_problems, ATTACK_OFTEN * float(np.median(others)) if others else 0.0)
    if high.get(text, 0) < least:
        return None
    mean = float(seen.scores[places[text]].mean())
    return Found(f"One answer to {high[text]:,} of {seen.num_problems:,} problems scores {mean:.2f}: "
                 f"{plain(text, most=60)!r}.", "see whether it is right; the judge may be fooled by it",
                 seen.places[places[text][:3]].tolist())


def length_loving(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Scores that go with length within problems: in excess of gold where it is known, else much. Attempts that were
    cut off are left out, which are long and wrong for that."""
    finished = seen.decided & ~seen.cut
    known = finished & np.isfinite(seen.gold)
    beside = _tell(seen, known, seen.lengths)
    which = known if beside else finished
    if not _tell(seen, which, seen.lengths):
        return None
    found = length_correlation(seen.scores[which], seen.lengths[which], seen.problems[which].tolist(),
                               seen.gold[which] if beside else None)
    if found is None or abs(found) < (LENGTH_BESIDE_GOLD if beside else LENGTH_ALONE):
        return None
    return Found(f"Score and length are correlated by {found:.2f} among attempts at one "
                 f"problem{', with gold held' if beside else ''}.",
                 "see pawl.meters.bias: whether the judge pays for length, and its correction", _ends(seen, which))


def _tell(seen: Seen, which: Flags, other: NDArray[Any]) -> bool:
    """Whether scores, and something else, differ among such attempts at more problems than a few."""
    problems = seen.problems[which]
    differ = np.ones(int(problems.max(initial=-1)) + 1, np.bool_)
    for numbers in (seen.scores[which], other[which]):
        most, least = np.full(len(differ), -np.inf), np.full(len(differ), np.inf)
        np.maximum.at(most, problems, numbers)
        np.minimum.at(least, problems, numbers)
        differ &= most - least > SAME
    return int(differ.sum()) >= FEW_PROBLEMS


def _ends(seen: Seen, which: Flags) -> list[int]:
    """The attempts with the highest and the lowest score."""
    order = np.flatnonzero(which)[np.argsort(seen.scores[which], kind="stable")]
    chosen: list[int] = seen.places[order[[-1, 0]]].tolist()
    return chosen


def first_token(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Scores that hang on the token with which an attempt begins, whatever the problem."""
    which = seen.decided & (seen.lengths > 0)
    begin = np.array([next(iter(seen.now.attempts[place].completion.tokens), -1) for place in seen.places], np.int64)
    if not _tell(seen, which, begin):
        return None
    scores, begins = seen.scores[which], begin[which]
    kinds, kind, counts = np.unique(begins, return_inverse=True, return_counts=True)
    free = len(scores) - len(kinds)
    if free < len(scores) / 2:
        return None
    means = np.bincount(kind, scores) / counts
    left = float(np.square(scores - means[kind]).sum()) / free
    explained = 1 - left / float(scores.var(ddof=1))  # fewer tokens than attempts explain something by luck
    if not explained >= FORM:
        return None
    return Found(f"The first token explains {explained:.1%} of the variance of scores over {seen.num_problems:,} "
                 "problems.", "read attempts that begin otherwise: the judge may go by the form alone",
                 _ends(seen, which))


def apart_from_gold(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """A judge that hardly ranks what gold calls right above what it calls wrong."""
    both = seen.decided & np.isfinite(seen.gold)
    right = seen.gold[both] >= 1
    if min(right.sum(), (~right).sum()) < RANKED:
        return None
    within = _tell(seen, both, seen.gold)
    ranks = (auroc_within(seen.scores[both], right, seen.problems[both].tolist()) if within else
             auroc(seen.scores[both], right))
    if ranks is None or ranks >= RANKS:
        return None
    where = " at one problem" if within else ""
    return Found(f"The judge scores a right attempt above a wrong one{where} in {ranks:.1%} of pairs; luck is 50%.",
                 "learn from another judge, or teach this one from what it got wrong", _furthest(seen, both))


def gold_left_behind(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """A judge's mean score that moved away from gold's, upwards: its mistakes are what is learnt."""
    proxy, gold = seen.number("proxy_mean"), seen.number("gold_mean")
    then_proxy, then_gold = first(before, "proxy_mean"), first(before, "gold_mean")
    both = seen.decided & np.isfinite(seen.gold)
    if proxy is None or gold is None or then_proxy is None or then_gold is None or both.sum() < FEW:
        return None
    chance = float((seen.scores - seen.gold)[both].std()) * math.sqrt(2 / int(both.sum()))
    if (proxy - gold) - (then_proxy - then_gold) < max(GAP_GROWN, ERRORS * chance):
        return None
    return Found(f"The judge's mean score is {proxy:.3f} and gold's {gold:.3f}; at first they were {then_proxy:.3f} "
                 f"and {then_gold:.3f}.", "stop where gold was best; raise kl, or teach the judge again",
                 _furthest(seen, both))


def _furthest(seen: Seen, both: Flags) -> list[int]:
    """The attempts that the judge scores highest above gold."""
    order = np.argsort(-(seen.scores - seen.gold)[both], kind="stable")[:3]
    chosen: list[int] = seen.places[np.flatnonzero(both)[order]].tolist()
    return chosen
