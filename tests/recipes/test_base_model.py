"""The base and the real data that it is made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from letters import Letters

from pawl.errors import ConfigError
from pawl.interfaces import Trainable
from pawl.models.opening import fresh_policy
from pawl.recipes.base_model import HELD_OUT, encoded, make_base, real_data
from pawl.recipes.settings import Settings
from pawl.records import Demonstration

torch.set_num_threads(1)

TINY: dict[str, Any] = {"tokenizer": "char", "depth": 1, "base_steps": 6, "batch": 8, "max_tokens": 4, "device": "cpu"}


class Library(Letters):
    """Letters with a corpus of one's own."""

    def __init__(self, texts: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.texts = texts

    def corpus(self, count: int, seed: int) -> list[Demonstration]:
        return [Demonstration(*text) for text in self.texts][:count]


class Bare:
    """A task without real text."""

    name = "bare"
    problems, score = Letters.problems, Letters.score


def made(task: Any, **settings: Any) -> tuple[Trainable, dict[str, float]]:
    chosen = Settings(**{**TINY, **settings})
    return make_base(task, real_data(task, chosen), chosen, lambda done, total: None)


def test_a_tenth_at_most_is_held_out_and_the_rest_is_learnt_from() -> None:
    few = Library([(f"{i}", "a") for i in range(45)])
    real = real_data(few, Settings(**TINY))
    assert (len(real.pool), len(real.held_out)) == (41, 4)
    assert [d.prompt for d in real.pool + real.held_out] == [str(i) for i in range(45)]
    many = real_data(Library([(f"{i}", "a") for i in range(5000)]), Settings(**{**TINY, "base_steps": 400}))
    assert (len(many.pool), len(many.held_out)) == (400 * 8, HELD_OUT)


def test_a_text_that_is_held_out_is_never_learnt_however_often_it_comes() -> None:
    again = [("29", "a"), ("3", "a"), ("28", "a"), ("2", "9a"), ("4", "a")] * 2
    texts = [(f"{i}", "a") for i in range(28)] + again
    real = real_data(Library(texts), Settings(**TINY))
    assert [d.prompt for d in real.held_out] == ["27", "29", "28"]
    assert [d.prompt for d in real.pool] == [str(i) for i in range(27)] + ["3", "4"] * 2
    drawn = real_data(Letters(), Settings(**{**TINY, "base_steps": 400}))
    assert drawn.held_out
    assert not {(d.prompt, d.completion) for d in drawn.pool} & {(d.prompt, d.completion) for d in drawn.held_out}


def test_a_corpus_that_repeats_few_texts_is_learnt_whole() -> None:
    real = real_data(Library([("q", "a"), ("q", "b")] * 50), Settings(**TINY))
    assert (len(real.pool), real.held_out) == (100, [])


def test_a_task_without_real_text_has_none() -> None:
    assert real_data(Bare(), Settings(**TINY)).pool == []  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="task 'bare' must have a corpus"):
        made(Bare())


def test_real_text_is_cut_where_the_context_ends() -> None:
    policy = fresh_policy(["abc"], tokenizer="char", depth=1, context=6, seed=0)
    found = encoded(policy, [Demonstration("ab", "cab"), Demonstration("abc", "abcabc"), Demonstration("abcabc", "a")])
    assert [(len(example.tokens), example.prompt_length) for example in found] == [(6, 2), (6, 3)]
    assert found[0].tokens[-1] == policy.tokenizer.eos_id
    assert policy.tokenizer.decode(found[1].tokens) == "abcabc"


def test_the_first_token_of_a_text_without_a_prompt_is_given() -> None:
    policy = fresh_policy(["abc"], tokenizer="char", depth=1, context=6, seed=0)
    found = encoded(policy, [Demonstration("", "ab"), Demonstration("", ""), Demonstration("", "abcabc")])
    assert [(example.prompt_length, policy.tokenizer.decode(example.tokens)) for example in found] == [
        (1, "ab"), (1, "abcabc")]
    assert found[0].tokens[-1] == policy.tokenizer.eos_id and found[0].weights.tolist() == [0, 1, 1]


def test_a_base_has_learnt_its_text_and_says_what_that_told_it() -> None:
    base, metrics = made(Library([("q", "abc")] * 90), base_steps=160)
    (logprobs,) = base.logprobs(*[[tokens] for tokens in base.encode_demonstration(Demonstration("q", "abc"))])
    assert np.exp(logprobs.sum()) > 0.8
    assert metrics["truth_bits_real"] > 0
    # Batches are of nearly equal size, so that most hold fewer than eight.
    assert 160 * 6 * len("qabc.") < metrics["tokens_trained"] <= 160 * 8 * len("qabc.")
    assert metrics["parameters"] == sum(parameter.numel() for _, parameter in base.named_parameters())


def test_a_seed_makes_one_base() -> None:
    first, second, other = (dict(made(Letters(), seed=seed)[0].named_parameters()) for seed in (5, 5, 6))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_the_context_has_room_for_the_longest_text_and_an_answer() -> None:
    assert made(Library([("q", "a" * 300)] * 20))[0].context >= 300 + 4
    assert made(Library([("q", "a" * 5000)] * 20), base_steps=1)[0].context == 1024


def test_a_corpus_of_prompts_that_do_not_fit_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="must be shorter than 1024 tokens"):
        made(Library([("q" * 2000, "a")] * 20))
