"""llama.cpp as a peer: it computes what Pawl does, on the same weights, and makes as many tokens."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from pawl.bench.llama_peer import Served, draw, made
from pawl.bench.sampling import VOCABULARY, Load
from pawl.errors import MissingExtraError
from pawl.models.architecture import small
from pawl.models.transformer import Transformer, initialise
from pawl.records import FloatArray, IntArray

torch.set_num_threads(1)

LOAD = Load(prompts=3, completions=2, prompt_tokens=5, new_tokens=4)


@pytest.fixture
def model() -> Transformer:
    """Its weights are larger than fresh ones, so that attention and positions show in the logits."""
    pytest.importorskip("llama_cpp", reason="the peer is llama-cpp-python")
    pytest.importorskip("gguf", reason="gguf writes the weights that llama.cpp opens")
    return larger()


def larger() -> Transformer:
    model = Transformer(small(VOCABULARY, depth=2, width=64, max_positions=32))
    initialise(model, seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(6 if parameter.dim() > 1 else 1)
    return model


def expected(model: Transformer, texts: IntArray) -> FloatArray:
    """Logits [B, V] after texts [B, T]."""
    with torch.inference_mode():
        return np.asarray(model(torch.from_numpy(texts).long())[0][:, -1])


def distance(found: FloatArray, wanted: FloatArray) -> float:
    """The largest difference, as a part of the largest logit."""
    return float(abs(found - wanted).max() / abs(wanted).max())


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-2), (torch.bfloat16, 5e-2)])
def test_logits_after_a_prompt_are_ours(model: Transformer, dtype: torch.dtype, tolerance: float) -> None:
    found = Served(model, LOAD, dtype, prompts=3).read(LOAD.texts())
    assert distance(found, expected(model, LOAD.texts())) < tolerance


def test_each_completion_goes_on_from_its_prompt(model: Transformer) -> None:
    served, tokens = Served(model, LOAD, torch.float32, prompts=3), np.arange(10, 16, dtype=np.int32)
    served.read(LOAD.texts())
    texts = np.concatenate((np.tile(LOAD.texts(), (2, 1)), tokens[:, None]), axis=1)
    assert distance(served.step(tokens, place=5), expected(model, texts)) < 1e-2


def test_a_group_smaller_than_the_room_made_for_it_is_read_alike(model: Transformer) -> None:
    served, one = Served(model, LOAD, torch.float32, prompts=3), LOAD.texts()[2:]
    served.read(LOAD.texts())
    assert distance(served.read(one), expected(model, one)) < 1e-2


@pytest.mark.parametrize("prompts", [3, 130])
def test_it_makes_the_tokens_asked_for(model: Transformer, prompts: int) -> None:
    load = Load(prompts=prompts, completions=2, prompt_tokens=5, new_tokens=4)
    assert made(model, load, torch.float32)() == load.tokens == prompts * 2 * 4


def test_tokens_are_drawn_by_their_probabilities() -> None:
    wanted = np.array([0.1, 0.2, 0.7])
    tokens = draw(np.tile(np.log(wanted).astype(np.float32), (10_000, 1)), np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(tokens) / 10_000, wanted, atol=0.02)


def test_without_it_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llama_cpp", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pawl\[llama\]'"):
        made(larger(), LOAD, torch.float32)
