"""The transformer's promises that need no other implementation: causality, padding, rotary tables, fresh weights."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from pawl.models.architecture import Architecture, small
from pawl.models.transformer import RMSNorm, Transformer, initialise

torch.set_num_threads(1)

PLAIN = small(20, depth=2, width=64, max_positions=1024)
ARCHITECTURES = [
    PLAIN,
    replace(PLAIN, num_heads=4, num_kv_heads=2, head_dim=16, tie_embeddings=False),
    replace(PLAIN, family="qwen3", qk_norm=True),
    replace(PLAIN, family="qwen2", qkv_bias=True),
]
TOKENS = torch.arange(3 * 11).reshape(3, 11) * 7 % 20


def make(arch: Architecture, seed: int = 3) -> Transformer:
    model, random = Transformer(arch), torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=random) * 0.2
        parameter.data.copy_(noise if parameter.dim() == 2 else parameter + noise)
    return model


@pytest.fixture(params=ARCHITECTURES, ids=["plain", "grouped and untied", "normed", "biased"])
def model(request: pytest.FixtureRequest) -> Transformer:
    return make(request.param).requires_grad_(False)


def test_logits_and_values_have_a_place_for_every_token(model: Transformer) -> None:
    logits, values = model(TOKENS)
    assert logits.shape == (3, 11, 20)
    assert values.shape == (3, 11)


def test_a_token_changes_nothing_before_it(model: Transformer) -> None:
    changed = TOKENS.clone()
    changed[:, 6] = (changed[:, 6] + 1) % 20
    before, after = model(TOKENS), model(changed)
    for ours, theirs in zip(before, after, strict=True):
        torch.testing.assert_close(ours[:, :6], theirs[:, :6])
        assert not torch.allclose(ours[:, 6:], theirs[:, 6:])


def test_padding_on_the_right_changes_nothing(model: Transformer) -> None:
    padded = torch.cat((TOKENS, torch.zeros(3, 5, dtype=torch.long)), dim=1)
    for ours, theirs in zip(model(TOKENS), model(padded), strict=True):
        torch.testing.assert_close(ours, theirs[:, :11], atol=1e-5, rtol=1e-5)


def test_the_order_of_tokens_matters(model: Transformer) -> None:
    swapped = TOKENS[:, [1, 0, *range(2, 11)]]
    assert not torch.allclose(model(TOKENS)[0][:, -1], model(swapped)[0][:, -1])


def test_one_layer_of_equal_tokens_sees_only_distances() -> None:
    """Rotary positions are relative: behind any number of equal tokens a single layer sees the same."""
    model = make(replace(PLAIN, num_layers=1)).requires_grad_(False)
    logits, _ = model(torch.full((1, 9), 4))
    torch.testing.assert_close(logits, logits[:, :1].expand_as(logits), atol=1e-5, rtol=1e-5)


def test_rms_norm_is_its_formula() -> None:
    norm, x = RMSNorm(4, epsilon=0.5), torch.tensor([[1.0, -2.0, 3.0, 0.0]])
    norm.weight.data = torch.tensor([1.0, 2.0, 0.5, 1.0])
    expected = x / (14 / 4 + 0.5) ** 0.5 * norm.weight
    torch.testing.assert_close(norm(x), expected)


def test_a_rotary_table_first_needed_without_gradients_serves_training() -> None:
    model = make(PLAIN)
    with torch.inference_mode():
        model(torch.zeros(1, 300, dtype=torch.long))
    model(torch.zeros(1, 300, dtype=torch.long))[0].sum().backward()
    assert model.embed.weight.grad is not None


def test_a_short_text_before_a_long_one_changes_neither() -> None:
    fresh, used, long = make(PLAIN), make(PLAIN), torch.arange(600)[None] % 20
    with torch.no_grad():
        used(long[:, :3])
        torch.testing.assert_close(used(long)[0], fresh(long)[0])
        torch.testing.assert_close(used(long[:, :3])[0], fresh(long[:, :3])[0])


def test_fresh_weights_are_named_by_their_seed() -> None:
    first, second, other = Transformer(PLAIN), Transformer(PLAIN), Transformer(PLAIN)
    for model, seed in ((first, 1), (second, 1), (other, 2)):
        initialise(model, seed)
    pairs = list(zip(first.parameters(), second.parameters(), strict=True))
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)
    assert not torch.equal(first.embed.weight, other.embed.weight)


def test_fresh_weights_leave_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    initialise(Transformer(PLAIN).to("cpu"), 1)
    state = torch.get_rng_state()
    torch.set_rng_state(before)
    model = Transformer(PLAIN)  # torch's own modules draw when made; `initialise` must draw nothing more
    assert torch.equal(torch.get_rng_state(), state)
    assert model.arch == PLAIN


def test_a_fresh_model_is_nearly_undecided_and_values_everything_at_a_half() -> None:
    model = Transformer(PLAIN)
    initialise(model, 1)
    with torch.no_grad():
        logits, values = model(TOKENS)
    entropy = torch.distributions.Categorical(logits=logits).entropy()
    assert float(entropy.min()) > 0.9 * math.log(20)
    assert torch.equal(values.sigmoid(), torch.full_like(values, 0.5))
