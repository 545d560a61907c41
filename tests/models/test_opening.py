"""Where policies come from: fresh ones by their settings, saved ones as they were, and clear words otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pawl.errors import CheckpointError, ConfigError
from pawl.models.opening import device_of, fresh_policy, open_policy
from pawl.models.policy import TransformerPolicy

torch.set_num_threads(1)

TEXTS = ["1+2=3\n", "é\N{SNOWMAN} 40*2=80"] * 4


def fresh(tokenizer: str = "char", *, depth: int = 1, seed: int = 0) -> TransformerPolicy:
    return fresh_policy(TEXTS, tokenizer=tokenizer, depth=depth, context=64, seed=seed)


@pytest.mark.parametrize("tokenizer", ["char", "char-32", "bpe-300"])
def test_a_fresh_policy_reads_and_writes_the_texts_it_was_made_from(tokenizer: str) -> None:
    policy = fresh(tokenizer)
    for text in TEXTS:
        assert policy.tokenizer.decode(policy.encode(text)) == text


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_depth_is_layers_each_32_wide(depth: int) -> None:
    arch = fresh(depth=depth).model.arch
    assert (arch.num_layers, arch.hidden_size) == (depth, 32 * depth)


def test_a_fresh_policy_has_the_context_it_was_given_and_room_for_its_tokens() -> None:
    policy = fresh("bpe-300")
    assert policy.context == 64
    assert policy.tokenizer.vocab_size <= policy.model.arch.vocab_size < policy.tokenizer.vocab_size + 8


def test_a_seed_names_the_weights() -> None:
    first, second, other = (dict(fresh(seed=seed).named_parameters()) for seed in (4, 4, 5))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("tokenizer", ["", "bpe", "word", "bpe-many", "char-x", "bpe-"])
def test_an_unknown_tokenizer_is_refused_in_words(tokenizer: str) -> None:
    with pytest.raises(ConfigError, match="tokenizer must be"):
        fresh(tokenizer)


def test_a_tokenizer_too_small_for_its_texts_is_refused() -> None:
    with pytest.raises(ConfigError, match="vocab_size"):
        fresh("char-5")


def test_a_saved_policy_opens_as_it_was(tmp_path: Path) -> None:
    saved = fresh("bpe-300", depth=2)
    saved.save(tmp_path)
    opened = open_policy(tmp_path)
    tokens = torch.from_numpy(opened.encode(TEXTS[1])).long()[None]
    chosen = torch.ones_like(tokens, dtype=torch.bool)
    for ours, theirs in zip(saved.forward(tokens, chosen), opened.forward(tokens, chosen), strict=True):
        assert torch.equal(ours, theirs)


def test_a_policy_opens_in_the_precision_asked_for(tmp_path: Path) -> None:
    fresh().save(tmp_path)
    opened = open_policy(tmp_path, dtype="bfloat16")
    assert isinstance(opened, TransformerPolicy) and opened.model.precision == torch.bfloat16
    assert {parameter.dtype for _, parameter in opened.named_parameters()} == {torch.float32}
    assert len(opened.evaluate([opened.encode("1+2=")])[0].logprobs) >= opened.encode("1").max()


def test_a_directory_without_a_checkpoint_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json"):
        open_policy(tmp_path)


def test_a_device_is_named_or_found() -> None:
    assert device_of("cpu") == torch.device("cpu")
    assert device_of("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ConfigError, match="got 'abacus'"):
        device_of("abacus")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_device_that_is_not_here_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="got 'cuda'"):
        device_of("cuda")
