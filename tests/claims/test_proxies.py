"""The protocols of claims about proxies, votes and self-play, small: closed forms, and every case written out."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from pawl.claims import best_of_n_kl, comparisons, ensembles, over_optimisation, self_consistency, spin
from pawl.meters.best_of_n import best_of_n_kl as formula


def greatest(n: int) -> float:
    """Mean of the greatest of n normal draws."""
    return float(integrate.quad(lambda x: x * n * stats.norm.pdf(x) * stats.norm.cdf(x)**(n - 1), -10, 10)[0])


def test_gold_rises_as_its_closed_form_says_where_errors_are_normal() -> None:
    found = over_optimisation.toys(np.random.default_rng(0), 200_000)
    assert found["normal 1024"] == pytest.approx(greatest(1024) / 2**0.5, abs=0.1)
    assert found["normal last"] == 1.0 and found["least rise"] > 0
    assert found["cauchy peak"] < found["t3 peak"] and found["region 1024"] < 0 < found["t3 1024"]


def test_a_turn_is_read_from_the_curve_up_to_the_largest_n_that_is_fitted() -> None:
    counts = over_optimisation.LEARNT
    distance = np.array([float(formula(n)) for n in counts]) ** 0.5
    readings = np.where(np.array(counts) <= over_optimisation.FITTED, distance * (1.2 - 0.3 * distance), -99.0)
    fit = over_optimisation.turn(counts, readings)
    assert (fit.alpha, fit.beta, fit.peak) == pytest.approx((1.2, 0.3, 2.0))


def test_gold_fades_where_an_attempt_is_out_of_the_ordinary() -> None:
    gold = comparisons.Gold(0)
    attempts = gold.attempts(20_000)
    assert gold(attempts).std() == pytest.approx(1.0, abs=0.05) and gold(attempts).mean() == pytest.approx(0, abs=0.05)
    assert gold(20 * np.ones((1, comparisons.FEATURES), np.float32)) == pytest.approx([0.0])
    assert np.abs(attempts).max() > 2 * np.abs(gold.attempts(20_000, "light")).max()
    one = np.zeros((1, comparisons.FEATURES), np.float32)
    one[0, 0] = 1.0
    assert gold(one) == pytest.approx([0.0]), "what counts is pairs of features"


def test_comparisons_are_lost_by_bradley_and_terry() -> None:
    loss = comparisons.comparison_loss(torch.tensor([2.0, 0.0]), torch.tensor([1.0, 3.0]))
    assert float(loss) == pytest.approx((np.log1p(np.exp(-1)) + np.log1p(np.exp(3))) / 2)


def test_a_reward_model_learns_what_gold_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparisons, "STEPS", 300)
    gold = comparisons.Gold(0)
    tested = gold.attempts(2000), gold.attempts(2000)
    models = [comparisons.learnt(gold, count, seed=0) for count in (100, 5000)]
    few, many = (model.accuracy(*tested, gold) for model in models)
    assert few < 0.57 and many > 0.65
    assert models[1].accuracy(*tested[::-1], gold) == pytest.approx(many), "whichever of the two stands first"


def test_an_ensemble_is_fooled_where_its_members_are() -> None:
    own, shared = (ensembles.chosen(*ensembles.toy(np.random.default_rng(0), 50_000, shared=same))
                   for same in (False, True))
    assert own["single"] < 0 < own["mean"] < min(own["worst"], own["cautious"])
    assert max(shared.values()) < 0


def test_rewards_have_no_scale_of_their_own() -> None:
    proxies, gold = ensembles.toy(np.random.default_rng(0), 5000, shared=False)
    scaled = proxies * np.arange(1, 6)[:, None] + 7
    assert ensembles.chosen(scaled, gold) == pytest.approx(ensembles.chosen(proxies, gold))


def test_the_best_of_n_is_as_every_draw_says() -> None:
    policy, n = [Fraction(1, 2), Fraction(1, 3), Fraction(1, 6)], 3
    best, wins = [Fraction(0)] * 3, Fraction(0)
    for draws in product(range(3), repeat=n):
        chance = policy[draws[0]] * policy[draws[1]] * policy[draws[2]]
        best[max(draws)] += chance
        wins += chance * sum(policy[one] * Fraction(1 + (max(draws) > one) - (max(draws) < one), 2) for one in range(3))
    chances = np.array([float(one) for one in policy])
    assert best_of_n_kl.chosen(chances, n) == pytest.approx([float(one) for one in best])
    assert best_of_n_kl.win_rate(chances, n) == pytest.approx(float(wins))
    assert best_of_n_kl.kl(chances, n) == pytest.approx(
        sum(float(one) * np.log(float(one / two)) for one, two in zip(best, policy, strict=True)))


def test_a_vote_is_a_majority_and_the_share_that_agrees() -> None:
    answers = np.random.default_rng(0).integers(4, size=(50, 9))
    winners, shares = self_consistency.voted(answers)
    for row, winner, share in zip(answers.tolist(), winners, shares, strict=True):
        counts = Counter(row)
        assert counts[winner] == max(counts.values()) and share == counts[winner] / 9


def test_agreement_is_compared_with_accuracy_by_bins() -> None:
    shares = np.random.default_rng(0).random(2000)
    better, worse = (np.random.default_rng(1).random(2000) < chances for chances in (shares, 1 - shares))
    assert self_consistency.agreement_rank(shares, better) > 0.9
    assert self_consistency.agreement_rank(shares, worse) < -0.9


@pytest.mark.parametrize(("weight", "expected"), [(1.0, (0.5, 0.3, 0.2)), (2.0, (0.339, 0.322, 0.339))])
def test_self_play_ends_an_iteration_where_its_closed_form_says(weight: float, expected: tuple[float, ...]) -> None:
    start, target = np.array(spin.START), np.array(spin.TARGET)
    found = spin.trained(start, spin.pairs(target, start), weight)
    assert found == pytest.approx(expected, abs=5e-4)
    assert found == pytest.approx(spin.update(start, target, weight), abs=1e-6)


def test_self_play_stops_at_the_data() -> None:
    data = np.random.default_rng(0).dirichlet(np.ones(8))
    assert spin.trained(data, spin.pairs(data, data), 1.0) == pytest.approx(data, abs=1e-7)
    assert spin.kl(data, data) == pytest.approx(0.0)
    assert spin.kl(np.array([0.5, 0.5]), np.array([0.25, 0.75])) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
