"""Judges that label, and the accuracy that they are made with."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pawl.claims import comparisons
from pawl.claims.ai_labels import Judge, Kind, share_of_gold
from pawl.claims.comparisons import Gold, RewardModel

GOLD, OTHER = Gold(0), Gold(1)


def judge(kind: Kind, accuracy: float = 0.8) -> Judge:
    return Judge(kind, accuracy, GOLD, OTHER, np.random.default_rng(0))


@pytest.mark.parametrize("accuracy", [0.5, 0.6, 0.8, 0.95])
def test_two_normal_readings_agree_as_often_as_an_accuracy_says(accuracy: float) -> None:
    share = share_of_gold(accuracy)
    both_below = stats.multivariate_normal([0, 0], [[1, share], [share, 1]]).cdf([0, 0])
    assert 2 * both_below == pytest.approx(accuracy, abs=1e-6)


@pytest.mark.parametrize("kind", ["careless", "biased", "wavering"])
@pytest.mark.parametrize("accuracy", [0.6, 0.8])
def test_a_judge_is_as_often_right_as_its_accuracy_says(kind: Kind, accuracy: float) -> None:
    first, second = GOLD.attempts(20_000), GOLD.attempts(20_000)
    right = judge(kind, accuracy).likes(first, second) == (GOLD(first) > GOLD(second))
    assert right.mean() == pytest.approx(accuracy, abs=0.03)


def test_a_biased_judge_says_the_same_again_and_the_others_err_anew() -> None:
    first, second = GOLD.attempts(5000), GOLD.attempts(5000)
    agree = {}
    for kind in ("biased", "careless", "wavering"):
        one = judge(kind)
        agree[kind] = float((one.likes(first, second) == one.likes(first, second)).mean())
    assert agree["biased"] == 1.0 > agree["wavering"]
    assert agree["careless"] == pytest.approx(0.8**2 + 0.2**2, abs=0.02)
    assert (judge("biased").likes(first, second) != judge("biased").likes(second, first)).all()


def test_a_judge_s_scores_are_spread_as_gold_s_are() -> None:
    attempts = GOLD.attempts(20_000)
    for kind in ("biased", "wavering"):
        scores = judge(kind, 0.6).scores(attempts)
        assert scores.std() == pytest.approx(1.0, abs=0.05)
        assert np.corrcoef(scores, GOLD(attempts))[0, 1] == pytest.approx(share_of_gold(0.6), abs=0.05)


def test_a_reward_model_learns_what_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparisons, "STEPS", 300)
    first, second, tested = GOLD.attempts(5000), GOLD.attempts(5000), (GOLD.attempts(2000), GOLD.attempts(2000))
    told = RewardModel(first, second, GOLD(first) < GOLD(second), seed=0)
    assert told.accuracy(*tested, GOLD) < 0.4, "the opposite of gold"
