"""Compiled attention, against the softmax written out in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from pawl.models import attention
from pawl.models.vectors import LANES

torch.set_num_threads(1)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_it_serves_on_a_cpu_where_heads_fill_vectors_and_nothing_is_learnt() -> None:
    heads = random(2, LANES)
    assert attention.serve(heads)
    assert attention.serve(heads.bfloat16())
    assert not attention.serve(heads.double())
    assert not attention.serve(random(2, LANES + 8))
    assert not attention.serve(torch.empty(2, LANES, device="meta"))
    assert not attention.serve(heads.requires_grad_())
    with torch.no_grad():
        assert attention.serve(heads)


@pytest.mark.parametrize("length", [1, LANES, LANES + 3])
def test_keys_in_blocks_stand_beside_those_of_the_tokens_after_them(length: int) -> None:
    keys = random(2, 3, length, 4)
    blocks = attention.in_blocks(keys)
    assert blocks.shape == (2, 3, -(-length // LANES), 4, LANES)
    for token in range(length):
        assert torch.equal(blocks[:, :, token // LANES, :, token % LANES], keys[:, :, token])


@pytest.mark.parametrize(("heads", "groups"), [(4, 4), (4, 2), (3, 1)])
@pytest.mark.parametrize("size", [16, 32, 48])
def test_attention_gathers_what_the_softmax_says_and_fills_the_cache(heads: int, groups: int, size: int) -> None:
    prompts, count, width, room, step = 3, 2, 5, 6, 3
    lengths = torch.tensor([5, 1, 3])
    rows = prompts * count
    turned, new_values = random(rows, heads + 2 * groups, size).split((heads + groups, groups), dim=1)
    prompt_keys, prompt_values = (random(prompts, groups, width, size, seed=seed) for seed in (2, 3))
    keys, values = (random(prompts, groups, room, count, size, seed=seed) for seed in (4, 5))
    angles = random(16, size // 2, seed=6).double()
    rotations = torch.polar(torch.ones_like(angles), angles)
    before = keys.clone(), values.clone()
    found = attention.attend_newest(
        torch.cat((turned, new_values), dim=1), rotations.to(torch.complex64), lengths,
        attention.in_blocks(prompt_keys), prompt_values, keys, values, step).view(rows, heads, size)
    for row in range(rows):
        prompt, completion = divmod(row, count)
        length = int(lengths[prompt])
        pairs = torch.view_as_complex(turned[row].double().view(-1, size // 2, 2)) * rotations[length + step]
        exact = torch.view_as_real(pairs).flatten(1)
        for head in range(heads):
            group = head * groups // heads
            torch.testing.assert_close(keys[prompt, group, step, completion].double(), exact[heads + group],
                                       rtol=1e-5, atol=1e-6)
            assert torch.equal(values[prompt, group, step, completion], new_values[row, group])
            seen = [torch.cat((shared[prompt, group, :length], own[prompt, group, : step + 1, completion])).double()
                    for shared, own in ((prompt_keys, keys), (prompt_values, values))]
            weights = (seen[0] @ exact[head] / size**0.5).softmax(0)
            torch.testing.assert_close(found[row, head].double(), weights @ seen[1], rtol=1e-5, atol=1e-6)
    others = [place for place in range(room) if place != step]
    assert torch.equal(keys[:, :, others], before[0][:, :, others])
    assert torch.equal(values[:, :, others], before[1][:, :, others])


@pytest.mark.parametrize(("heads", "groups"), [(4, 4), (4, 2), (3, 1)])
@pytest.mark.parametrize("size", [16, 32, 48])
def test_attention_along_paths_gathers_what_the_softmax_says(heads: int, groups: int, size: int) -> None:
    """Two pieces that go on from slots 5 and 0, the second from what the first one adds, and a row of padding."""
    paths, starts, lengths = torch.tensor([[5, 0, 7, 2], [5, 0, 7, 3]]), torch.tensor([2, 3]), torch.tensor([4, 4])
    rows, slots = [(0, 2), (0, 3), (1, 3)], 9
    turned, new_values = random(len(rows) + 1, heads + 2 * groups, size).split((heads + groups, groups), dim=1)
    keys, values = (random(slots, groups, size, seed=seed) for seed in (2, 3))
    angles = random(4, size // 2, seed=4).double()
    rotations = torch.polar(torch.ones_like(angles), angles)
    before = keys.clone(), values.clone()
    found = attention.attend_paths(torch.cat((turned, new_values), dim=1), rotations.to(torch.complex64), paths,
                                   starts, lengths, keys, values).view(-1, heads, size)
    for row, (piece, place) in enumerate(rows):
        pairs = torch.view_as_complex(turned[row].double().view(-1, size // 2, 2)) * rotations[place]
        exact, seen = torch.view_as_real(pairs).flatten(1), paths[piece, : place + 1]
        torch.testing.assert_close(keys[paths[piece, place]].double(), exact[heads:], rtol=1e-5, atol=1e-6)
        assert torch.equal(values[paths[piece, place]], new_values[row])
        for head in range(heads):
            group = head * groups // heads
            weights = (keys[seen, group].double() @ exact[head] / size**0.5).softmax(0)
            torch.testing.assert_close(found[row, head].double(), weights @ values[seen, group].double(), rtol=1e-5,
                                       atol=1e-6)
    others = [slot for slot in range(slots) if slot not in (7, 2, 3)]
    assert torch.equal(keys[others], before[0][others]) and torch.equal(values[others], before[1][others])
    assert not found[-1].any()


@pytest.mark.parametrize(("heads", "groups"), [(4, 4), (4, 2), (3, 1)])
@pytest.mark.parametrize("length", [1, 5, LANES, 2 * LANES + 5])
def test_attention_over_whole_sequences_gathers_what_the_softmax_says(heads: int, groups: int, length: int) -> None:
    rows, size = 2, 32
    given = random(rows, length, heads + 2 * groups, size)
    angles = random(length, size // 2, seed=4).double()
    rotations = torch.polar(torch.ones_like(angles), angles)
    found, keys, values = attention.attend_whole(given, rotations.to(torch.complex64), groups)
    pairs = torch.view_as_complex(given[:, :, : heads + groups].double().unflatten(-1, (-1, 2)))
    turned = torch.view_as_real(pairs * rotations[:, None]).flatten(-2)
    torch.testing.assert_close(keys.double(), turned[:, :, heads:], rtol=1e-5, atol=1e-6)
    assert torch.equal(values, given[:, :, heads + groups :])
    for head in range(heads):
        group = heads + head * groups // heads
        scores = turned[:, :, head] @ turned[:, :, group].mT / size**0.5
        weights = scores.masked_fill(torch.ones(length, length).triu(1).bool(), float("-inf")).softmax(-1)
        expected = weights @ given[:, :, group + groups].double()
        torch.testing.assert_close(found.view(rows, length, heads, size)[:, :, head].double(), expected, rtol=1e-5,
                                   atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_a_token_does_not_see_those_after_it(scale: float) -> None:
    """To the bit, whatever the length of the sequence."""
    given, rotations = scale * random(1, LANES + 4, 3, 16), torch.ones(LANES + 4, 8, dtype=torch.complex64)
    whole, _, _ = attention.attend_whole(given, rotations, 1)
    for length in (1, 7, LANES, LANES + 1):
        part, _, _ = attention.attend_whole(given[:, :length], rotations[:length], 1)
        assert torch.equal(part, whole[:, :length])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_a_completion_gathers_does_not_depend_on_how_many_there_are(dtype: torch.dtype) -> None:
    """To the bit: four queries that read keys together round as one by itself."""
    prompts, count, width, size, step = 2, 6, 21, 32, 2
    heads, lengths = random(prompts, count, 3, size).to(dtype), torch.tensor([21, 17])
    prompt_keys, prompt_values = (random(prompts, 1, width, size, seed=seed).to(dtype) for seed in (1, 2))
    keys, values = (random(prompts, 1, 3, count, size, seed=seed).to(dtype) for seed in (3, 4))
    blocks, rotations = attention.in_blocks(prompt_keys), torch.ones(24, size // 2, dtype=torch.complex64)

    def gathered(chosen: list[int]) -> Tensor:
        own = (part[:, :, :, chosen].clone() for part in (keys, values))
        of_rows = heads[:, chosen].flatten(0, 1)
        found = attention.attend_newest(of_rows, rotations, lengths, blocks, prompt_values, *own, step)
        return found.view(prompts, len(chosen), size)

    whole = gathered(list(range(count)))
    for chosen in ([0], [5, 2], [1, 3, 4], [5, 4, 3, 2, 1]):
        assert torch.equal(gathered(chosen), whole[:, chosen])


def test_what_is_no_number_stays_none() -> None:
    heads = random(1, 3, 3, 16)
    heads[0, 1, 0, 5] = float("nan")
    found, _, _ = attention.attend_whole(heads, torch.ones(3, 8, dtype=torch.complex64), 1)
    assert found.isnan().any(-1).tolist() == [[False, True, False]]
