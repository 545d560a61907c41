"""Whether a judge is being fooled: gold has fallen since its best generation while the proxy rose.

Looked at after every generation. At each look, means of one to four generations in a row are compared with means of the
latest one or two. The largest fall of gold, in standard errors, is held against what the largest of as many comparisons
of a gold that never changed would come to (the single-step max-t of Westfall and Young 1993, drawn from the covariance
of the means), at an even share of `alpha`.

Promise: in a run whose gold never falls, the chance that any look says that it did is at most alpha. A gold that stays
where it is is the worst case: where it rises, every comparison is smaller. Looks may depend on each other in any way
(Bonferroni). It rests on means over problems being about normal. That the proxy rose is held against luck in the same
way, but at alpha for a single look: it says only what to call a fall that is there, and what to do is the same.

Not covered: gold that falls for another reason just while the proxy rises; a run that goes back and goes on, which is
another run with looks of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pawl.errors import ConfigError
from pawl.meters.hacking import Point
from pawl.meters.means import Means, paired_means, shrunken, unpaired_means

EARLIER, LATEST = (1, 2, 4), (1, 2)
"""Generations in a row whose means are compared: any before, and the last ones."""
DRAWS, BEYOND, TOGETHER = 20_000, 20, 2000
"""Draws of a gold that never changed, at most; how many of them are to lie beyond the bound where that takes fewer; and
how many are made at a time."""
State = Literal["none", "fell", "fooled"]


@dataclass(frozen=True, slots=True)
class Look:
    """What the scores up to a generation say."""

    state: State
    """`fooled`: gold fell and the proxy rose; `fell`: gold fell, and the proxy is not known to have risen; `none`: no
    fall is seen, which is not to say that there is none."""
    generation: int
    """The latest one."""
    best: int
    """The one to go back to: of all before what fell, or of all, the one with the largest shrunken gold."""
    fall: float
    """Gold of earlier generations less gold of the latest, where the fall is surest."""
    fall_interval: tuple[float, float]
    """Holds at every look and for every comparison at once, on either side with probability 1 - alpha."""
    rise: float
    """Of the proxy, in the same comparison."""
    rise_interval: tuple[float, float]
    """Holds at this look for every comparison at once."""
    p_value: float
    """Of the fall at this look."""
    share: float
    """Of alpha, that this look may spend."""
    sentence: str


@dataclass(frozen=True, slots=True)
class _Changes:
    """C comparisons of generations."""

    sizes: NDArray[np.float64]
    """[C]"""
    errors: NDArray[np.float64]
    """[C]"""
    luck: NDArray[np.float64]
    """[draws] the largest of all comparisons where nothing changed, in standard errors, from the least."""
    bound: float
    """What these exceed with the probability that may be spent."""

    def interval(self, place: int) -> tuple[float, float]:
        reach = self.bound * float(self.errors[place])
        return float(self.sizes[place]) - reach, float(self.sizes[place]) + reach


def look(gold: Means, proxy: Means, *, looks: int, alpha: float = 0.05, margin: float = 0.0) -> Look | None:
    """What can be said after the latest generation that has gold; None while only one has.

    `looks` is the number of generations that the run plans, `margin` a fall too small to be called one. Means of both
    come from `paired_means` or `unpaired_means`. Raises ConfigError for more generations than planned or an alpha that
    is no budget, and ValueError where the proxy lacks a generation that gold has.
    """
    share = _share(alpha, looks, gold)
    if len(gold.values) < 2:
        return None
    contrasts = _contrasts(len(gold.values))
    falls, rises = _changes(gold, contrasts, share), _changes(_at(proxy, gold.generations), -contrasts, alpha)
    scores = (falls.sizes - margin) / falls.errors
    state, place = _state(scores, rises.sizes / rises.errors > rises.bound, falls.bound)
    p_value = (1 + int((falls.luck >= scores[place]).sum())) / (1 + len(falls.luck))
    best = _best(gold, contrasts[place] if state != "none" else None)
    seen = Look(state, int(gold.generations[-1]), best, float(falls.sizes[place]), falls.interval(place),
                float(rises.sizes[place]), rises.interval(place), p_value, share, "")
    return replace(seen, sentence=_in_words(seen))


def look_at_curve(points: Sequence[Point], *, looks: int, alpha: float = 0.05, margin: float = 0.0) -> Look | None:
    """The same from a curve alone, whose points are taken as of different problems: less sharp than `look`."""
    attempts = min((one.attempts for one in points), default=0)
    gold = unpaired_means([one.gold for one in points], [one.gold_error for one in points], attempts=attempts)
    proxy = unpaired_means([one.proxy for one in points], [one.proxy_error for one in points], attempts=attempts)
    return look(gold, proxy, looks=looks, alpha=alpha, margin=margin)


def first_turn(gold: ArrayLike, proxy: ArrayLike, *, looks: int, alpha: float = 0.05,
               margin: float = 0.0) -> Look | None:
    """The first look at which the judge was being fooled, from scores [G, P] of both on the same problems in all
    generations so far; None where there was none. As `look`, whose arguments it has."""
    golds, proxies = np.asarray(gold, np.float64), np.asarray(proxy, np.float64)
    for generations in range(2, len(golds) + 1):
        if np.isnan(golds[generations - 1]).all():
            continue
        seen = look(paired_means(golds[:generations]), paired_means(proxies[:generations]),
                    looks=looks, alpha=alpha, margin=margin)
        if seen is not None and seen.state == "fooled":
            return seen
    return None


def _share(alpha: float, looks: int, gold: Means) -> float:
    """Of alpha, for one of so many looks."""
    if not 0 < alpha < 0.5:
        raise ConfigError(f"alpha must be above 0 and below 0.5, got {alpha}")
    if len(gold.values) > looks:
        raise ConfigError(f"generations with gold must be at most the looks planned ({looks}), got {len(gold.values)}")
    share = alpha / looks
    if share * DRAWS < 1:
        raise ConfigError(f"looks must be at most {int(alpha * DRAWS)} at an alpha of {alpha}, got {looks}")
    return share


@lru_cache(maxsize=128)
def _contrasts(count: int) -> NDArray[np.float64]:
    """[C, count] weights of generations: earlier ones less latest ones."""
    rows = []
    for last in LATEST:
        for width in EARLIER:
            for start in range(count - last - width + 1):
                row = np.zeros(count)
                row[start:start + width], row[count - last:] = 1 / width, -1 / last
                rows.append(row)
    return np.array(rows)


def _at(means: Means, generations: NDArray[np.int64]) -> Means:
    """Of some generations alone. Raises ValueError where one is not among them."""
    if not np.isin(generations, means.generations).all():
        raise ValueError(f"the proxy must have scores where gold has, in {generations.tolist()}, "
                         f"got {means.generations.tolist()}")
    places = np.searchsorted(means.generations, generations)
    return Means(generations, means.values[places], means.covariance[np.ix_(places, places)], means.degrees)


def _changes(means: Means, contrasts: NDArray[np.float64], share: float) -> _Changes:
    """Every comparison, and what luck would come to: means err as their covariance and its degrees of freedom say."""
    variance = np.einsum("ck,kl,cl->c", contrasts, means.covariance, contrasts)
    errors = np.sqrt(np.maximum(variance, 1e-18))  # where nothing ever differed, too small to matter and not 0
    size, axes = np.linalg.eigh(means.covariance)
    loads = (contrasts / errors[:, None] @ axes * np.sqrt(np.maximum(size, 0))).T
    random, draws = np.random.default_rng(0), min(DRAWS, math.ceil(BEYOND / share))
    luck = np.concatenate([(random.standard_normal((min(TOGETHER, draws - done), len(size))) @ loads).max(axis=1)
                           for done in range(0, draws, TOGETHER)])
    luck = np.sort(luck * np.sqrt(means.degrees / random.chisquare(means.degrees, draws)))
    return _Changes(contrasts @ means.values, errors, luck, float(luck[-int(share * draws)]))


def _state(scores: NDArray[np.float64], sure: NDArray[np.bool_], bound: float) -> tuple[State, int]:
    """What is the case, and the comparison that says so."""
    with_proxy = np.where(sure, scores, -np.inf)
    if with_proxy.max() > bound:
        return "fooled", int(with_proxy.argmax())
    return "fell" if scores.max() > bound else "none", int(scores.argmax())


def _best(gold: Means, contrast: NDArray[np.float64] | None) -> int:
    """The generation of the largest shrunken gold; of those before what fell, where something did."""
    values = shrunken(gold)
    before = len(values) if contrast is None else int((contrast < 0).argmax())
    return int(gold.generations[values[:before].argmax()])


def _in_words(seen: Look) -> str:
    if seen.state == "none":
        return (f"gold has not fallen beyond its noise up to generation {seen.generation}; it is best in generation "
                f"{seen.best}")
    gold = f"gold fell by {seen.fall:.2f} ({seen.fall_interval[0]:.2f} to {seen.fall_interval[1]:.2f})"
    if seen.state == "fell":
        return (f"{gold} since generation {seen.best}, but the proxy is not known to have risen ({seen.rise:+.2f}); go "
                "back to it")
    return (f"proxy rose by {seen.rise:.2f} since generation {seen.best}, {gold}: the judge is being fooled since "
            f"generation {seen.best}; go back to it")
