"""A block that learns as one operation, against the same block by modules in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

import pawl.models.block_gradient
from pawl.models.architecture import Architecture, small
from pawl.models.block_gradient import takes
from pawl.models.transformer import Transformer, initialise

torch.set_num_threads(1)

PLAIN = small(40, depth=2, width=64, max_positions=64)
GROUPED = replace(PLAIN, num_heads=4, num_kv_heads=2, head_dim=32, tie_embeddings=False)
Gradients = dict[str, Tensor]


def make(arch: Architecture) -> Transformer:
    model, random = Transformer(arch), torch.Generator().manual_seed(0)
    initialise(model, 0)
    for parameter in model.parameters():
        parameter.data.add_(torch.randn(parameter.shape, generator=random), alpha=0.1)
    return model


def learnt(model: Transformer, tokens: Tensor, chosen: Tensor) -> tuple[Tensor, Gradients]:
    """Hidden states of the chosen positions, and gradients of all parameters."""
    model.zero_grad()
    hidden = model.hidden(tokens, chosen)
    slopes = torch.randn(hidden.shape, generator=torch.Generator().manual_seed(1)).to(hidden.dtype)
    (hidden * slopes).sum().backward()
    return hidden.detach(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def some(rows: int = 3, length: int = 21) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(2)
    return (torch.randint(0, 40, (rows, length), generator=random),
            torch.rand(rows, length, generator=random) > 0.4)


@pytest.mark.parametrize("arch", [PLAIN, GROUPED], ids=["plain", "grouped"])
@pytest.mark.parametrize("threads", [1, 2])
def test_it_is_the_block_by_modules_in_float64(arch: Architecture, threads: int) -> None:
    model = make(arch)
    torch.set_num_threads(threads)
    hidden, found = learnt(model, *some())
    torch.set_num_threads(1)
    expected_hidden, expected = learnt(model.double(), *some())
    torch.testing.assert_close(hidden.double(), expected_hidden, rtol=1e-4, atol=1e-4)
    assert found.keys() == expected.keys()
    for name, part in expected.items():
        torch.testing.assert_close(found[name].double(), part, rtol=1e-3, atol=1e-3 * float(part.abs().max()))


def test_in_bfloat16_the_gradient_points_the_same_way() -> None:
    model = make(GROUPED)
    _, expected = learnt(model, *some())
    model.precision = torch.bfloat16
    _, found = learnt(model, *some())
    for name, part in expected.items():
        assert found[name].dtype == torch.float32
        assert torch.cosine_similarity(found[name].flatten(), part.flatten(), dim=0) > 0.99


def test_products_in_bfloat16_are_of_few_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of which is made once; in float32, where nothing is made, no row is added."""
    sizes: set[int] = set()

    def mm(a: Tensor, b: Tensor) -> Tensor:
        sizes.add(len(a))
        return a @ b

    monkeypatch.setattr(pawl.models.block_gradient.torch, "mm", mm)
    model = make(PLAIN)
    for precision, expected in ((torch.float32, range(65, 129)), (torch.bfloat16, range(72, 129, 8))):
        sizes.clear()
        model.precision = precision
        for length in range(65, 129):
            learnt(model, *(torch.ones(1, length, dtype=torch.int64), torch.ones(1, length, dtype=torch.bool)))
        assert sizes == set(expected)


def test_it_is_what_is_read_where_nothing_is_learnt() -> None:
    model, (tokens, chosen) = make(PLAIN), some()
    with torch.no_grad():
        plain = model.hidden(tokens, chosen)
    torch.testing.assert_close(model.hidden(tokens, chosen).detach(), plain, rtol=1e-5, atol=1e-5)


def test_a_gradient_can_be_taken_twice() -> None:
    """Nothing that is kept is written to."""
    model, (tokens, chosen) = make(PLAIN), some()
    total, parameters = model.hidden(tokens, chosen).square().sum(), list(model.blocks.parameters())
    once = torch.autograd.grad(total, parameters, retain_graph=True)
    again = torch.autograd.grad(total, parameters)
    assert all(map(torch.equal, once, again))


@pytest.mark.parametrize("change", [{"qkv_bias": True}, {"out_bias": True}, {"mlp_bias": True}, {"qk_norm": True},
                                    {"intermediate_size": 100}, {"head_dim": 8}], ids=lambda change: next(iter(change)))
def test_modules_do_what_it_does_not_cover(change: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    learn: Callable[..., Tensor] = pawl.models.block_gradient.learn_block
    monkeypatch.setattr(pawl.models.block_gradient, "learn_block", lambda *given: calls.append(given) or learn(*given))
    for arch, expected in ((PLAIN, PLAIN.num_layers), (replace(PLAIN, **change), 0)):
        calls.clear()
        _, gradients = learnt(make(arch), *some())
        assert len(calls) == expected
        assert all(part.any() for part in gradients.values())


def test_it_is_for_float32_on_a_cpu_where_a_gradient_is_wanted() -> None:
    x = torch.zeros(2, 3, 64)
    assert takes(PLAIN, x)
    assert not takes(PLAIN, x.double()) and not takes(PLAIN, x.to("meta"))
    with torch.no_grad():
        assert not takes(PLAIN, x)
