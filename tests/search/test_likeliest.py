"""Beam search: the best by exhaustive search where beams hold all, greedy with one, and transformers' own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from pawl.interfaces import Policy
from pawl.models.architecture import small
from pawl.models.policy import TransformerPolicy
from pawl.models.tokenizer import train_tokenizer
from pawl.models.transformer import Transformer, initialise
from pawl.records import Evaluation, IntArray
from pawl.search.likeliest import likeliest

END = 0


class Chain:
    """A policy whose next token depends on the one before alone."""

    def __init__(self, seed: int, size: int = 4) -> None:
        logits = 2 * np.random.default_rng(seed).normal(size=(size, size))
        self.table = (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)

    def evaluate(self, prefixes: Sequence[IntArray]) -> list[Evaluation]:
        return [Evaluation(self.table[prefix[-1]], 0.5) for prefix in prefixes]

    def decode(self, tokens: IntArray) -> str:
        return " ".join(map(str, tokens.tolist()))

    def mean(self, start: int, tokens: Sequence[int]) -> float:
        before = (start, *tokens[:-1])
        return float(np.mean([self.table[one, other] for one, other in zip(before, tokens, strict=True)]))


def every(size: int, room: int) -> list[tuple[int, ...]]:
    """All that ends within the room, or fills it."""
    inner = range(1, size)
    ended = [(*tokens, END) for length in range(room) for tokens in product(inner, repeat=length)]
    return ended + list(product(inner, repeat=room))


@pytest.mark.parametrize("seed", range(6))
def test_beams_that_hold_all_find_the_best_of_all(seed: int) -> None:
    chain, room = Chain(seed), 4
    [found] = likeliest(cast(Policy, chain), [np.array([1])], beams=200, max_tokens=[room], end=END)
    best = max(every(4, room), key=lambda tokens: chain.mean(1, tokens))
    assert tuple(found.tokens.tolist()) == best
    assert found.logprobs.mean() == pytest.approx(chain.mean(1, best), abs=1e-5)
    assert found.finish == ("stop" if best[-1] == END else "length")


@pytest.mark.parametrize("seed", range(4))
def test_one_beam_is_greedy(seed: int) -> None:
    chain = Chain(seed)
    [found] = likeliest(cast(Policy, chain), [np.array([2])], beams=1, max_tokens=[6], end=END)
    expected = list[int]()
    while len(expected) < 6 and END not in expected:
        expected.append(int(chain.table[expected[-1] if expected else 2].argmax()))
    assert found.tokens.tolist() == expected


def test_prefixes_do_not_change_each_other_and_have_room_of_their_own() -> None:
    chain, prefixes, rooms = Chain(3), [np.array([one]) for one in (1, 2, 3, 1)], [5, 1, 3, 2]
    together = likeliest(cast(Policy, chain), prefixes, beams=3, max_tokens=rooms, end=END)
    alone = [likeliest(cast(Policy, chain), [prefix], beams=3, max_tokens=[room], end=END)[0]
             for prefix, room in zip(prefixes, rooms, strict=True)]
    assert [one.tokens.tolist() for one in together] == [one.tokens.tolist() for one in alone]
    assert all(len(one.tokens) <= room for one, room in zip(together, rooms, strict=True))


def test_it_is_the_beam_search_of_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="the peer needs the extra `hf`")
    tokenizer = train_tokenizer("char", ["0123456789+-*/=\n"])
    model = Transformer(small(tokenizer.vocab_size, depth=2, width=64, max_positions=64))
    initialise(model, 3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    policy = TransformerPolicy(model, tokenizer)
    policy.save(tmp_path)
    peer = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    for text in ("1+2=", "7", "12*3-1=", "9"):
        prefix = policy.encode(text)
        [found] = likeliest(policy, [prefix], beams=4, max_tokens=[12], end=tokenizer.eos_id)
        theirs = peer.generate(torch.from_numpy(prefix.astype(np.int64))[None], num_beams=4, max_new_tokens=12,
                               do_sample=False, length_penalty=1.0, early_stopping=False, eos_token_id=tokenizer.eos_id,
                               pad_token_id=tokenizer.eos_id)[0, len(prefix):]
        assert found.tokens.tolist() == theirs[:len(found.tokens)].tolist()
        assert (theirs[len(found.tokens):] == tokenizer.eos_id).all()
