"""A policy and a value network beside it: two networks that are kept, copied and opened as one policy.

A value that shares the policy's network pulls at it; one of its own learns every attempt's truth, failures included,
with all of its layers, as AlphaGo's did (Silver et al. 2016). On disk it lies in the folder `value` of the policy's
checkpoint, a checkpoint itself, which transformers passes over.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from pawl.interfaces import Remembers, Trainable
from pawl.models.around import Around
from pawl.records import Evaluation, IntArray

FOLDER = "value"


class PolicyWithValue(Around):
    """All but the value is the policy's. What trains it trains the policy; the value network is a `Trainable` of its
    own."""

    def __init__(self, policy: Trainable, value: Trainable) -> None:
        """Both read the same tokens."""
        super().__init__(policy)
        self.value = value

    def evaluate(self, prefixes: Sequence[IntArray]) -> list[Evaluation]:
        """The value network's value; next-token log-probabilities are the policy's."""
        values = [evaluation.value for evaluation in self.value.evaluate(prefixes)]
        return [Evaluation(evaluation.logprobs, value)
                for evaluation, value in zip(self.policy.evaluate(prefixes), values, strict=True)]

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Each of the two keeps its own, if it can."""
        with super().remembering(), self.value.remembering() if isinstance(self.value, Remembers) else nullcontext():
            yield

    def clone(self) -> PolicyWithValue:
        return PolicyWithValue(self.policy.clone(), self.value.clone())

    def save(self, directory: Path) -> None:
        super().save(directory)
        self.value.save(directory / FOLDER)


def critic_of(policy: Trainable) -> Trainable:
    """Whose value is asked: the network beside the policy, or the policy itself."""
    return policy.value if isinstance(policy, PolicyWithValue) else policy
