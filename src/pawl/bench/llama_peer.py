"""Sampling by llama.cpp, through llama-cpp-python, on the same weights.

A prompt is decoded once. Its cache is copied to the sequences of its other completions, which then go on together, a
token each a call. A token is drawn by numpy, for all rows at once: level with llama.cpp's own sampler, called a row
at a time.

Not covered: architectures other than Llama, biases, scaled positions; quantised weights; end tokens.
"""

from __future__ import annotations

import logging
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pawl.bench.gguf_file import write_gguf
from pawl.bench.pairs import Work
from pawl.errors import MissingExtraError
from pawl.models.transformer import Transformer
from pawl.records import FloatArray, IntArray

if TYPE_CHECKING:  # It calls `made`.
    from pawl.bench.sampling import Load

SEQUENCES = 64
"""That go on at once. llama.cpp takes up to 256; 64 were faster at 0.8M, and no different beyond noise at 5M."""


def made(model: Transformer, load: Load, dtype: torch.dtype) -> Work:
    """Sampling by llama.cpp with matrices in float32 or bfloat16, which returns how many tokens it made.

    Raises MissingExtraError where it is not installed.
    """
    together = min(load.prompts, SEQUENCES // load.completions)
    served = Served(model, load, dtype, prompts=together)
    groups = [load.texts()[start : start + together] for start in range(0, load.prompts, together)]
    rng = np.random.default_rng(0)

    def work() -> int:
        return sum(served.sample(prompts, rng).size for prompts in groups)

    return work


class Served:
    """A model opened by llama.cpp, and a cache with a part for each completion of so many prompts."""

    def __init__(self, model: Transformer, load: Load, dtype: torch.dtype, *, prompts: int) -> None:
        self._api = api = _llama_cpp()
        self._load, self._vocabulary = load, model.arch.vocab_size
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "model.gguf"
            write_gguf(path, model, dtype)
            opened = _open(api, path)
        self._context = api.llama_init_from_model(opened, _settings(api, load, prompts))
        assert self._context, "llama.cpp makes no context"
        self._memory = api.llama_get_memory(self._context)
        self._prompts = _batch(api, np.repeat(np.arange(prompts), load.prompt_tokens))
        self._steps = _batch(api, np.arange(prompts * load.completions))
        weakref.finalize(self, _free, api, opened, self._context, (self._prompts, self._steps))

    def sample(self, prompts: IntArray, rng: np.random.Generator) -> IntArray:
        """New tokens [completions * P, new_tokens] of prompts [P, T]; row i goes on from prompt i modulo P."""
        tokens = np.empty((len(prompts) * self._load.completions, self._load.new_tokens), np.int32)
        tokens[:, 0] = draw(np.tile(self.read(prompts), (self._load.completions, 1)), rng)
        for index in range(1, self._load.new_tokens):
            tokens[:, index] = draw(self.step(tokens[:, index - 1], prompts.shape[1] + index - 1), rng)
        return tokens

    def read(self, prompts: IntArray) -> FloatArray:
        """Logits [P, V] after prompts [P, T]. Sequence i then holds prompt i modulo P."""
        number, length = prompts.shape
        places = np.tile(np.arange(length), number)
        self._api.llama_memory_clear(self._memory, False)
        logits = self._decode(self._prompts, prompts.ravel(), places, places == length - 1)
        for sequence in range(number, number * self._load.completions):
            self._api.llama_memory_seq_cp(self._memory, sequence % number, sequence, -1, -1)
        return logits

    def step(self, tokens: IntArray, place: int) -> FloatArray:
        """Logits [N, V] after one more token [N] in each of the first N sequences, at a place counted from 0."""
        whole = np.ones(len(tokens), np.int32)
        return self._decode(self._steps, tokens, place * whole, whole)

    def _decode(self, batch: Any, tokens: IntArray, places: Any, wanted: Any) -> FloatArray:
        batch.n_tokens = len(tokens)
        for field, values in ((batch.token, tokens), (batch.pos, places), (batch.logits, wanted)):
            np.ctypeslib.as_array(field, (len(tokens),))[:] = values
        code = self._api.llama_decode(self._context, batch)
        assert code == 0, f"llama_decode says {code}"
        shape = np.count_nonzero(wanted), self._vocabulary
        return np.array(np.ctypeslib.as_array(self._api.llama_get_logits(self._context), shape))


def draw(logits: FloatArray, rng: np.random.Generator) -> IntArray:
    """A token [N] of each row's softmax [N, V]: where a uniform number falls in the running total."""
    totals = np.exp(logits - logits.max(axis=1, keepdims=True)).cumsum(axis=1)
    points = rng.random((len(logits), 1), np.float32) * totals[:, -1:]
    tokens: IntArray = np.minimum((totals <= points).sum(axis=1), logits.shape[1] - 1).astype(np.int32)
    return tokens


def _llama_cpp() -> Any:
    """The package, which is quiet from here on."""
    try:
        import gguf  # noqa: F401 -- which writes what llama.cpp opens
        import llama_cpp
    except ModuleNotFoundError as error:
        raise MissingExtraError("llama.cpp as a peer", "llama") from error
    logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)
    llama_cpp.llama_backend_init()
    return llama_cpp


def _open(api: Any, path: Path) -> Any:
    settings = api.llama_model_default_params()
    settings.load_mode = api.LLAMA_LOAD_MODE_NONE  # not mapped: the file goes as soon as it is read
    opened = api.llama_model_load_from_file(str(path).encode(), settings)
    assert opened, "llama.cpp does not open the weights"
    return opened


def _settings(api: Any, load: Load, prompts: int) -> Any:
    """Of a context. The fastest measured at 0.8M, or level with it: flash attention, a cache in half precision (its
    own choice), apart for each sequence, so that none looks at another's. A call's tokens go through together."""
    settings, sequences = api.llama_context_default_params(), prompts * load.completions
    settings.n_seq_max, settings.kv_unified = sequences, False
    settings.n_ctx = sequences * (load.prompt_tokens + load.new_tokens)
    settings.n_batch = settings.n_ubatch = max(sequences, prompts * load.prompt_tokens)
    settings.n_threads = settings.n_threads_batch = torch.get_num_threads()
    settings.flash_attn_type = api.LLAMA_FLASH_ATTN_TYPE_ENABLED
    return settings


def _batch(api: Any, sequences: Any) -> Any:
    """Room for a token of each of the sequences [N]."""
    batch = api.llama_batch_init(len(sequences), 0, 1)
    for index, sequence in enumerate(sequences.tolist()):
        batch.n_seq_id[index], batch.seq_id[index][0] = 1, sequence
    return batch


def _free(api: Any, opened: Any, context: Any, batches: tuple[Any, ...]) -> None:
    for batch in batches:
        api.llama_batch_free(batch)
    api.llama_free(context)
    api.llama_model_free(opened)
