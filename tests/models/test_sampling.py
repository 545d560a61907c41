"""Sampling with a cache, against a plain loop that reads every sequence from its start, a row at a time."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pawl.keys import row_keys, uniforms
from pawl.models.architecture import Architecture, small
from pawl.models.sampling import ROWS, Row, sample
from pawl.models.transformer import Transformer
from pawl.records import IntArray, KeyArray, Sampling

torch.set_num_threads(1)

VOCABULARY = 24
END = frozenset({3, 17})
PLAIN = small(VOCABULARY, depth=2, width=64, max_positions=128)
ARCHITECTURES = {
    "plain": PLAIN,
    "grouped queries": replace(PLAIN, num_heads=4, num_kv_heads=2, head_dim=16),
    "one key head": replace(PLAIN, num_heads=3, num_kv_heads=1, head_dim=8),
    "untied": replace(PLAIN, tie_embeddings=False),
    "query and key norms": replace(PLAIN, family="qwen3", qk_norm=True),
    "biases": replace(PLAIN, family="qwen2", qkv_bias=True),
}
LENGTHS = [1, 5, 40, 16, 17, 5]
"""Of prompts: some share a grid, some do not."""


def make(arch: Architecture) -> Transformer:
    """Random weights, large enough that every step has its favourites, small enough that none is certain."""
    model, random = Transformer(arch), torch.Generator().manual_seed(5)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=random) * 0.2
        parameter.data.copy_(noise if parameter.dim() == 2 else parameter + noise)
    return model.requires_grad_(False)


def prompts_of(lengths: list[int], seed: int = 1) -> list[IntArray]:
    random = np.random.default_rng(seed)
    return [random.integers(VOCABULARY, size=length).astype(np.int32) for length in lengths]


def keys_of(prompts: int, count: int, seed: int = 7) -> KeyArray:
    return row_keys(seed, [str(i) for i in range(prompts)], count)


def plain_loop(model: Transformer, prompt: IntArray, key: KeyArray, sampling: Sampling) -> Row:
    """One completion without a cache, drawn in numpy by the inverse of the distribution function."""
    tokens, logprobs = list(prompt), []
    for step in range(sampling.max_tokens):
        logits = model(torch.tensor([tokens]))[0][0, -1].double().numpy()
        scaled = np.exp(logits / (sampling.temperature or 1.0))
        if sampling.top_k:
            scaled[scaled < np.sort(scaled)[-sampling.top_k]] = 0
        edges = np.cumsum(scaled / scaled.sum())
        drawn = np.searchsorted(edges, uniforms(key, step), side="right") if sampling.temperature else logits.argmax()
        tokens.append(int(drawn))
        logprobs.append(logits[drawn] - np.log(np.exp(logits).sum()))
        if drawn in END:
            break
    ends = tokens[-1] in END
    return Row(np.array(tokens[len(prompt) :], np.int32), np.array(logprobs, np.float32), "stop" if ends else "length")


def assert_same(ours: Row, theirs: Row) -> None:
    assert ours.tokens.tolist() == theirs.tokens.tolist()
    assert ours.finish == theirs.finish
    np.testing.assert_allclose(ours.logprobs, theirs.logprobs, atol=2e-5)


@pytest.fixture(scope="module")
def model() -> Transformer:
    return make(PLAIN)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize(
    "sampling", [Sampling(14), Sampling(14, temperature=0.6, top_k=7), Sampling(14, temperature=0)])
def test_tokens_are_those_of_a_plain_loop_without_a_cache(name: str, sampling: Sampling) -> None:
    model, prompts, keys = make(ARCHITECTURES[name]), prompts_of(LENGTHS), keys_of(len(LENGTHS), 3)
    groups = sample(model, prompts, 3, sampling=sampling, keys=keys, end=END)
    for prompt, group, row_key in zip(prompts, groups, keys, strict=True):
        for ours, key in zip(group, row_key, strict=True):
            assert_same(ours, plain_loop(model, prompt, key, sampling))


def test_rows_of_the_test_above_finish_at_many_different_steps(model: Transformer) -> None:
    groups = sample(model, prompts_of(LENGTHS), 3, sampling=Sampling(14), keys=keys_of(len(LENGTHS), 3), end=END)
    assert len({len(row.tokens) for row in chain(*groups)}) > 5
    assert {row.finish for row in chain(*groups)} == {"stop", "length"}


def test_logprobs_are_those_of_a_full_forward_pass(model: Transformer) -> None:
    prompts = prompts_of(LENGTHS)
    groups = sample(model, prompts, 4, sampling=Sampling(20, temperature=1.5, top_p=0.9),
                    keys=keys_of(len(LENGTHS), 4), end=END)
    for prompt, group in zip(prompts, groups, strict=True):
        for row in group:
            whole = torch.from_numpy(np.concatenate((prompt, row.tokens))).long()
            logprobs = model(whole[None])[0][0].log_softmax(-1)
            expected = logprobs[len(prompt) - 1 : -1].gather(-1, whole[len(prompt) :, None])[:, 0]
            np.testing.assert_allclose(row.logprobs, expected.numpy(), atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(len(LENGTHS))), st.integers(1, len(LENGTHS)), st.integers(1, 4), st.integers(0, 5))
def test_a_row_does_not_change_with_its_neighbours_their_number_or_order(
    order: list[int], chosen: int, count: int, extra: int
) -> None:
    model, prompts, keys = make(PLAIN), prompts_of(LENGTHS), keys_of(len(LENGTHS), 4)
    whole = sample(model, prompts, 4, sampling=Sampling(10), keys=keys, end=END)
    strangers, places = prompts_of([9] * extra, seed=2), order[:chosen]
    groups = sample(model, [*[prompts[i] for i in places], *strangers], count, sampling=Sampling(10),
                    keys=np.concatenate((keys[places, :count], keys_of(extra, count, seed=8))), end=END)
    for place, group in zip(places, groups, strict=False):
        for ours, theirs in zip(group, whole[place], strict=False):
            assert_same(ours, theirs)


@pytest.mark.parametrize("name", ["plain", "grouped queries", "query and key norms"])
@pytest.mark.parametrize("end", [END, frozenset({-1})], ids=["rows leave", "no row leaves"])
def test_a_row_has_the_same_bits_alone_and_among_many(name: str, end: frozenset[int]) -> None:
    model, prompts, keys = make(ARCHITECTURES[name]), prompts_of([4 + i % 40 for i in range(48)]), keys_of(48, 8)
    whole = sample(model, prompts, 8, sampling=Sampling(10), keys=keys, end=end)
    for place in (0, 7, 25, 41):
        for count in (1, 2, 3, 8):
            (alone,) = sample(model, [prompts[place]], count, sampling=Sampling(10), keys=keys[place, None, :count],
                              end=end)
            for ours, theirs in zip(alone, whole[place], strict=False):
                assert ours.tokens.tobytes() == theirs.tokens.tobytes()
                assert ours.logprobs.tobytes() == theirs.logprobs.tobytes()


def test_a_row_has_the_same_bits_however_many_threads_share_the_work(model: Transformer) -> None:
    prompts, keys, found = prompts_of([4 + i % 40 for i in range(40)]), keys_of(40, 6), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(sample(model, prompts, 6, sampling=Sampling(10), keys=keys, end=END))
    finally:
        torch.set_num_threads(1)
    for one, two, three in zip(*map(chain.from_iterable, found), strict=True):
        assert one.tokens.tobytes() == two.tokens.tobytes() == three.tokens.tobytes()
        assert one.logprobs.tobytes() == two.logprobs.tobytes() == three.logprobs.tobytes()


def test_columns_of_keys_are_interchangeable(model: Transformer) -> None:
    prompts, keys = prompts_of([6, 6]), keys_of(2, 5)
    forwards = sample(model, prompts, 5, sampling=Sampling(12), keys=keys, end=END)
    backwards = sample(model, prompts, 5, sampling=Sampling(12), keys=keys[:, ::-1].copy(), end=END)
    for ours, theirs in zip(forwards, backwards, strict=True):
        for row, same in zip(ours, reversed(theirs), strict=True):
            assert_same(row, same)


def test_more_rows_than_a_grid_takes_are_the_rows_one_by_one(model: Transformer) -> None:
    prompts, count = prompts_of([4 + i % 3 for i in range(ROWS // 3 + 5)]), 3
    keys = keys_of(len(prompts), count)
    together = sample(model, prompts, count, sampling=Sampling(8), keys=keys, end=END)
    for place in range(0, len(prompts), 20):
        (alone,) = sample(model, prompts[place : place + 1], count, sampling=Sampling(8), keys=keys[place : place + 1],
                          end=END)
        for ours, theirs in zip(together[place], alone, strict=True):
            assert_same(ours, theirs)


def test_sampling_twice_gives_the_same_bits(model: Transformer) -> None:
    first, second = (
        sample(model, prompts_of(LENGTHS), 3, sampling=Sampling(12), keys=keys_of(len(LENGTHS), 3), end=END)
        for _ in range(2)
    )
    for ours, theirs in zip(chain(*first), chain(*second), strict=True):
        assert ours.tokens.tobytes() == theirs.tokens.tobytes()
        assert ours.logprobs.tobytes() == theirs.logprobs.tobytes()


def test_another_key_is_another_draw(model: Transformer) -> None:
    prompts = prompts_of([5])
    rows = sample(model, prompts * 2, 8, sampling=Sampling(8), keys=keys_of(2, 8), end=END)
    assert len({row.tokens.tobytes() for row in chain(*rows)}) > 12


@pytest.mark.parametrize("max_tokens", [1, 2, 9])
def test_a_row_ends_with_the_end_token_or_at_max_tokens(model: Transformer, max_tokens: int) -> None:
    prompts = prompts_of([3] * 10)
    rows = chain(*sample(model, prompts, 6, sampling=Sampling(max_tokens), keys=keys_of(10, 6), end=END))
    finishes = set()
    for row in rows:
        ends = [token in END for token in row.tokens.tolist()]
        assert not any(ends[:-1])
        assert row.finish == ("stop" if ends[-1] else "length")
        assert row.finish == "stop" or len(row.tokens) == max_tokens
        finishes.add(row.finish)
    assert finishes == {"stop", "length"}


def test_a_stopper_sees_the_row_as_it_grows_and_ends_it(model: Transformer) -> None:
    prompts, keys = prompts_of([3, 8, 30]), keys_of(3, 6)
    free = sample(model, prompts, 6, sampling=Sampling(15), keys=keys, end=END)
    stopped = sample(model, prompts, 6, sampling=Sampling(15), keys=keys, end=END,
                     stopper=lambda tokens: tokens[-1] % 5 == 0)
    cut = 0
    for whole, row in zip(chain(*free), chain(*stopped), strict=True):
        places = np.flatnonzero(whole.tokens % 5 == 0)
        length = min(len(whole.tokens), int(places[0]) + 1 if len(places) else 15)
        assert row.tokens.tolist() == whole.tokens[:length].tolist()
        assert row.finish == ("stop" if len(places) else whole.finish)
        cut += length < len(whole.tokens)
    assert cut


def test_one_completion_of_one_prompt(model: Transformer) -> None:
    (prompt,), key = prompts_of([7]), keys_of(1, 1)
    ((row,),) = sample(model, [prompt], 1, sampling=Sampling(9), keys=key, end=END)
    assert_same(row, plain_loop(model, prompt, key[0, 0], Sampling(9)))


def test_no_prompts_give_no_rows(model: Transformer) -> None:
    assert sample(model, [], 2, sampling=Sampling(4), keys=keys_of(0, 2), end=END) == []


def test_sampling_leaves_the_weights_and_their_gradients_alone() -> None:
    model = make(PLAIN).requires_grad_(True)
    before = [parameter.clone() for parameter in model.parameters()]
    sample(model, prompts_of([4]), 2, sampling=Sampling(4), keys=keys_of(1, 2), end=END)
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())
