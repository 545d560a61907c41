"""Alarms of what learning gets: attempts that tell nothing apart, weights that stay as they were, and a sampler that is
not the policy that learns. Each is a pure function of a generation and of what earlier ones measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from pawl.meters.alarms.alarm import Found, Measured
from pawl.meters.alarms.seen import FEW_PROBLEMS, SAME, Numbers, Seen, first

ALIKE = 0.95
"""Share of problems at which all attempts score the same from which hardly anything is left to learn from. With four
attempts that is 1.3% of right ones, or of wrong ones."""
FEW_ATTEMPTS = 4
"""At a problem: fewer often score the same by chance, two at 10% of right ones at 82% of problems."""
BY_CHANCE = 1e-3
"""Probability below which as many equal groups are no chance."""
ROUNDING = 2.0**-24
"""Half the distance of 1 from the next number in float32: a relative change below it is none."""
GAP = 0.1
"""Nats a token between sampler and trainer. Products in bfloat16 leave 0.01 to 0.04, other weights more than this."""
GAP_K3 = 0.01
"""KL of the two, nats a token: what prime-rl's tests allow."""
GAP_OUTSIDE = 0.01
"""Share of tokens whose importance weight is outside [0.5, 2]; bfloat16 leaves none."""
GAP_GROWN, GAP_FLOOR = 3.0, 0.02
"""Factor by which the gap grows over generations, and nats below which that is rounding."""


def equal_groups(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Problems at which all attempts score the same, so that a comparison among them teaches nothing; not where all
    scores are the same, of which the judge's alarms tell, nor where there are so many because attempts are few."""
    groups = [scores for scores in _groups(seen) if len(scores) > 1]
    equal = [scores for scores in groups if np.ptp(scores) <= SAME]
    if len(groups) < FEW_PROBLEMS or len(equal) < ALIKE * len(groups) or _constant_below_1(seen):
        return None
    if _few_attempts_explain(groups, len(equal)):
        return None
    right, wrong = sum(scores.min() >= 1 for scores in equal), sum(scores.max() <= SAME for scores in equal)
    hint = ("the judge tells attempts at one problem no more apart than rounding does: ask it about two of them"
            if max(right, wrong) < len(equal) / 2 else "the problems may be too easy: draw harder ones"
            if right > wrong else
            "the problems may be too hard: draw easier ones, make more attempts, or start from a better base")
    return Found(f"At {len(equal):,} of {len(groups):,} problems ({len(equal) / len(groups):.1%}) all attempts score "
                 f"the same: all right at {right:,}, all wrong at {wrong:,}.", hint, seen.shown(seen.decided))


def _few_attempts_explain(groups: Sequence[Numbers], equal: int) -> bool:
    """Whether `equal` of the groups are what chance makes of groups so small if scores have nothing to do with
    problems, and `FEW_ATTEMPTS` at each would tell enough of them apart."""
    scores = np.sort(np.concatenate(groups))
    alike = np.split(scores, np.flatnonzero(np.diff(scores) > SAME) + 1)
    shares = np.array([len(those) for those in alike]) / len(scores)
    by_chance = float(np.mean([(shares**len(group)).sum() for group in groups]))
    return bool((shares**FEW_ATTEMPTS).sum() < ALIKE and binom.sf(equal - 1, len(groups), by_chance) >= BY_CHANCE)


def _groups(seen: Seen) -> list[Numbers]:
    """Scores of the attempts at each problem, as far as they were decided."""
    problems, scores = seen.problems[seen.decided], seen.scores[seen.decided]
    order = np.argsort(problems, kind="stable")
    cuts = np.flatnonzero(np.diff(problems[order])) + 1
    return np.split(scores[order], cuts)


def _constant_below_1(seen: Seen) -> bool:
    scores = seen.scores[seen.decided]
    return bool(scores.max() < 1 and np.ptp(scores) <= SAME)


def unchanged(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Training that took no step, or left the weights as they were: metrics `steps`, and `parameter_change`, the norm
    of the change over that of the weights."""
    change, steps = seen.now.metrics.get("parameter_change"), seen.number("steps")
    hint = "see whether the weights that learn are those that the optimiser has, and the learning rate"
    if steps is not None and steps < 1:
        return Found("Training took no step.", "see what was selected, and whether a batch can be filled")
    if change is None or ROUNDING <= change < math.inf:
        return None
    if not math.isfinite(change):
        return Found(f"Training changed the weights by {change}.", "lower learning_rate")
    return Found(f"Training changed the weights by {change:.1e} of their norm, less than rounding does.", hint)


def sampler_apart(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Log-probabilities while sampling that are not those of the policy that learns."""
    gap, outside, estimate = (seen.number(f"sampler_{name}") for name in ("gap", "outside", "k3"))
    if gap is None:
        return None
    then = first(before, "sampler_gap")
    told = [f"{gap:.3g} nats a token apart"]
    told += [f"an importance weight outside [0.5, 2] at {outside:.1%} of tokens"] if outside is not None else []
    told += [f"a KL of {estimate:.2g} nats a token"] if estimate is not None else []
    grown = then is not None and gap >= max(GAP_FLOOR, GAP_GROWN * then)
    if grown:
        told.append(f"{then:.3g} apart at first")
    if not grown and gap <= GAP and (outside or 0) <= GAP_OUTSIDE and (estimate or 0) <= GAP_K3:
        return None
    return Found(f"Sampler and trainer do not agree: {', '.join(told)}.",
                 "see whether the sampler has the weights of this generation, and the same tokens, precision and "
                 "temperature", sorted(set(seen.now.recomputed) & set(range(len(seen.now.attempts))))[:3])


def no_logprobs(seen: Seen, before: Sequence[Measured]) -> Found | None:
    """Log-probabilities of sampled tokens that are no numbers."""
    odd = np.array([not np.isfinite(seen.now.attempts[place].completion.logprobs).all() for place in seen.places],
                   np.bool_)
    if not odd.any():
        return None
    return Found(f"{int(odd.sum()):,} of {len(odd):,} attempts have a log-probability that is no number.",
                 "see whether the weights are finite, and what samples", seen.shown(odd))
