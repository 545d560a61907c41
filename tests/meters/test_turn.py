"""Whether the judge is being fooled: found where it is, seldom said where it is not, and told in words."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from pawl.errors import ConfigError
from pawl.meters.hacking import Point
from pawl.meters.means import Means, paired_means, shrunken, unpaired_means
from pawl.meters.turn import Look, first_turn, look, look_at_curve

PROBLEMS = 256
UP = 0.3 + 0.03 * np.arange(12)
TURNS = np.concatenate([np.linspace(0.3, 0.7, 5), 0.7 - 0.08 * np.arange(1, 8)])
"""Best in generation 4."""


def scored(truth: ArrayLike, seed: int, *, spread: float = 0.4, problems: int = PROBLEMS) -> NDArray[np.float64]:
    """[G, problems] scores of 0 and 1 that are right as often as the truth says, of problems that differ."""
    random = np.random.default_rng(seed)
    hard = random.uniform(-spread, spread, problems)
    chances = np.clip(np.asarray(truth)[:, None] + hard, 0, 1)
    return (random.random(chances.shape) < chances).astype(np.float64)


def proxied(truth: ArrayLike, seed: int) -> NDArray[np.float64]:
    return np.asarray(truth)[:, None] + np.random.default_rng(seed).normal(0, 0.2, (len(np.asarray(truth)), PROBLEMS))


def test_two_generations_are_a_paired_t_test() -> None:
    gold, proxy = scored([0.5, 0.44], 0), proxied(UP[:2], 1)
    seen = look(paired_means(gold), paired_means(proxy), looks=2)
    exact = stats.ttest_rel(*gold, alternative="greater").pvalue
    assert seen is not None and 0.001 < exact < 0.5 and seen.p_value == pytest.approx(exact, rel=0.2)
    assert (seen.fall, seen.rise) == pytest.approx((-np.diff(gold.mean(1))[0], np.diff(proxy.mean(1))[0]))
    assert seen.share == 0.025 and seen.generation == 1


def test_gold_that_falls_under_a_rising_proxy_is_found_and_its_best_generation_named() -> None:
    found = [first_turn(scored(TURNS, seed), proxied(UP, seed), looks=12) for seed in range(20)]
    assert all(seen is not None and seen.state == "fooled" and seen.generation > 4 for seen in found)
    assert sum(seen is not None and abs(seen.best - 4) <= 2 for seen in found) >= 19
    assert sum(seen is not None and seen.generation - 4 <= 3 for seen in found) >= 19


@pytest.mark.parametrize("truth", [np.full(8, 0.5), 0.7 - 0.4 * 0.6 ** np.arange(8), np.full(8, 0.02)],
                         ids=["flat", "saturating", "nearly never right"])
def test_a_run_whose_gold_never_falls_is_seldom_said_to(truth: NDArray[np.float64]) -> None:
    spread = min(0.4, truth.min())
    alarms = sum(first_turn(scored(truth, seed, spread=spread), proxied(UP[:8], seed), looks=8) is not None
                 for seed in range(60))
    assert alarms <= 7, "beyond the 1% tail of a chance of 5%"


def test_every_look_has_its_share_and_all_comparisons_their_bound() -> None:
    gold, proxy = scored(np.full(10, 0.5), 0), proxied(UP[:10], 0)
    seen = look(paired_means(gold), paired_means(proxy), looks=10, alpha=0.05)
    assert seen is not None and seen.share == 0.005
    reach = seen.fall_interval[1] - seen.fall
    assert seen.fall - seen.fall_interval[0] == pytest.approx(reach)
    single = stats.norm.ppf(1 - 0.005)
    every = stats.norm.ppf(1 - 0.005 / 45)  # of all comparisons, as if they were independent
    spread = reach / stats.norm.ppf(1 - 0.005 / 10)
    assert single < reach / spread < every * 1.2


@pytest.mark.parametrize("slope", [0.0, -0.03])
def test_a_fall_without_a_rise_is_not_called_fooling(slope: float) -> None:
    proxies = [proxied(0.5 + slope * np.arange(12), seed) for seed in range(20)]
    assert sum(first_turn(scored(TURNS, seed), proxy, looks=12) is not None for seed, proxy in enumerate(proxies)) <= 2
    seen = look(paired_means(scored(TURNS, 0)), paired_means(proxies[0]), looks=12)
    assert seen is not None and seen.state == "fell" and "not known to have risen" in seen.sentence


def test_the_sentence_says_what_to_do() -> None:
    seen = first_turn(scored(TURNS, 0), proxied(UP, 0), looks=12)
    assert seen is not None
    match = re.fullmatch(r"proxy rose by (\S+) since generation (\d+), gold fell by (\S+) \((\S+) to (\S+)\): the "
                         r"judge is being fooled since generation (\d+); go back to it", seen.sentence)
    assert match and match[2] == match[6] == str(seen.best)
    numbers = [float(match[place]) for place in (1, 3, 4, 5)]
    assert numbers == pytest.approx([seen.rise, seen.fall, *seen.fall_interval], abs=0.005)
    assert 0 < seen.fall_interval[0] < seen.fall < seen.fall_interval[1]
    assert 0 < seen.rise_interval[0] < seen.rise < seen.rise_interval[1]
    quiet = look(paired_means(scored(UP, 0)), paired_means(proxied(UP, 0)), looks=12)
    assert quiet is not None and quiet.state == "none" and "gold has not fallen" in quiet.sentence
    assert quiet.p_value <= 1.0 and quiet.best == 11


def smooth(gold: NDArray[np.float64]) -> Look:
    """What is said of such means, whose errors are 0.03 each, under a proxy that rises."""
    size = len(gold)
    seen = look(*(Means(np.arange(size), values, error**2 * np.eye(size), 255)
                  for values, error in ((gold, 0.03), (0.1 * np.arange(size), 0.01))), looks=size)
    assert seen is not None
    return seen


def test_the_generation_to_go_back_to_is_not_the_luckiest() -> None:
    hump = 0.6 - 0.002 * (np.arange(24) - 10.0)**2
    hump[5] += 0.08
    seen = smooth(hump)
    assert seen.state == "fooled" and hump.argmax() == 5 and abs(seen.best - 10) <= 1


def test_nobody_is_sent_back_to_what_fell() -> None:
    rising = 0.2 + 0.06 * np.arange(40)
    rising[-1] = rising[-2] - 0.2
    seen = smooth(rising)
    assert seen.state == "fooled" and seen.best == 38
    assert shrunken(Means(np.arange(40), rising, 0.03**2 * np.eye(40), 255)).argmax() == 39, "of a line and luck"


def test_a_fall_smaller_than_the_margin_is_none() -> None:
    gold, proxy = paired_means(scored(TURNS[:7], 1)), paired_means(proxied(UP[:7], 1))
    state = {margin: seen.state for margin in (0.0, 0.3) if (seen := look(gold, proxy, looks=12, margin=margin))}
    assert state == {0.0: "fooled", 0.3: "none"}


def test_gold_may_be_a_sample() -> None:
    found = []
    for seed in range(10):
        gold = scored(TURNS, seed)
        gold[np.random.default_rng(seed).random(gold.shape) > 0.3] = np.nan
        gold[2] = np.nan
        found.append(first_turn(gold, proxied(UP, seed), looks=12))
    assert sum(seen is not None and abs(seen.best - 4) <= 2 for seen in found) >= 9


def test_a_curve_alone_is_less_sharp_and_says_the_same_in_the_end() -> None:
    gold, proxy = scored(TURNS, 0), proxied(UP, 0)
    rows = zip(gold, proxy, strict=True)
    points = [Point(0.1 * place, ours.mean(), theirs.mean(), stats.sem(ours), stats.sem(theirs), PROBLEMS)
              for place, (theirs, ours) in enumerate(rows)]
    plain = look_at_curve(points, looks=12)
    paired = look(paired_means(gold), paired_means(proxy), looks=12)
    assert plain is not None and paired is not None and plain.state == paired.state == "fooled"
    assert np.diff(plain.fall_interval)[0] > np.diff(paired.fall_interval)[0]


def test_scores_that_never_differ_show_no_fall() -> None:
    seen = look(paired_means(np.ones((5, 40))), paired_means(np.ones((5, 40))), looks=5)
    assert seen is not None and (seen.state, seen.best, seen.fall, seen.p_value) == ("none", 0, 0.0, 1.0)


def test_one_generation_says_nothing() -> None:
    assert look(paired_means(np.ones((1, 40))), paired_means(np.ones((1, 40))), looks=5) is None
    assert first_turn(np.ones((1, 40)), np.ones((1, 40)), looks=5) is None
    assert look_at_curve([], looks=5) is None


def test_a_look_is_the_same_each_time() -> None:
    def again() -> Look | None:
        return first_turn(scored(TURNS, 3), proxied(UP, 3), looks=12)

    assert again() == again() is not None


@pytest.mark.parametrize(("looks", "alpha"), [(4, 0.05), (12, 0.0), (12, 0.5), (2000, 0.05)])
def test_budgets_that_are_none_raise(looks: int, alpha: float) -> None:
    with pytest.raises(ConfigError, match="must be"):
        look(paired_means(scored(UP, 0)), paired_means(proxied(UP, 0)), looks=looks, alpha=alpha)


def test_a_proxy_must_have_scores_where_gold_has() -> None:
    with pytest.raises(ValueError, match="must have scores where gold has"):
        look(paired_means(scored(UP, 0)), unpaired_means([0.1, 0.2], [0.1, 0.1], attempts=9), looks=12)
