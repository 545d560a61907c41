"""A transformer, its tokenizer and its chat template as a policy that can propose, be asked, and learn."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pawl.models.chat import ChatTemplate, encode_prompt
from pawl.models.checkpoint import save_checkpoint
from pawl.models.precision import in_float32
from pawl.models.prefix_cache import MOST_BYTES, PrefixCache
from pawl.models.sampling import sample
from pawl.models.scoring import before_stop, evaluate, score, stops_now
from pawl.models.tokenizer import Tokenizer
from pawl.models.transformer import Transformer
from pawl.records import (
    Completion,
    Demonstration,
    Evaluation,
    FloatArray,
    IntArray,
    KeyArray,
    Prompt,
    Sampling,
)
from pawl.stages import count as count_tokens


class TransformerPolicy:
    """Implements `Trainable` and `Remembers` with Pawl's own transformer."""

    def __init__(self, model: Transformer, tokenizer: Tokenizer, chat: ChatTemplate | None = None) -> None:
        self.model, self.tokenizer, self.chat = model, tokenizer, chat
        self._cache: PrefixCache | None = None

    @property
    def context(self) -> int:
        return self.model.arch.max_positions

    def encode(self, prompt: Prompt) -> IntArray:
        return encode_prompt(prompt, self.tokenizer, self.chat)

    def encode_demonstration(self, demonstration: Demonstration) -> tuple[IntArray, IntArray]:
        completion = self.tokenizer.encode(demonstration.completion, continues=True)
        return self.encode(demonstration.prompt), np.append(completion, np.int32(self.tokenizer.eos_id))

    def decode(self, tokens: IntArray) -> str:
        return self.tokenizer.decode(tokens)

    def propose(
        self, prefixes: Sequence[IntArray], count: int, *, sampling: Sampling, keys: KeyArray
    ) -> list[list[Completion]]:
        def stops(tokens: IntArray) -> bool:
            return stops_now(tokens, sampling.stop, self.tokenizer)

        cache, rows = self._cache, []
        for part in cache.parts(prefixes) if cache is not None else (slice(None),):
            rows += sample(self.model, prefixes[part], count, sampling=sampling, keys=keys[part], cache=cache,
                           end=frozenset(self.tokenizer.end_ids), stopper=stops if sampling.stop else None)
        count_tokens(self.named_parameters, sampled=sum(len(row.tokens) for group in rows for row in group),
                     read=self._read(prefixes))
        return [
            [Completion(before_stop(self.tokenizer.decode(row.tokens), sampling.stop), row.tokens, row.logprobs,
                        row.finish) for row in group]
            for group in rows
        ]

    @torch.no_grad()
    def evaluate(self, prefixes: Sequence[IntArray]) -> list[Evaluation]:
        count_tokens(self.named_parameters, read=self._read(prefixes))
        if self._cache is not None:
            return list(self._cache.evaluate(prefixes))
        return evaluate(self.forward, prefixes, self.model.device)

    @torch.no_grad()
    def logprobs(self, prefixes: Sequence[IntArray], completions: Sequence[IntArray]) -> list[FloatArray]:
        """In float32, whatever the precision: what was sampled in another is set right by them."""
        count_tokens(self.named_parameters, read=sum(map(len, prefixes)) + sum(map(len, completions)))
        with in_float32(self.model):
            return score(self.forward, prefixes, completions, self.model.device)

    @contextmanager
    def remembering(self, *, most_bytes: int = MOST_BYTES) -> Iterator[None]:
        """Prefixes are kept in `most_bytes` while it is open; within another, that one's bound holds."""
        outer = self._cache
        if outer is None:
            self._cache = PrefixCache(self.model, most_bytes=most_bytes)
        try:
            yield
        finally:
            self._cache = outer

    def unread(self, prefixes: Sequence[IntArray]) -> list[int]:
        return [len(prefix) for prefix in prefixes] if self._cache is None else self._cache.unread(prefixes)

    def _read(self, prefixes: Sequence[IntArray]) -> int:
        """Tokens of prefixes that are forwarded here; the cache counts those that it reads."""
        return 0 if self._cache is not None else sum(map(len, prefixes))

    def clone(self) -> TransformerPolicy:
        return TransformerPolicy(copy.deepcopy(self.model), self.tokenizer, self.chat)

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        return self.model.named_parameters()

    def forward(self, tokens: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.model.hidden(tokens, chosen)
        return self.model.unembed(hidden), self.model.value(hidden)

    def values(self, tokens: Tensor, chosen: Tensor) -> Tensor:
        with torch.no_grad():
            hidden = self.model.hidden(tokens, chosen)
        return self.model.value(hidden)

    def save(self, directory: Path) -> None:
        save_checkpoint(directory, self.model, self.tokenizer, self.chat)
