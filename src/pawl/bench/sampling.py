"""Sampling against transformers' `generate`, on the same weights, in one run, turn about.

64 prompts of 24 tokens, 8 completions each of 24 new tokens, at temperature 1 over the whole vocabulary. Pawl also
gives back log-probabilities; `generate` is not asked for any. Both forward the tokens in float32 on the threads that
torch uses by default.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pawl.errors import MissingExtraError
from pawl.keys import row_keys
from pawl.models.architecture import small
from pawl.models.checkpoint import save_checkpoint
from pawl.models.sampling import sample
from pawl.models.tokenizer import train_tokenizer
from pawl.models.transformer import Transformer, initialise
from pawl.records import Sampling

PROMPTS, COMPLETIONS, PROMPT_TOKENS, NEW_TOKENS, VOCABULARY = 64, 8, 24, 24, 512
SIZES = {"0.8M": (4, 128), "5M": (6, 256)}
"""Layers and width."""


def run(repeats: int = 7) -> list[dict[str, Any]]:
    """A row for each size: tokens per second over transformers' (median, and the range over the pairs)."""
    try:
        from transformers import AutoModelForCausalLM
    except ModuleNotFoundError as error:
        raise MissingExtraError("pawl bench sampling", "bench") from error
    rows = []
    for name, (depth, width) in SIZES.items():
        model = Transformer(small(VOCABULARY, depth=depth, width=width, max_positions=256))
        initialise(model, seed=0)
        with tempfile.TemporaryDirectory() as directory:
            save_checkpoint(Path(directory), model, train_tokenizer("char", ["abc"]))
            peer = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
        ours, theirs = _ours(model), _theirs(peer)
        pairs = np.array([(_seconds(theirs), _seconds(ours)) for _ in range(repeats + 1)])[1:]
        ratios, speeds = pairs[:, 0] / pairs[:, 1], PROMPTS * COMPLETIONS * NEW_TOKENS / np.median(pairs, axis=0)
        rows.append({
            "name": "sampling", "size": name, "peer": "transformers generate", "ratio": float(np.median(ratios)),
            "low": float(ratios.min()), "high": float(ratios.max()), "unit": "tokens per second, Pawl over peer",
            "pawl": float(speeds[1]), "theirs": float(speeds[0]), "repeats": repeats,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
        })
    return rows


def _prompts() -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.random.default_rng(0).integers(3, VOCABULARY, (PROMPTS, PROMPT_TOKENS)).astype(np.int32)


def _ours(model: Transformer) -> Callable[[], int]:
    prompts = list(_prompts())
    keys = row_keys(0, [str(i) for i in range(PROMPTS)], COMPLETIONS)

    def work() -> int:
        rows = sample(model, prompts, COMPLETIONS, sampling=Sampling(NEW_TOKENS), keys=keys, end=frozenset())
        return sum(len(row.tokens) for group in rows for row in group)

    return work


def _theirs(peer: Any) -> Callable[[], int]:
    prompts = torch.from_numpy(_prompts()).long()

    def work() -> int:
        with torch.inference_mode():
            output = peer.generate(
                prompts, attention_mask=torch.ones_like(prompts), do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                num_return_sequences=COMPLETIONS, min_new_tokens=NEW_TOKENS, max_new_tokens=NEW_TOKENS,
                pad_token_id=0, eos_token_id=None,
            )
        return int(output[:, PROMPT_TOKENS:].numel())

    return work


def _seconds(work: Callable[[], int]) -> float:
    started = time.perf_counter()
    tokens = work()
    elapsed = time.perf_counter() - started
    assert tokens == PROMPTS * COMPLETIONS * NEW_TOKENS
    return elapsed
