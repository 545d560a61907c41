"""A policy around another: all that a subclass does not do otherwise is the other's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from torch import Tensor, nn

from pawl.interfaces import Remembers, Trainable
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


class Around:
    """Implements `Trainable` and `Remembers` but for `clone`, which is the subclass's."""

    def __init__(self, policy: Trainable) -> None:
        self.policy = policy

    @property
    def context(self) -> int:
        return self.policy.context

    def encode(self, prompt: Prompt) -> IntArray:
        return self.policy.encode(prompt)

    def encode_demonstration(self, demonstration: Demonstration) -> tuple[IntArray, IntArray]:
        return self.policy.encode_demonstration(demonstration)

    def decode(self, tokens: IntArray) -> str:
        return self.policy.decode(tokens)

    def propose(
        self, prefixes: Sequence[IntArray], count: int, *, sampling: Sampling, keys: KeyArray
    ) -> list[list[Completion]]:
        return self.policy.propose(prefixes, count, sampling=sampling, keys=keys)

    def evaluate(self, prefixes: Sequence[IntArray]) -> list[Evaluation]:
        return self.policy.evaluate(prefixes)

    def logprobs(self, prefixes: Sequence[IntArray], completions: Sequence[IntArray]) -> list[FloatArray]:
        return self.policy.logprobs(prefixes, completions)

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """The policy keeps prefixes, if it can."""
        with self.policy.remembering() if isinstance(self.policy, Remembers) else nullcontext():
            yield

    def unread(self, prefixes: Sequence[IntArray]) -> list[int]:
        if isinstance(self.policy, Remembers):
            return list(self.policy.unread(prefixes))
        return [len(prefix) for prefix in prefixes]

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        return self.policy.named_parameters()

    def forward(self, tokens: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        return self.policy.forward(tokens, chosen)

    def values(self, tokens: Tensor, chosen: Tensor) -> Tensor:
        return self.policy.values(tokens, chosen)

    def save(self, directory: Path) -> None:
        self.policy.save(directory)
