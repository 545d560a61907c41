"""Curves of over-optimisation and the agreement of proxy and gold, against scipy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats

from pawl.meters.hacking import FORMS, Form, Point, agreement, best_fit, curve, fit_in_words, fitted, recentred

LAWS = {"best of n": lambda d, alpha, beta: d * (alpha - beta * d),
        "RL": lambda d, alpha, beta: d * (alpha - beta * np.log(np.maximum(d, 1e-9)))}


def points(form: Form, alpha: float, beta: float, *, noise: float = 0.0, error: float = 0.0) -> list[Point]:
    distance = np.linspace(0, 3, 9)
    gold = 0.4 + LAWS[form](distance, alpha, beta) + noise * np.random.default_rng(0).normal(size=9)
    errors = np.where(distance > 0, error * (1 + distance), error)
    return [Point(d, d, g, gold_error=e) for d, g, e in zip(distance.tolist(), gold, errors.tolist(), strict=True)]


@pytest.mark.parametrize("form", FORMS)
def test_what_made_a_curve_is_found_again(form: Form) -> None:
    fit = fitted(points(form, 0.9, 0.3), form)
    assert fit is not None and (fit.alpha, fit.beta) == pytest.approx((0.9, 0.3)) and fit.r_squared > 1 - 1e-9
    assert best_fit(points(form, 0.9, 0.3)) == fit
    assert fit.gold([0.0, 2.0]) == pytest.approx([0.0, LAWS[form](2.0, 0.9, 0.3)])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("noise", "error"), [(0.02, 0.05), (0.2, 0.05), (0.1, 0.0)])
def test_a_fit_is_scipys(form: Form, noise: float, error: float) -> None:
    made = recentred(points(form, 0.9, 0.3, noise=noise, error=error))
    distance, gold = ([getattr(one, name) for one in made[1:]] for name in ("distance", "gold"))
    shared = np.diag([one.gold_error**2 for one in made[1:]]) + made[0].gold_error**2  # of differences from the first
    sigma = shared if error else None
    (alpha, beta), spread = optimize.curve_fit(LAWS[form], distance, gold, sigma=sigma, absolute_sigma=error > 0)
    fit = fitted(made, form)
    assert fit is not None and (fit.alpha, fit.beta) == pytest.approx((alpha, beta), rel=1e-4)
    left = np.array(gold) - LAWS[form](np.array(distance), alpha, beta)
    ratio = left @ np.linalg.inv(shared) @ left / 6 if error else 1.0
    wider = max(1.0, ratio) ** 0.5
    assert (fit.alpha_error, fit.beta_error) == pytest.approx(tuple(np.sqrt(np.diag(spread)) * wider), rel=1e-4)


@pytest.mark.parametrize("error", [0.0, 0.05])
def test_the_variance_explained_is_a_regressions(error: float) -> None:
    made = recentred(points("best of n", 0.9, 0.3, noise=0.1, error=error))
    fit = fitted(made, "best of n")
    gold, weights = np.array([(one.gold, 1 / (one.gold_error or 1)**2) for one in made[1:]]).T
    assert fit is not None
    left, around = gold - fit.gold([one.distance for one in made[1:]]), gold - np.average(gold, weights=weights)
    assert fit.r_squared == pytest.approx(1 - weights @ left**2 / (weights @ around**2))


def test_where_an_error_is_not_known_points_weigh_alike() -> None:
    made = points("best of n", 0.9, 0.3, noise=0.1, error=0.05)
    without = [replace(one, gold_error=0.0) for one in made]
    assert fitted([*made[:4], *without[4:]], "best of n") == fitted(without, "best of n") != fitted(made, "best of n")


@pytest.mark.parametrize(("form", "alpha", "beta", "inside"), [
    ("best of n", 0.9, 0.3, True), ("best of n", 2.0, 0.3, False), ("RL", 0.9, 0.6, True), ("RL", 0.9, 0.3, False)])
def test_the_peak_is_where_the_curve_is_highest(form: Form, alpha: float, beta: float, inside: bool) -> None:
    fit = fitted(points(form, alpha, beta), form)
    found = optimize.minimize_scalar(lambda d: -LAWS[form](d, alpha, beta), bounds=(0.01, 20), method="bounded")
    assert fit is not None and fit.peak == pytest.approx(found.x, rel=1e-3) and fit.inside is inside
    assert ("has passed" in fit_in_words(fit)) is inside


@pytest.mark.parametrize(("form", "alpha", "beta"), [("best of n", 0.9, -0.1), ("best of n", -0.9, 0.1),
                                                     ("RL", 0.9, -0.1), ("RL", 0.9, 1e-4)])
def test_a_curve_without_a_maximum_has_no_peak(form: Form, alpha: float, beta: float) -> None:
    fit = fitted(points(form, alpha, beta), form)
    assert fit is not None and fit.peak is None and not fit.inside and "no peak" in fit_in_words(fit)


def test_points_without_gold_are_left_out_and_too_few_say_nothing() -> None:
    made = points("best of n", 0.9, 0.3)
    holes = [Point(one.distance, one.proxy, np.nan) if place in (2, 5) else one for place, one in enumerate(made)]
    fit = fitted(holes, "best of n")
    assert fit is not None and (fit.alpha, fit.beta) == pytest.approx((0.9, 0.3))
    assert fitted(made[:3], "RL") is None and best_fit([]) is None and fitted([holes[2], *made[3:]], "RL") is None
    assert fitted([made[0], *made[:3]], "RL") is None, "the first point twice says no more than once"


def test_a_curve_is_made_of_the_scores_that_are_known() -> None:
    proxy, gold = np.arange(12.0).reshape(3, 4), np.array([[0, 1, 1, 0], [np.nan, 1, 0, 1], [np.nan] * 4])
    first, second, third = curve([0, 1, 2], proxy, gold)
    assert (first.gold, first.attempts, second.distance, second.proxy) == (0.5, 4, 1.0, 5.5)
    assert second.gold == pytest.approx(2 / 3) and second.gold_error == pytest.approx(stats.sem([1, 0, 1]))
    assert np.isnan(third.gold) and third.proxy_error == pytest.approx(stats.sem([8, 9, 10, 11]))
    assert [one.proxy for one in recentred([first, second])] == [0.0, 4.0] and recentred([]) == []
    with pytest.raises(ValueError, match="must be"):
        curve([0, 1], proxy, gold)


def drawn(name: str) -> NDArray[np.float64]:
    """Quantiles, so that nothing is left to chance."""
    law = {"normal": stats.norm, "t3": stats.t(3), "cauchy": stats.cauchy}[name]
    return np.asarray(law.ppf((np.arange(4001) + 0.5) / 4001))


@pytest.mark.parametrize(("name", "tail"), [("normal", 1.815), ("t3", 2.77), ("cauchy", 10.3)])
def test_the_tail_is_the_distributions(name: str, tail: float) -> None:
    scores = drawn(name)
    assert agreement(3 * scores - 7, scores).tail == pytest.approx(tail, rel=0.02)


def test_agreement_is_rank_correlation_and_what_the_top_brings() -> None:
    random = np.random.default_rng(0)
    proxy = random.normal(size=200)
    gold = proxy + random.normal(size=200)
    found = agreement(np.append(proxy, [1.0, np.nan]), np.append(gold, [np.nan, 1.0]))
    assert found.rank == pytest.approx(stats.spearmanr(proxy, gold).statistic) and found.attempts == 200
    assert found.top == pytest.approx(gold[proxy.argsort()[-20:]].mean() - gold.mean())
    assert found.spread == pytest.approx(proxy.std(ddof=1))
    assert agreement(proxy[:95], gold[:95]).top == pytest.approx(
        gold[:95][proxy[:95].argsort()[-10:]].mean() - gold[:95].mean())


def test_a_proxy_that_likes_all_alike_ranks_nothing() -> None:
    found = agreement(np.ones(200), np.arange(200.0))
    assert (found.rank, found.tail, found.spread) == (None, None, 0.0) and found.top == pytest.approx(0.0)
    assert agreement([1.0], [1.0]).top is None and agreement(np.arange(9.0), np.arange(9.0)).tail is None
    with pytest.raises(ValueError, match="pair up"):
        agreement([1.0], [1.0, 2.0])
