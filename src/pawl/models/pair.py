"""A policy and a value network beside it: two networks that are kept, copied and opened as one policy.

A value that shares the policy's network pulls at it; one of its own learns every attempt's truth, failures included,
with all of its layers, as AlphaGo's did (Silver et al. 2016). On disk it lies in the folder `value` of the policy's
checkpoint, a checkpoint itself, which transformers passes over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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

FOLDER = "value"


class PolicyWithValue:
    """Implements `Trainable` and `Remembers`: all but the value is the policy's. What trains it trains the policy; the
    value network is a `Trainable` of its own."""

    def __init__(self, policy: Trainable, value: Trainable) -> None:
        """Both read the same tokens."""
        self.policy, self.value = policy, value

    @property
    def context(self) -> int:
        return self.policy.context

    def encode(self, prompt: Prompt) -> IntArray:
        return self.policy.encode(prompt)

    def encode_demonstration(self, demonstration: Demonstration) -> tuple[IntArray, IntArray]:
        return self.policy.encode_demonstration(demonstration)

    def propose(
        self, prefixes: Sequence[IntArray], count: int, *, sampling: Sampling, keys: KeyArray
    ) -> list[list[Completion]]:
        return self.policy.propose(prefixes, count, sampling=sampling, keys=keys)

    def evaluate(self, prefixes: Sequence[IntArray]) -> list[Evaluation]:
        """The value network's value; next-token log-probabilities are the policy's."""
        values = [evaluation.value for evaluation in self.value.evaluate(prefixes)]
        return [Evaluation(evaluation.logprobs, value)
                for evaluation, value in zip(self.policy.evaluate(prefixes), values, strict=True)]

    def logprobs(self, prefixes: Sequence[IntArray], completions: Sequence[IntArray]) -> list[FloatArray]:
        return self.policy.logprobs(prefixes, completions)

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Each of the two keeps its own, if it can."""
        with ExitStack() as stack:
            for network in (self.policy, self.value):
                if isinstance(network, Remembers):
                    stack.enter_context(network.remembering())
            yield

    def unread(self, prefixes: Sequence[IntArray]) -> list[int]:
        """Of the policy."""
        if isinstance(self.policy, Remembers):
            return list(self.policy.unread(prefixes))
        return [len(prefix) for prefix in prefixes]

    def clone(self) -> PolicyWithValue:
        return PolicyWithValue(self.policy.clone(), self.value.clone())

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        return self.policy.named_parameters()

    def forward(self, tokens: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        return self.policy.forward(tokens, chosen)

    def values(self, tokens: Tensor, chosen: Tensor) -> Tensor:
        return self.policy.values(tokens, chosen)

    def save(self, directory: Path) -> None:
        self.policy.save(directory)
        self.value.save(directory / FOLDER)


def critic_of(policy: Trainable) -> Trainable:
    """Whose value is asked: the network beside the policy, or the policy itself."""
    return policy.value if isinstance(policy, PolicyWithValue) else policy
