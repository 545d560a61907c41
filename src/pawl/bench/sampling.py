"""Sampling against transformers' `generate` and llama.cpp, on the same weights and in the same precision, in one run,
turn about.

64 prompts of 24 tokens, 8 completions each of 24 new tokens, at temperature 1 over the whole vocabulary, on the threads
that torch uses by default. Pawl also gives back log-probabilities; `generate` is not asked for any. In bfloat16
transformers and llama.cpp keep their weights in it, Pawl rounds them for each product.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pawl.bench import llama_peer
from pawl.bench.pairs import Work, compared, precisions
from pawl.errors import MissingExtraError
from pawl.keys import row_keys
from pawl.models.architecture import small
from pawl.models.checkpoint import save_checkpoint
from pawl.models.precision import PRECISIONS, precision_of
from pawl.models.sampling import sample
from pawl.models.tokenizer import train_tokenizer
from pawl.models.transformer import Transformer, initialise
from pawl.records import IntArray, Sampling

VOCABULARY = 512
SIZES = {"0.8M": (4, 128), "5M": (6, 256), "30M": (9, 512)}
"""Layers and width."""
CACHES = {"transformers generate": None, "transformers generate, static cache": "static"}
"""The peers: what `generate` keeps keys and values in."""


@dataclass(frozen=True, slots=True)
class Load:
    """What either side is asked to do."""

    prompts: int = 64
    completions: int = 8
    """Of each prompt."""
    prompt_tokens: int = 24
    new_tokens: int = 24
    """Of each completion."""

    @property
    def tokens(self) -> int:
        """New ones, in all."""
        return self.prompts * self.completions * self.new_tokens

    def texts(self) -> IntArray:
        """[prompts, prompt_tokens] tokens, none of them special."""
        shape = self.prompts, self.prompt_tokens
        return np.random.default_rng(0).integers(3, VOCABULARY, shape).astype(np.int32)


FULL = Load()


def run(repeats: int = 5, sizes: Mapping[str, tuple[int, int]] = SIZES, load: Load = FULL,
        dtypes: Sequence[str] = ()) -> list[dict[str, Any]]:
    """A row for each precision, size and peer: tokens per second over the peer's (median, range over the pairs).

    Without `dtypes`: float32, and bfloat16 where the machine has units for it.
    """
    return [
        {"name": "sampling", "size": f"{size} {dtype}", "peer": peer, "unit": "tokens per second, Pawl over peer",
         "parameters": sum(parameter.numel() for parameter in model.parameters())}
        | compared(theirs, ours(model, load), work=load.tokens, repeats=repeats)
        for dtype in dtypes or precisions()
        for size, model in ((size, _model(dtype, *shape)) for size, shape in sizes.items())
        for peer, theirs in _peers(model, dtype, load).items()
    ]


def _model(dtype: str, depth: int, width: int) -> Transformer:
    model = Transformer(small(VOCABULARY, depth=depth, width=width, max_positions=256))
    initialise(model, seed=0)
    model.precision = precision_of(dtype, model.device)
    return model


def _peers(model: Transformer, dtype: str, load: Load) -> dict[str, Work]:
    """Each peer's sampling from the same weights; llama.cpp's, which is built from source, where it is installed.

    Raises MissingExtraError where transformers is not.
    """
    try:
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging
    except ModuleNotFoundError as error:
        raise MissingExtraError("pawl bench sampling", "bench") from error
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as directory:
        save_checkpoint(Path(directory), model, train_tokenizer("char", ["abc"]))
        peer = AutoModelForCausalLM.from_pretrained(directory, dtype=PRECISIONS[dtype]).eval()
    works = {name: generate(peer, load, cache) for name, cache in CACHES.items()}
    try:
        return works | {"llama.cpp": llama_peer.made(model, load, PRECISIONS[dtype])}
    except MissingExtraError:
        return works


def ours(model: Transformer, load: Load) -> Work:
    """Sampling by Pawl, which returns how many tokens it made."""
    prompts = list(load.texts())
    keys = row_keys(0, [str(i) for i in range(load.prompts)], load.completions)

    def work() -> int:
        rows = sample(model, prompts, load.completions, sampling=Sampling(load.new_tokens), keys=keys, end=frozenset())
        return sum(len(row.tokens) for group in rows for row in group)

    return work


def generate(peer: Any, load: Load, cache: str | None) -> Work:
    """Sampling by transformers, which returns how many tokens it made."""
    prompts = torch.from_numpy(load.texts()).long()

    def work() -> int:
        with torch.inference_mode():
            output = peer.generate(
                prompts, attention_mask=torch.ones_like(prompts), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                num_return_sequences=load.completions, min_new_tokens=load.new_tokens, max_new_tokens=load.new_tokens,
                pad_token_id=0, eos_token_id=None, cache_implementation=cache,
            )
        return int(output[:, load.prompt_tokens :].numel())

    return work
