"""What stands between a task with rules and a search: who proposes steps, who estimates states, and what it cost.

A step is a line of text: `delimiter` ends it, the end token too. Prompts cost what a model forwards of them: whole, or
what is new to one that is remembering. Not covered: lines remembered from when they were sampled; they are read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pawl.errors import ConfigError
from pawl.interfaces import IllegalAction, Policy, Remembers, StepTask
from pawl.keys import fold
from pawl.records import Attempt, Completion, Cost, FloatArray, IntArray, KeyArray, Prompt, Sampling

TOGETHER = 512
"""States that a model is asked about at once: what it says of each is as large as its vocabulary."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Steps that may be taken in one state."""

    actions: tuple[Any, ...]
    """[A] distinct and legal; none where nothing that was proposed is legal."""
    priors: FloatArray
    """[A] above 0; their sum is 1."""
    cost: Cost


Propose = Callable[[Policy, StepTask, Sequence[Any], KeyArray], list[Proposal]]
"""(policy, task, states [L], keys [L]) -> a proposal for each state."""

Estimate = Callable[[Policy, StepTask, Sequence[Any]], tuple[FloatArray, list[Cost]]]
"""(policy, task, states [L]) -> the expected final score of each [L], in [0, 1], and what each cost."""


def text_of(prompt: Prompt) -> str:
    """A prompt as one text; of messages, what they say."""
    return prompt if isinstance(prompt, str) else "\n".join(message["content"] for message in prompt)


def finite(values: FloatArray) -> FloatArray:
    """The values as they are. Raises ConfigError where one is no number."""
    if not np.isfinite(values).all():
        raise ConfigError("a value must be a finite number, got one that is not",
                          hint="the value's training may have diverged")
    return values


def estimated(estimate: Estimate, policy: Policy, task: StepTask,
              states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
    """What an estimate says of states. Raises ConfigError when it gives no numbers: nothing compares with them."""
    values, costs = estimate(policy, task, states)
    return finite(values), costs


@dataclass(frozen=True)
class Sampled:
    """Steps drawn from the policy: equal ones are one, and the prior is their likelihood."""

    count: int = 8
    """Lines drawn in a state."""
    max_tokens: int = 64
    """Longest line, in tokens; a longer one is no step."""
    temperature: float = 1.0
    delimiter: str = "\n"
    rest: bool = False
    """Where the rules list the steps, those that were not drawn are proposed too: they share what is left of the
    policy's probability. A few lines are then a prior over all steps, and none that is right is out of reach."""

    def __call__(self, policy: Policy, task: StepTask, states: Sequence[Any], keys: KeyArray) -> list[Proposal]:
        """In a state that the policy cannot take nothing is proposed."""
        prefixes = [policy.encode(task.prompt(state)) for state in states]
        sampling = Sampling(self.max_tokens, self.temperature, stop=(self.delimiter,))
        fitting = [i for i, prefix in enumerate(prefixes) if fits(policy, prefix, sampling)]
        taken = [prefixes[i] for i in fitting]
        rows = fold(keys[fitting][:, None], np.arange(self.count, dtype=np.uint64))
        read = num_read(policy, taken)
        drawn = policy.propose(taken, self.count, sampling=sampling, keys=rows) if taken else []
        found = [Proposal((), np.zeros(0, np.float32), Cost())] * len(states)
        for i, completions, tokens in zip(fitting, drawn, read, strict=True):
            found[i] = _gathered(task, states[i], completions, tokens, rest=self.rest)
        return found


def fits(policy: Policy, prefix: IntArray, sampling: Sampling) -> bool:
    """Whether the policy can write so much behind this prefix."""
    return 0 < len(prefix) <= policy.context - sampling.max_tokens


def num_read(model: Policy, prefixes: Sequence[IntArray]) -> list[int]:
    """[L] tokens of each prefix that the model is about to forward."""
    return list(model.unread(prefixes)) if isinstance(model, Remembers) else [len(prefix) for prefix in prefixes]


def _gathered(task: StepTask, state: Any, completions: Sequence[Completion], read: int, *, rest: bool) -> Proposal:
    """The legal steps among completions; lines that mean one step, and tokens that read as one line, share it. With
    the `rest`, the other steps too."""
    lines = {(completion.text, completion.tokens.tobytes()): float(np.exp(completion.logprobs.sum()))
             for completion in completions if completion.finish == "stop"}
    likelihoods: dict[Any, float] = {}
    for (text, _), likelihood in lines.items():
        try:
            action = task.parse(text)
            task.step(state, action)
        except IllegalAction:
            continue
        likelihoods[action] = likelihoods.get(action, 0.0) + likelihood
    undrawn = [action for action in task.actions(state) or () if action not in likelihoods] if rest else []
    left = max(0.0, 1 - sum(likelihoods.values()))
    likelihoods |= dict.fromkeys(undrawn, left / max(1, len(undrawn)))
    generated = sum(len(completion.tokens) for completion in completions)
    return Proposal(tuple(likelihoods), _shares(np.array(list(likelihoods.values()))),
                    Cost(read + generated, generated))


def _shares(likelihoods: Any) -> FloatArray:
    """Likelihoods over their sum; none of them 0, as a step that was proposed is there."""
    floor = np.maximum(likelihoods, np.finfo(np.float32).tiny)
    shares: FloatArray = (floor / floor.sum()).astype(np.float32)
    return np.maximum(shares, np.finfo(np.float32).tiny)


def uniform(policy: Policy, task: StepTask, states: Sequence[Any], keys: KeyArray) -> list[Proposal]:
    """Every legal step of a task that lists them, each as likely: what a search without a policy has."""
    proposals = []
    for state in states:
        actions = tuple(task.actions(state) or ())
        proposals.append(Proposal(actions, np.full(len(actions), 1 / max(1, len(actions)), np.float32), Cost()))
    return proposals


def unknown(policy: Policy, task: StepTask, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
    """Every state alike, at half the score: what a search has before a value was learnt."""
    return np.full(len(states), 0.5, np.float32), [Cost()] * len(states)


@dataclass(frozen=True)
class Valued:
    """States by the value of a model, which may be the policy itself."""

    model: Policy

    def __call__(self, policy: Policy, task: StepTask, states: Sequence[Any]) -> tuple[FloatArray, list[Cost]]:
        prompts = [task.prompt(state) for state in states]
        # What ends a text ends an answer too: no line follows.
        return self.prefixes([self.model.encode(
            prompt.rstrip("\n") if isinstance(prompt, str) and task.terminal(state) else prompt)
            for prompt, state in zip(prompts, states, strict=True)])

    def attempts(self, attempts: Sequence[Attempt]) -> tuple[FloatArray, list[Cost]]:
        """[N] values of whole attempts, and what each cost."""
        return self.prefixes([np.concatenate((attempt.prompt_tokens, attempt.completion.tokens))
                             for attempt in attempts])

    def prefixes(self, prefixes: Sequence[IntArray]) -> tuple[FloatArray, list[Cost]]:
        """[N] values of tokens [T] each, and what each cost."""
        values, costs = list[float](), list[Cost]()
        for start in range(0, len(prefixes), TOGETHER):
            part = prefixes[start : start + TOGETHER]
            costs += [Cost(read, 0, 1) for read in num_read(self.model, part)]
            values += [evaluation.value for evaluation in self.model.evaluate(part)]
        return np.array(values, np.float32), costs
