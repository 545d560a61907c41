"""Vectors, against numpy and torch."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from pawl.models import vectors
from pawl.models.vectors import LANES

Array = NDArray[np.float32]


def numbers(count: int = LANES, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=count).astype(np.float32)


def applied(operation: Any, *parts: Array) -> Array:
    """What an operation on the vectors of arrays gives."""
    if len(parts) == 1:
        @numba.njit
        def one(x: Any, out: Any) -> None:
            vectors.store(out, 0, operation(vectors.load(x, 0)))
        loop = one
    else:
        @numba.njit
        def two(x: Any, y: Any, out: Any) -> None:
            vectors.store(out, 0, operation(vectors.load(x, 0), vectors.load(y, 0)))
        loop = two
    out = np.empty(LANES, np.float32)
    loop(*parts, out)
    return out


def test_operators_work_place_by_place_and_take_numbers_too() -> None:
    x, y = numbers(seed=1), numbers(seed=2)
    half = np.float32(0.5)
    found = applied(numba.njit(lambda a, b: half * a + b / a - (a - half) * b), x, y)
    np.testing.assert_allclose(found, half * x + y / x - (x - half) * y, rtol=1e-5, atol=1e-6)


def test_a_vector_starts_anywhere_and_a_sum_and_the_largest_are_over_all_of_it() -> None:
    @numba.njit
    def measured(x: Any, place: int) -> Any:
        vector = vectors.load(x, place)
        return vectors.total(vector), vectors.largest(vector)

    x = numbers(LANES + 5)
    for place in (0, 3, 5):
        total, largest = measured(x, place)
        assert total == pytest.approx(float(x[place : place + LANES].sum(dtype=np.float64)), abs=1e-5)
        assert largest == x[place : place + LANES].max()


def test_bfloat16_is_read_exactly_and_written_as_torch_rounds() -> None:
    """Halfway cases among them: numbers of one bit more than bfloat16 has."""
    @numba.njit
    def copied(x: Any, out: Any) -> None:
        vectors.store(out, 0, vectors.load(x, 0))

    x = np.concatenate((numbers(8), np.float32(1) + np.arange(1, 9, dtype=np.float32) * np.float32(2.0**-8)))
    narrow, back = torch.empty(LANES, dtype=torch.bfloat16), np.empty(LANES, np.float32)
    copied(x, narrow.view(torch.uint16).numpy())
    assert torch.equal(narrow, torch.from_numpy(x).bfloat16())
    copied(narrow.view(torch.uint16).numpy(), back)
    assert np.array_equal(back, narrow.float().numpy())


@pytest.mark.parametrize("count", [0, 1, 7, LANES])
def test_places_after_the_first_ones_take_another_number(count: int) -> None:
    filler = np.float32(-3)
    found = applied(numba.njit(lambda x: vectors.beginning(x, count, filler)), numbers())
    assert np.array_equal(found, np.concatenate((numbers()[:count], np.full(LANES - count, filler))))


def test_the_larger_and_the_smaller_are_the_right_one_where_either_is_no_number() -> None:
    x, y = numbers(seed=1), numbers(seed=2)
    x[3] = y[5] = np.nan
    chosen = np.isnan(x) | np.isnan(y)
    for operation, expected in ((vectors.larger, np.maximum), (vectors.smaller, np.minimum)):
        found = applied(numba.njit(lambda a, b, operation=operation: operation(a, b)), x, y)
        assert np.array_equal(found, np.where(chosen, y, expected(x, y)), equal_nan=True)


def test_neighbours_multiply_as_complex_numbers() -> None:
    x, y = numbers(seed=1), numbers(seed=2)
    found = applied(numba.njit(lambda a, b: vectors.complex_product(a, b)), x, y)
    np.testing.assert_allclose(found.view(np.complex64), x.view(np.complex64) * y.view(np.complex64), rtol=1e-5)


def test_rounding_goes_to_the_nearest_whole_number_on_both_sides_of_0() -> None:
    x = np.linspace(-4.4, 4.6, LANES, dtype=np.float32)
    assert np.array_equal(applied(numba.njit(lambda a: vectors.rounded(a)), x), np.round(x))


def test_powers_of_two_are_exact() -> None:
    x = np.linspace(-126, 127, LANES).round().astype(np.float32)
    assert np.array_equal(applied(numba.njit(lambda a: vectors.power_of_two(a)), x), np.exp2(x.astype(np.float64)))


@pytest.mark.parametrize(("low", "high"), [(-87, 88), (-1, 1), (-0.01, 0.01)])
def test_e_to_the_power_of_each_is_numpys_to_half_a_millionth(low: float, high: float) -> None:
    grid = np.linspace(low, high, 100 * LANES, dtype=np.float32)
    found = np.concatenate([applied(EXPONENTIAL, part) for part in grid.reshape(-1, LANES)])
    np.testing.assert_allclose(found, np.exp(grid.astype(np.float64)), rtol=5e-7)


def test_beyond_its_range_e_to_the_power_is_that_of_the_end_and_what_is_no_number_stays_none() -> None:
    x = np.array([-np.inf, -1000, 1000, np.inf, np.nan] + [0] * (LANES - 5), np.float32)
    found = applied(EXPONENTIAL, x)
    np.testing.assert_allclose(found[:4], np.exp(np.array([-87, -87, 88, 88], np.float64)), rtol=5e-7)
    assert np.isnan(found[4]) and (found[5:] == 1).all()


EXPONENTIAL = numba.njit(lambda x: vectors.exponential(x))
