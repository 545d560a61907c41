"""A policy is asked in words, and what it writes is data: texts that came to an end, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pawl.interfaces import Policy
from pawl.keys import fold
from pawl.records import Cost, KeyArray, Prompt, Sampling
from pawl.search.steps import fits, num_read


def finished(policy: Policy, prompts: Sequence[Prompt], count: int, *, sampling: Sampling,
             keys: KeyArray) -> tuple[list[list[str]], list[Cost]]:
    """Up to `count` texts after each of the prompts [L], in one batch, and the cost of each prompt; keys [L].

    A text that was cut off at its length is left out: it may have meant something else. A prompt that the policy
    cannot take is not asked and costs nothing.
    """
    prefixes = [policy.encode(prompt) for prompt in prompts]
    texts: list[list[str]] = [[] for _ in prompts]
    costs = [Cost()] * len(prompts)
    fitting = [i for i, prefix in enumerate(prefixes) if fits(policy, prefix, sampling)]
    if not fitting:
        return texts, costs
    rows = fold(keys[fitting][:, None], np.arange(count, dtype=np.uint64))
    taken = [prefixes[i] for i in fitting]
    read = num_read(policy, taken)
    drawn = policy.propose(taken, count, sampling=sampling, keys=rows)
    for i, completions, tokens in zip(fitting, drawn, read, strict=True):
        texts[i] = [completion.text for completion in completions if completion.finish == "stop"]
        generated = sum(len(completion.tokens) for completion in completions)
        costs[i] = Cost(tokens + generated, generated)
    return texts, costs
