"""Length and position bias, against least squares with a column a problem, scipy, and worlds whose slope is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import binomtest, pearsonr

from pawl.meters.bias import EDGE, LengthBias, length_bias, length_correlation, position_bias

Numbers = NDArray[np.float64]


def world(slope: float, *, problems: int = 200, tries: int = 6, gold_slope: float = 0.0, seed: int = 0
          ) -> tuple[Numbers, Numbers, Numbers, list[int]]:
    """Scores, lengths, gold and problems of a judge that pays `slope` logits a token; being right brings 1.5, and comes
    with length itself."""
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(problems), tries)
    lengths = random.integers(5, 60, size=len(groups)).astype(float)
    gold = (random.random(len(groups)) < expit(gold_slope * (lengths - 30))).astype(float)
    hard = random.normal(size=problems)[groups]
    scores = expit(hard + 1.5 * gold + slope * (lengths - 30) + random.normal(scale=0.5, size=len(groups)))
    return scores, lengths, gold, groups.tolist()


@pytest.mark.parametrize("gold_slope", [0.0, 0.1])
def test_the_slope_is_that_of_least_squares_with_a_column_a_problem(gold_slope: float) -> None:
    scores, lengths, gold, problems = world(0.03, problems=30, gold_slope=gold_slope)
    columns = np.column_stack((lengths, gold, np.eye(30)[problems]))
    fitted = np.linalg.lstsq(columns, logit(scores), rcond=None)[0]
    found = length_bias(scores, lengths, problems, gold=gold, key=0)
    assert found is not None and found.slope == pytest.approx(fitted[0], rel=1e-9)
    alone = length_bias(scores, lengths, problems, key=0)
    fitted = np.linalg.lstsq(np.delete(columns, 1, axis=1), logit(scores), rcond=None)[0]
    assert alone is not None and alone.slope == pytest.approx(fitted[0], rel=1e-9)
    assert (found.attempts, found.problems) == (180, 30)


def test_gold_that_goes_with_length_is_not_taken_for_bias() -> None:
    scores, lengths, gold, problems = world(0.0, gold_slope=0.1)
    held, alone = (length_bias(scores, lengths, problems, gold=known, key=0) for known in (gold, None))
    assert held is not None and held.interval[0] < 0 < held.interval[1] and abs(held.correlation) < 0.1
    assert alone is not None and alone.interval[0] > 0.01 and alone.correlation > 0.3


def test_the_interval_covers_the_slope_as_often_as_it_says() -> None:
    found = [length_bias(*world(0.02, problems=40, seed=seed)[:2], world(0.02, problems=40, seed=seed)[3],
                         gold=world(0.02, problems=40, seed=seed)[2], key=seed) for seed in range(60)]
    covered = [one is not None and one.interval[0] <= 0.02 <= one.interval[1] for one in found]
    assert binomtest(sum(covered), len(covered), 0.95).pvalue > 0.01


def test_the_correlation_is_pearsons_within_problems() -> None:
    scores, lengths, gold, problems = world(0.05, problems=20)
    residues = [part - np.bincount(problems, part)[problems] / 6 for part in (scores, lengths, gold)]
    assert length_correlation(scores, lengths, problems) == pytest.approx(pearsonr(residues[0], residues[1]).statistic)
    held = [part - residues[2] * (part @ residues[2]) / (residues[2] @ residues[2]) for part in residues[:2]]
    assert length_correlation(scores, lengths, problems, gold) == pytest.approx(pearsonr(*held).statistic)


def test_lengths_of_different_problems_are_not_compared() -> None:
    assert length_correlation([0.1, 0.1, 0.9, 0.9], [1, 2, 50, 51], [0, 0, 1, 1]) is None
    assert length_correlation([0.1, 0.2, 0.9, 0.8], [1, 2, 50, 51], [0, 0, 1, 1]) == pytest.approx(0.0)


@pytest.mark.parametrize(("scores", "lengths", "problems", "gold"), [
    ([], [], [], None), ([0.1, 0.9], [3, 3], [0, 0], None), ([0.1, 0.9], [3, 4], [0, 1], None),
    ([0.1, 0.9], [3, 4], [0, 0], None), ([0.1, 0.9, 0.2, 0.8], [3, 4, 3, 4], [0, 0, 1, 1], [0, 1, 0, 1])])
def test_what_cannot_be_told_is_none(scores: list[float], lengths: list[int], problems: list[int],
                                     gold: list[int] | None) -> None:
    assert length_bias(scores, lengths, problems, gold=gold, key=0) is None


def test_the_same_key_draws_the_same_interval() -> None:
    scores, lengths, _, problems = world(0.03, problems=15)
    one, same, other = (length_bias(scores, lengths, problems, key=key) for key in (1, 1, 2))
    assert one is not None and other is not None
    assert one == same and one.slope == other.slope and one.interval != other.interval


def test_correcting_takes_the_slope_away_and_leaves_what_gold_brought() -> None:
    scores, lengths, gold, problems = world(0.05)
    fitted = length_bias(scores, lengths, problems, gold=gold, key=0)
    assert fitted is not None and fitted.slope == pytest.approx(0.05, abs=0.003)
    scores, lengths, gold, problems = world(0.05, seed=1)  # held out
    better = np.concatenate([fitted.corrected(scores[start:start + 6], lengths[start:start + 6])
                             for start in range(0, len(scores), 6)])
    left = length_bias(better, lengths, problems, gold=gold, key=0)
    assert left is not None and abs(left.slope) < 0.003 and abs(left.correlation) < 0.1
    assert logit(better[gold == 1]).mean() - logit(better[gold == 0]).mean() == pytest.approx(1.5, abs=0.15)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 500)), max_size=8))
def test_a_correction_leaves_the_mean_logit_and_the_order_at_one_length(pairs: list[tuple[float, int]]) -> None:
    fitted = length_bias(*world(0.05)[:2], world(0.05)[3], key=0)
    assert fitted is not None
    scores, lengths = np.array([score for score, _ in pairs]), np.array([length for _, length in pairs])
    better = fitted.corrected(scores, lengths)
    assert better.shape == scores.shape and ((better >= 0) & (better <= 1)).all()
    if len(set(lengths.tolist())) == 1:
        assert (better == scores).all()
    elif len(pairs) and np.ptp(lengths) < 100:
        clipped = np.clip(scores, EDGE, 1 - EDGE)
        assert logit(better).mean() == pytest.approx(logit(clipped).mean(), abs=1e-6)


def test_two_problems_are_enough_and_sure_scores_count_as_nearly_sure() -> None:
    found = length_bias([0.0, 1.0, 0.5, 0.5], [1, 2, 7, 9], [0, 0, 1, 1], key=0)
    sure = 2 * logit(1 - EDGE)
    assert found is not None and found.slope == pytest.approx(sure * 0.5 / (0.5 + 2))  # of the sums of both problems
    assert found.corrected([0.0, 1.0], [5, 5]).tolist() == [0.0, 1.0]
    assert found.corrected([0.0, 1.0], [6, 4]) == pytest.approx(expit([-sure / 2 - found.slope,
                                                                       sure / 2 + found.slope]))


def test_no_slope_corrects_nothing() -> None:
    assert LengthBias(0.0, 0.0, (0.0, 0.0), 4, 2).corrected([0.0, 1.0], [1, 9]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(("scores", "lengths", "words"), [
    ([0.5], [1, 2], "pair up"), ([float("nan"), 1], [1, 2], "finite")])
def test_arrays_must_pair_up_and_be_numbers(scores: list[float], lengths: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        length_bias(scores, lengths, [0, 0], key=0)


def test_position_bias_counts_what_the_order_decides() -> None:
    found = position_bias(200, consistent=130, first=50, second=10)
    for rate, count, of in ((found.consistent, 130, 200), (found.first, 50, 200), (found.second, 10, 200),
                            (found.leaning, 50, 60)):
        assert rate is not None and (rate.value, rate.count) == (count / of, of)
        assert rate.interval == pytest.approx(tuple(binomtest(count, of).proportion_ci(method="wilson")))
    assert found.p_value == pytest.approx(binomtest(50, 60).pvalue)


def test_a_judge_whom_no_order_sways_leans_nowhere() -> None:
    found = position_bias(20, consistent=20, first=0, second=0)
    assert found.leaning is None and found.p_value == 1.0
    nobody = position_bias(0, consistent=0, first=0, second=0)
    assert nobody.consistent is nobody.first is None


@pytest.mark.parametrize("counts", [
    {"consistent": 3, "first": 0, "second": 0}, {"consistent": -1, "first": 1, "second": 0},
    {"consistent": 1, "first": 2, "second": 0}, {"consistent": 1, "first": 0, "second": 2}])
def test_counts_that_cannot_be_raise(counts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="counts must be 0 or more and 2 in all at most"):
        position_bias(2, **counts)
