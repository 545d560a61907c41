"""How varied generated text is: distinct n-grams at a fixed token budget, and entropy.

Distinct-n falls as more text is read, whatever the text: numbers at different budgets must not be compared,
and here they cannot be.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pawl.keys import permutation
from pawl.records import FloatArray, IntArray


def distinct_n(completions: Sequence[IntArray], n: int, *, budget: int, key: int) -> float | None:
    """Distinct n-grams over all n-grams in `budget` tokens of the completions; None when there are fewer tokens.

    Completions are read in an order drawn from `key`, so that all problems have a chance to be read; the last
    one is cut where the budget ends. No n-gram spans two completions; None, too, when no completion holds one.
    Li et al., "A diversity-promoting objective function for neural conversation models", 2016.
    """
    if n < 1 or budget < n:
        raise ValueError(f"n must be 1 to the budget, got n={n} and budget={budget}")
    grams, left = [], budget
    for index in permutation(key, len(completions)):
        tokens = completions[index][:left]
        left -= len(tokens)
        if len(tokens) >= n:
            grams.append(np.lib.stride_tricks.sliding_window_view(tokens, n))
        if left == 0:
            break
    if left > 0 or not grams:
        return None
    table = np.concatenate(grams)
    return len(np.unique(table, axis=0)) / len(table)


def mean_entropy(logprobs: Sequence[FloatArray]) -> float:
    """Entropy of the policy in nats per token: minus the mean log-probability of the tokens that it sampled.

    A Monte Carlo estimate, unbiased where the tokens were sampled at temperature 1 with nothing cut off; at
    other settings it is the cross-entropy of what was sampled under the policy. Raises ValueError without
    tokens.
    """
    if sum(map(len, logprobs)) == 0:
        raise ValueError("entropy must have tokens to average over, got none")
    return -float(np.concatenate(logprobs).mean(dtype=np.float64))
