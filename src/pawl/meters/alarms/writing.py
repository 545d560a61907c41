"""Alarms of what the policy writes: cut off, shorter or longer, too sure or not sure of anything, in loops, or always
the same. Each is a pure function of a generation and of what earlier ones measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from pawl.meters.alarms.alarm import Found, Measured, plain
from pawl.meters.alarms.seen import FEW, FEW_PROBLEMS, TRUTH, Seen, first, looping, number_of, some

FAILED = 0.1
"""Share of attempts that failed, above which it is no accident."""
CUT_OFF = 0.8
"""Share of attempts cut off from which it is nearly every one: a good policy with hard problems may lose half."""
MOVED = 2.0
"""Factor by which a mean length grows or shrinks before it is worth a word; within it policies settle."""
MOVED_TOKENS = 3.0
"""And tokens, so that an answer of one token may become one of two."""
SURE = 0.1
"""Share of the entropy at the start below which it has collapsed: ten times fewer nats. Learning a task well takes less
than that away."""
SURELY = 0.01
"""Nats a token that are next to none, whatever the start: attempts at one problem are all the same."""
UNSURE, UNSURE_NATS = 2.0, 0.5
"""Factor, and nats a token, by which entropy grows before it is worth a word."""
LOOPING = 0.2
"""Share of attempts in a loop: a weak policy has a few."""
LESS_VARIED = 0.4
"""Share of the distinct 4-grams at the start below which variety has collapsed. Learning to be right costs up to a half
of them."""
THE_SAME = 0.45
"""Share of attempts that are one and the same wrong answer. A policy that guesses between yes and no has a quarter, one
that leans to either has more; one that knows a single word has a half."""
MASTERED = 0.9
"""Mean score from which a policy is sure because it is right, where the score cannot be fooled."""


def failed(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Many attempts that failed before they could be judged."""
    total = len(seen.failed) + len(seen.places)
    if total < FEW or len(seen.failed) < FAILED * total:
        return None
    said = plain(seen.now.attempts[seen.failed[0]].error or "", most=100)
    return Found(f"{_share(len(seen.failed), total)} failed before they could be judged, the first with: {said}",
                 "read the errors; what failed teaches nothing", seen.failed[:3].tolist())


def cut_off(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Nearly every attempt ended by its length. Not where those are right more often than not: there an answer is as
    long as it may be, as one of a single token is."""
    if len(seen.places) < FEW or seen.cut.mean() < CUT_OFF:
        return None
    scores = seen.scores[seen.cut & seen.decided]
    if scores.size and scores.mean() >= 0.5:
        return None
    return Found(f"{_share(int(seen.cut.sum()), len(seen.cut))} were cut off, at {seen.lengths[seen.cut].max()} tokens "
                 f"at most.", "raise max_tokens; else see whether the policy knows how to end, and whether the stop "
                 "strings are those that it writes", seen.shown(seen.cut))


def length_drift(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """A mean length that is far from that of the first generation."""
    now, then = seen.number("length"), first(before, "length")
    if now is None or then is None or len(seen.places) < FEW or abs(now - then) < MOVED_TOKENS:
        return None
    if then / MOVED < now < then * MOVED:
        return None
    order = np.argsort(seen.lengths, kind="stable")[:: -1 if now > then else 1]
    return Found(f"Attempts have {now:.1f} tokens on average, {then:.1f} in the first generation. "
                 f"{_right_and_wrong(seen)}",
                 "read some: whether the judge pays for length, whether attempts end, and whether max_tokens cuts them",
                 seen.places[order[:3]].tolist())


def _right_and_wrong(seen: Seen) -> str:
    """How long right and wrong attempts are."""
    right, wrong = seen.lengths[seen.scores >= 1], seen.lengths[seen.scores < 1]
    if not right.size or not wrong.size:
        return "Whether right and wrong ones differ cannot be said."
    return f"Right ones have {right.mean():.1f}, wrong ones {wrong.mean():.1f}."


def entropy_collapse(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Next to no entropy in what is sampled, or a tenth of what it was; not where nearly everything is right."""
    now, then = seen.number("entropy"), first(before, "entropy")
    if now is None or len(seen.places) < FEW or now >= max(SURELY, SURE * (then or 0.0)) or _mastered(seen):
        return None
    past = f", {then:.3f} at first" if then is not None else ""
    return Found(f"The policy's entropy is {now:.3f} nats a token{past}: attempts at a problem are nearly the same.",
                 "raise temperature, kl or real_floor, or learn for fewer epochs; compare pass@k with pass@1",
                 seen.places[:3].tolist())


def _mastered(seen: Seen) -> bool:
    """Whether nearly everything is right, by gold or by a judge that is the truth."""
    known = seen.gold[np.isfinite(seen.gold)]
    if not known.size and all(seen.now.verdicts[place].judge == TRUTH for place in seen.places):
        known = seen.scores[seen.decided]
    return bool(known.size) and float(known.mean()) >= MASTERED


def entropy_explosion(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Far more entropy in what is sampled than there was."""
    now, then = seen.number("entropy"), first(before, "entropy")
    if now is None or then is None or len(seen.places) < FEW or now < max(UNSURE * then, then + UNSURE_NATS):
        return None
    return Found(f"The policy's entropy is {now:.2f} nats a token, {then:.2f} at first: it becomes noise.",
                 "read some attempts; lower learning_rate or temperature, or raise kl", seen.places[:3].tolist())


def loops(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Attempts that say one thing again and again."""
    found = looping(seen)
    if len(found) < FEW or found.mean() < LOOPING:
        return None
    return Found(f"{_share(int(found.sum()), len(found))} say one thing again and again for half of their length.",
                 "read some; see whether the judge pays for it, and whether what was learnt from holds such text",
                 seen.places[some(seen)[found][:3]].tolist())


def variety(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Far fewer distinct 4-grams, in as many tokens, than there were."""
    now, then = number_of(seen.now.metrics, "distinct_4"), first(before, "distinct_4")
    if now is None or then is None or now >= LESS_VARIED * then:
        return None
    return Found(f"{now:.1%} of 4-grams are distinct, {then:.1%} in the first generation that measured it.",
                 "compare pass@k with pass@1; raise kl or real_floor, or keep fewer attempts of a problem",
                 seen.places[:3].tolist())


def same_answer(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """One and the same answer to many problems, and not right. Answers are compared as they are written: the same at
    the end of different thoughts is not seen."""
    wrong = ~(seen.scores >= 1)
    places: dict[str, list[int]] = defaultdict(list)
    for i in np.flatnonzero(wrong).tolist():
        places[seen.texts[i]].append(i)
    text, those = max(places.items(), key=lambda one: len(one[1]), default=("", []))
    if len(seen.places) < FEW or len(set(seen.problems[those].tolist())) < FEW_PROBLEMS:
        return None
    if len(those) < THE_SAME * len(seen.places):
        return None
    quoted = f"the same, and not right: {plain(text, most=60)!r}" if text else "empty"
    return Found(f"{_share(len(those), len(seen.places))} are {quoted}.",
                 "read the prompts as the policy sees them; see whether the judge, or what was learnt from, pays for "
                 "this answer", seen.places[those[:3]].tolist())


def _share(count: int, of: int) -> str:
    """`1,990 of 2,000 attempts (99.5%)`"""
    return f"{count:,} of {of:,} attempts ({count / of:.1%})"
