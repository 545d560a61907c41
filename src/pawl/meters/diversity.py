"""How varied generated text is: distinct n-grams, self-BLEU, compression, the Vendi score, and entropy.

Most of these change with how much text is read, whatever the text: numbers at different budgets must not be compared,
and `within` gives every meter the same one.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pawl.keys import permutation
from pawl.records import FloatArray, IntArray

SMOOTHING = 0.1
"""Counts for a match where no n-gram of a text has one (Chen and Cherry 2014, method 1)."""


def within(lengths: Sequence[int], budget: int, key: int) -> list[tuple[int, int]] | None:
    """Which completions to read, and how many tokens of each, so that it is `budget` tokens in all: in an order drawn
    from `key`, so that all have a chance to be read, the last one cut. None when there are fewer tokens."""
    chosen, left = list[tuple[int, int]](), budget
    for index in permutation(key, len(lengths)).tolist():
        if left == 0:
            break
        chosen.append((index, min(left, lengths[index])))
        left -= chosen[-1][1]
    return chosen if left == 0 else None


def distinct_n(completions: Sequence[IntArray], n: int, *, budget: int, key: int) -> float | None:
    """Distinct n-grams over all n-grams in `budget` tokens of the completions; None when there are fewer tokens.

    No n-gram spans two completions; None, too, when no completion holds one.
    Li et al., "A diversity-promoting objective function for neural conversation models", 2016.
    """
    if n < 1 or budget < n:
        raise ValueError(f"n must be 1 to the budget, got n={n} and budget={budget}")
    read = within(list(map(len, completions)), budget, key) or ()
    grams = [ngrams(completions[index][:length], n) for index, length in read if length >= n]
    if not grams:
        return None
    table = np.concatenate(grams)
    return len(np.unique(table, axis=0)) / len(table)


def ngrams(tokens: IntArray, n: int) -> IntArray:
    """[T - n + 1, n] n-grams of tokens [T]; none where there are fewer tokens."""
    if len(tokens) < n:
        return np.empty((0, n), tokens.dtype)
    return np.stack([tokens[shift:len(tokens) - n + 1 + shift] for shift in range(n)], axis=1)


def self_bleu(completions: Sequence[IntArray], n: int = 4) -> float | None:
    """Mean BLEU of each completion against all others, in [0, 1]: 1 where all say the same. None for fewer than two.

    Zhu et al., "Texygen", 2018. Orders up to `n` that the completion has weigh alike; an order without a match counts
    `SMOOTHING` matches, but what has no word in common with others scores 0; the reference whose length is nearest, the
    shorter of two, gives the brevity penalty.
    """
    texts = [tuple(tokens.tolist()) for tokens in completions if len(tokens)]
    if len(texts) < 2:
        return None
    lengths = np.array([len(text) for text in texts])
    scores = np.zeros(len(texts))
    orders = np.minimum(lengths, n)
    for order in range(1, n + 1):
        counts = [Counter(zip(*(text[shift:] for shift in range(order)), strict=False)) for text in texts]
        most = _two_most(counts)
        for place, own in enumerate(counts):
            if own:
                matched = sum(min(count, most[gram][1] if most[gram][2] == place else most[gram][0])
                              for gram, count in own.items())
                scores[place] += np.log((matched or SMOOTHING) / own.total()) if matched or order > 1 else -np.inf
    brevity = [min(0.0, 1 - _nearest(lengths, place) / lengths[place]) for place in range(len(texts))]
    return float(np.exp(scores / orders + brevity).mean())


def _two_most(counts: Sequence[Counter[tuple[int, ...]]]) -> dict[tuple[int, ...], tuple[int, int, int]]:
    """Of each n-gram the most times that a text has it, the most among all other texts, and which text that is."""
    found: dict[tuple[int, ...], tuple[int, int, int]] = {}
    for place, own in enumerate(counts):
        for gram, count in own.items():
            first, second, where = found.get(gram, (0, 0, -1))
            found[gram] = (count, first, place) if count > first else (first, max(second, count), where)
    return found


def _nearest(lengths: NDArray[np.int64], place: int) -> int:
    """Of the other lengths the nearest one, the shorter of two."""
    others = np.delete(lengths, place)
    return int(others[np.lexsort((others, np.abs(others - lengths[place])))[0]])


def compression_ratio(texts: Sequence[str]) -> float | None:
    """Bytes of the texts, a line each, over their bytes when compressed by DEFLATE: higher is more redundant. None
    without text.

    Shaib et al., "Standardizing the measurement of text diversity", 2024.
    """
    raw = "\n".join(texts).encode("utf-8", "replace")
    return len(raw) / len(zlib.compress(raw, 9)) if raw else None


def vendi_score(features: NDArray[np.floating]) -> float | None:
    """How many different items there are, in effect: exp of the entropy of the eigenvalues of K / N, where K are the
    cosines of features [N, D]. From 1, all the same, to N. None without items.

    Friedman and Dieng, "The Vendi score", 2023, definition 3.1. An item whose features are all 0 is like itself alone.
    """
    if not len(features):
        return None
    rows = np.asarray(features, np.float64)
    norms = np.linalg.norm(rows, axis=1)
    empty = norms == 0
    units = rows[~empty] / norms[~empty, None]
    # The eigenvalues that are not 0 are those of the smaller product, too.
    shares = np.linalg.eigvalsh(units @ units.T if len(units) < units.shape[1] else units.T @ units) / len(rows)
    shares = np.append(shares, np.full(int(empty.sum()), 1 / len(rows)))
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def repetition(tokens: IntArray, n: int = 4) -> float | None:
    """Share of the n-grams of a completion that it has said before, in [0, 1]; None where it has none.

    Welleck et al., "Neural text generation with unlikelihood training", 2020: seq-rep-n.
    """
    grams = ngrams(tokens, n)
    return 1 - len(np.unique(grams, axis=0)) / len(grams) if len(grams) else None


def loops(tokens: IntArray, *, longest: int = 16, times: int = 3) -> bool:
    """Whether a completion ends in a loop: its last tokens, up to `longest` of them, said so many times in a row."""
    for length in range(1, min(longest, len(tokens) // times) + 1):
        end = tokens[len(tokens) - length * times:].reshape(times, length)
        if (end == end[-1]).all():
            return True
    return False


def longest_loop(tokens: IntArray, *, longest: int = 16, times: int = 3) -> int:
    """Tokens of the longest stretch, anywhere in a completion, that says one thing of up to `longest` tokens so many
    times in a row or more; 0 where there is none."""
    found = 0
    for length in range(1, min(longest, len(tokens) // times) + 1):
        other = np.flatnonzero(tokens[length:] != tokens[:-length])
        run = int(np.diff(other, prepend=-1, append=len(tokens) - length).max()) - 1
        if run >= length * (times - 1):
            found = max(found, run + length)
    return found


def mean_entropy(logprobs: Sequence[FloatArray]) -> float:
    """Entropy of the policy in nats per token: minus the mean log-probability of the tokens that it sampled.

    A Monte Carlo estimate, unbiased where the tokens were sampled at temperature 1 with nothing cut off; at
    other settings it is the cross-entropy of what was sampled under the policy. Raises ValueError without
    tokens.
    """
    if sum(map(len, logprobs)) == 0:
        raise ValueError("entropy must have tokens to average over, got none")
    return -float(np.concatenate(logprobs).mean(dtype=np.float64))


def unigram_entropy(completions: Sequence[IntArray]) -> float | None:
    """Entropy of how often each token comes, in nats; None without tokens."""
    if not sum(map(len, completions)):
        return None
    _, counts = np.unique(np.concatenate(completions), return_counts=True)
    shares = counts / counts.sum()
    return -float((shares * np.log(shares)).sum())
