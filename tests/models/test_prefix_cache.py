"""What prefixes share is read once, and nothing that is kept is seen in what is said."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pawl.keys import row_keys
from pawl.models.architecture import small
from pawl.models.prefix_cache import PrefixCache
from pawl.models.sampling import sample
from pawl.models.transformer import Transformer
from pawl.records import Evaluation, IntArray, Sampling

torch.set_num_threads(1)


def make() -> Transformer:
    model, random = Transformer(small(12, depth=2, width=64, max_positions=64)), torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=random) * 0.2
        parameter.data.copy_(noise if parameter.dim() == 2 else parameter + noise)
    return model.requires_grad_(False)


MODEL = make()
EACH = 4 * (2 * 2 * MODEL.arch.num_kv_heads * MODEL.arch.head_dim + MODEL.arch.hidden_size)
"""Bytes of a token: keys and values of two layers, and a hidden state."""

PREFIX = st.lists(st.integers(0, 2), min_size=1, max_size=8).map(lambda tokens: np.array(tokens, np.int32))
"""Of three tokens, so that many begin alike."""
CALLS = st.lists(st.lists(PREFIX, min_size=1, max_size=6), max_size=4)


def cache_of(tokens: int, model: Transformer = MODEL) -> PrefixCache:
    return PrefixCache(model, most_bytes=EACH * tokens)


def beginnings(prefixes: Sequence[IntArray]) -> set[tuple[int, ...]]:
    return {tuple(prefix[:end].tolist()) for prefix in prefixes for end in range(1, len(prefix) + 1)}


def array(*tokens: int) -> IntArray:
    return np.array(tokens, np.int32)


def assert_same_bits(found: Sequence[Evaluation], expected: Sequence[Evaluation]) -> None:
    assert [one.value for one in found] == [one.value for one in expected]
    assert [one.logprobs.tobytes() for one in found] == [one.logprobs.tobytes() for one in expected]


@given(CALLS)
def test_a_call_reads_the_beginnings_that_are_new_each_once(calls: list[list[IntArray]]) -> None:
    cache, known = cache_of(1000), set[tuple[int, ...]]()
    for prefixes in calls:
        for place, count in enumerate(cache.unread(prefixes)):
            assert count == len(beginnings([prefixes[place]]) - beginnings(prefixes[:place]) - known)
        cache.read(prefixes)
        known |= beginnings(prefixes)
        assert cache.unread(prefixes) == [0] * len(prefixes)


@settings(max_examples=40)
@given(CALLS, st.lists(PREFIX, min_size=1, max_size=6), st.integers(1, 60))
def test_neither_neighbours_nor_what_is_kept_change_a_bit_of_an_evaluation(
    calls: list[list[IntArray]], prefixes: list[IntArray], room: int
) -> None:
    cache = cache_of(room)
    for call in calls:
        list(cache.evaluate(call))
    alone = list(chain.from_iterable(cache_of(8).evaluate([prefix]) for prefix in prefixes))
    assert_same_bits(list(cache.evaluate(prefixes)), alone)


@settings(max_examples=25)
@given(CALLS, st.lists(PREFIX, min_size=1, max_size=5))
def test_neither_neighbours_nor_what_is_kept_change_a_bit_of_a_draw(
    calls: list[list[IntArray]], prefixes: list[IntArray]
) -> None:
    def drawn(cache: PrefixCache, places: list[int]) -> list[bytes]:
        groups = sample(MODEL, [prefixes[i] for i in places], 3, sampling=Sampling(6), keys=keys[places],
                        end=frozenset({0}), cache=cache)
        return [row.tokens.tobytes() + row.logprobs.tobytes() for row in chain(*groups)]

    keys, cache = row_keys(5, [str(i) for i in range(len(prefixes))], 3), cache_of(48)
    for call in calls:
        cache.read(call)
    places = list(range(len(prefixes)))
    assert drawn(cache, places) == [row for i in places for row in drawn(cache_of(48), [i])]


def test_an_evaluation_is_that_of_a_full_pass() -> None:
    prefixes = [array(*range(length)) for length in (3, 11, 7)]
    for prefix, found in zip(prefixes, cache_of(100).evaluate(prefixes), strict=True):
        logits, values = MODEL(torch.from_numpy(prefix).long()[None])
        np.testing.assert_allclose(found.logprobs, logits[0, -1].log_softmax(-1), atol=1e-5)
        assert found.value == pytest.approx(float(values[0, -1].sigmoid()), abs=1e-6)


@given(CALLS, st.integers(8, 30))
def test_it_stays_within_its_bytes(calls: list[list[IntArray]], room: int) -> None:
    cache = cache_of(room)
    for call in calls:
        list(cache.evaluate(call))
        assert cache.num_bytes <= EACH * room


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = cache_of(8)
    old, used, new = array(1, 1, 1), array(2, 2, 2), array(3, 3, 3, 3, 3)
    for prefix in (used, old, used, new):
        cache.read([prefix])
    assert cache.unread([used]) == [0] and cache.unread([new]) == [0]
    assert cache.unread([old]) == [3]


def test_what_a_call_cannot_hold_counts_whole_and_is_said_all_the_same() -> None:
    prefixes = [array(1, 2, 3, tail) for tail in range(8)]
    cache = cache_of(10)
    assert cache.unread(prefixes) == [4] * 8
    assert_same_bits(list(cache.evaluate(prefixes)), list(cache_of(100).evaluate(prefixes)))


def test_a_prefix_longer_than_the_room_is_read_too() -> None:
    (found,), (expected,) = cache_of(2).evaluate([array(*range(9))]), cache_of(100).evaluate([array(*range(9))])
    assert_same_bits([found], [expected])


@pytest.mark.parametrize("name", ["embed.weight", "blocks.1.mlp.down.weight", "value_head.bias"])
def test_nothing_that_other_weights_computed_is_used(name: str) -> None:
    model = make()
    cache, prefixes = cache_of(100, model), [array(1, 2, 3), array(1, 2, 5)]
    before = list(cache.evaluate(prefixes))
    with torch.no_grad():
        model.get_parameter(name).mul_(1.5).add_(0.1)
    assert cache.unread(prefixes) == [3, 1]
    after = list(cache.evaluate(prefixes))
    assert_same_bits(after, list(cache_of(100, model).evaluate(prefixes)))
    assert [one.value for one in after] != [one.value for one in before]


def test_a_call_that_fails_leaves_nothing_half_read() -> None:
    cache = cache_of(100)
    with pytest.raises(IndexError):
        cache.read([array(1, 2), array(1, 99)])  # no such token
    assert cache.unread([array(1, 2)]) == [2]
    assert_same_bits(list(cache.evaluate([array(1, 2)])), list(cache_of(100).evaluate([array(1, 2)])))


def test_an_evaluation_has_the_same_bits_alone_and_among_many() -> None:
    random = np.random.default_rng(1)
    prefixes = [random.integers(12, size=5 + place % 30).astype(np.int32) for place in range(150)]
    among = list(cache_of(10_000).evaluate(prefixes))
    for place in range(0, 150, 7):
        assert_same_bits(list(cache_of(100).evaluate([prefixes[place]])), [among[place]])


def test_threads_share_the_reading_and_not_a_bit_differs() -> None:
    random, found = np.random.default_rng(0), []
    prefixes = [random.integers(12, size=20).astype(np.int32) for _ in range(40)]
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(list(cache_of(1000).evaluate(prefixes)))
    finally:
        torch.set_num_threads(1)
    assert_same_bits(found[1], found[0])
    assert_same_bits(found[2], found[0])
