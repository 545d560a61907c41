"""Truth bits, against exact binomial coefficients."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.meters.truth_bits import filter_bits, label_bits, surprisal_bits


@given(st.integers(0, 3000), st.floats(0, 1))
def test_a_filters_bits_are_those_of_its_pattern(attempts: int, share: float) -> None:
    kept = round(share * attempts)
    assert filter_bits(kept, attempts) == pytest.approx(math.log2(math.comb(attempts, kept)), abs=1e-8)


def test_keeping_all_or_none_says_nothing() -> None:
    assert filter_bits(0, 10**6) == filter_bits(10**6, 10**6) == filter_bits(0, 0) == 0.0


@given(st.integers(1, 500), st.integers(0, 500))
def test_a_verdict_never_brings_more_than_a_bit(attempts: int, kept: int) -> None:
    assert filter_bits(min(kept, attempts), attempts) <= attempts


@pytest.mark.parametrize(("kept", "attempts"), [(-1, 3), (4, 3)])
def test_keeping_more_than_there_are_raises(kept: int, attempts: int) -> None:
    with pytest.raises(ValueError, match="kept must be 0 to 3"):
        filter_bits(kept, attempts)


def test_surprisal_is_summed_over_tokens_and_texts_in_bits() -> None:
    assert surprisal_bits([np.log(np.float32([0.5, 0.25])), np.log(np.float32([0.125]))]) == pytest.approx(6.0)
    assert surprisal_bits([]) == 0.0


@given(st.integers(1, 300), st.integers(0, 6))
def test_labels_that_come_equally_often_tell_the_logarithm_of_their_number(times: int, power: int) -> None:
    assert label_bits(list(range(2**power)) * times) == pytest.approx(times * 2**power * power)


def test_one_label_for_all_tells_nothing_and_a_rare_one_more_than_a_common_one() -> None:
    assert label_bits([]) == label_bits(["a"] * 9) == 0.0
    assert label_bits("aaab") == pytest.approx(3 * math.log2(4 / 3) + 2)
