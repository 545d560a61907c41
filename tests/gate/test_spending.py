"""The run's budget of false promotions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pawl.errors import ConfigError
from pawl.gate.spending import even_share


@given(st.floats(1e-6, 0.49), st.integers(1, 1000))
def test_shares_of_all_generations_add_up_to_alpha(alpha: float, generations: int) -> None:
    shares = [even_share(alpha, generation, generations) for generation in range(1, generations + 1)]
    assert sum(shares) == pytest.approx(alpha) and min(shares) > 0


@pytest.mark.parametrize("generation", [0, 9])
def test_an_unplanned_generation_raises(generation: int) -> None:
    with pytest.raises(ValueError, match="generation must be 1 to 8"):
        even_share(0.05, generation, 8)


@pytest.mark.parametrize("alpha", [0.0, -0.1, 0.5, 1.0, float("nan")])
def test_alpha_must_leave_the_gate_a_meaning(alpha: float) -> None:
    with pytest.raises(ConfigError, match="alpha must be above 0"):
        even_share(alpha, 1, 1)
