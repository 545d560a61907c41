"""Drawing a token, against numpy in float64 and against the exact shares of an inverse CDF."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pawl.models.draw import draw, truncate
from pawl.records import Sampling

torch.set_num_threads(1)

Floats = NDArray[np.float64]

ROWS = st.lists(st.integers(-20, 20).map(lambda n: n / 4), min_size=2, max_size=12)
SAMPLINGS = st.builds(
    Sampling,
    max_tokens=st.just(1),
    temperature=st.sampled_from([0.25, 0.7, 1.0, 2.0]),
    top_k=st.integers(0, 14),
    top_p=st.sampled_from([0.05, 0.3, 0.625, 0.9, 1.0]),
)


def softmax(logits: Floats) -> Floats:
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def oracle(logits: Floats, sampling: Sampling) -> Floats:
    """Probability of each token by the definitions, a token at a time."""
    probabilities = softmax(logits / sampling.temperature)
    kept = np.ones(len(logits), dtype=bool)
    if 0 < sampling.top_k < len(logits):
        kept = probabilities >= np.sort(probabilities)[-sampling.top_k]
    probabilities = np.where(kept, probabilities, 0) / probabilities[kept].sum()
    reached, nucleus = 0.0, np.zeros(len(logits), dtype=bool)
    for token in np.argsort(-probabilities, kind="stable"):
        if reached >= sampling.top_p:
            break
        nucleus[token] = probabilities[token] > 0
        reached += probabilities[token]
    probabilities = np.where(nucleus, probabilities, 0)
    return probabilities / probabilities.sum()


def near_an_edge(logits: Floats, sampling: Sampling) -> bool:
    """Whether rounding decides if one more token belongs to the nucleus."""
    whole = oracle(logits, Sampling(1, sampling.temperature, sampling.top_k))
    reached = np.cumsum(np.sort(whole)[::-1])
    return bool((np.abs(reached - sampling.top_p) < 1e-5).any())


@settings(deadline=None)
@given(ROWS, SAMPLINGS)
def test_what_is_kept_and_its_shares_are_those_of_the_definitions(row: list[float], sampling: Sampling) -> None:
    logits = np.array(row)
    if sampling.top_p < 1 and near_an_edge(logits, sampling):
        return
    probabilities = torch.from_numpy(softmax(logits / sampling.temperature)).float()[None]
    kept = truncate(probabilities, sampling)[0].double().numpy()
    np.testing.assert_allclose(kept / kept.sum(), oracle(logits, sampling), atol=1e-6)


@settings(deadline=None)
@given(ROWS, SAMPLINGS, st.integers(8, 64))
def test_a_token_is_drawn_for_exactly_its_share_of_the_numbers(row: list[float], sampling: Sampling, n: int) -> None:
    logits = np.array(row)
    if sampling.top_p < 1 and near_an_edge(logits, sampling):
        return
    edges = np.cumsum(oracle(logits, sampling))
    numbers = (np.arange(n) + 0.5) / n
    clear = np.abs(numbers[:, None] - edges).min(axis=1) > 1e-5
    tokens, _ = draw(torch.from_numpy(logits).float().expand(n, -1), numbers, sampling)
    expected = np.searchsorted(edges, numbers, side="right")
    assert tokens.numpy()[clear].tolist() == expected[clear].tolist()


@settings(deadline=None)
@given(ROWS)
def test_temperature_0_takes_the_likeliest(row: list[float]) -> None:
    tokens, _ = draw(torch.tensor([row]), np.array([0.999]), Sampling(1, temperature=0.0))
    assert tokens.tolist() == [int(np.argmax(row))]


@settings(deadline=None)
@given(ROWS, SAMPLINGS, st.floats(0, 1, exclude_max=True))
def test_logprobs_are_of_temperature_1_with_nothing_cut_off(
    row: list[float], sampling: Sampling, number: float
) -> None:
    (token,), (logprob,) = draw(torch.tensor([row]), np.array([number]), sampling)
    assert float(logprob) == pytest.approx(np.log(softmax(np.array(row)))[int(token)], abs=1e-5)


@pytest.mark.parametrize("number", [0.0, 2.0**-53, 0.5, 1 - 2.0**-53])
@pytest.mark.parametrize("sampling", [Sampling(1), Sampling(1, top_k=2), Sampling(1, top_p=0.7)])
def test_a_token_without_probability_is_never_drawn(number: float, sampling: Sampling) -> None:
    never = float("-inf")
    logits = torch.tensor([[never, 1.0, never, 2.0, 3.0, never]])
    possible = truncate(logits.softmax(-1), sampling)[0] > 0
    (token,), _ = draw(logits, np.array([number]), sampling)
    assert possible[int(token)]


def test_the_rarest_token_of_a_large_vocabulary_can_be_drawn() -> None:
    """Its share is below what a float32 sum near 1 can hold."""
    logits = torch.zeros(1, 50_000)
    logits[0, -1] = -15.0
    (token,), _ = draw(logits, np.array([1 - 2.0**-53]), Sampling(1))
    assert int(token) == 49_999


@settings(deadline=None)
@given(st.lists(ROWS.map(lambda row: (row + [0.0] * 12)[:12]), min_size=1, max_size=6), SAMPLINGS, st.integers(0, 99))
def test_a_row_depends_on_its_own_logits_and_number_alone(
    rows: list[list[float]], sampling: Sampling, seed: int
) -> None:
    logits, numbers = torch.tensor(rows), np.random.default_rng(seed).random(len(rows))
    together = draw(logits, numbers, sampling)
    for row in range(len(rows)):
        alone = draw(logits[row : row + 1], numbers[row : row + 1], sampling)
        assert int(alone[0]) == int(together[0][row])
        assert float(alone[1]) == float(together[1][row])


def test_ties_at_the_cut_off_of_top_k_are_kept() -> None:
    kept = truncate(torch.tensor([[0.2, 0.3, 0.2, 0.1, 0.2]]), Sampling(1, top_k=2))
    assert (kept > 0).tolist() == [[True, True, True, False, True]]


def test_top_p_keeps_the_likeliest_however_small_p_is() -> None:
    kept = truncate(torch.tensor([[0.2, 0.5, 0.3]]), Sampling(1, top_p=1e-6))
    torch.testing.assert_close(kept, torch.tensor([[0.0, 0.5, 0.0]]))
