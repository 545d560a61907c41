"""Whether generated text has collapsed: the readings that move differently, at one budget of tokens.

Collapse has at least three readings, and none stands for the others: the loss on real text rises; generated text moves
to what was likely while its own tail grows; support and entropy fall (Shumailov et al. 2023, figure 1). A name here is
a number in the report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pawl.keys import stream
from pawl.meters.coverage import NEIGHBOURS, neighbourhoods, ngram_features, support_kept
from pawl.meters.diversity import (
    compression_ratio,
    distinct_n,
    loops,
    repetition,
    self_bleu,
    unigram_entropy,
    vendi_score,
    within,
)
from pawl.records import FloatArray, IntArray

COMPARED = 300
"""Completions, at most, that are compared with each other."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, by tokens and as text."""

    tokens: Sequence[IntArray]
    texts: Sequence[str]

    def some(self, budget: int, key: int) -> Written | None:
        """So many tokens of it, the last text whole; None where there are fewer."""
        read = within(list(map(len, self.tokens)), budget, key)
        if read is None:
            return None
        return Written([self.tokens[index][:length] for index, length in read],
                       [self.texts[index] for index, _ in read])


def surprise(logprobs: Sequence[FloatArray], name: str) -> dict[str, float]:
    """Loss of texts under a model that did not write them, from log-probabilities [T] each, in nats a token: the mean
    over tokens and the 99th percentile over texts. Nothing without tokens."""
    texts = [rows for rows in logprobs if len(rows)]
    if not texts:
        return {}
    return {name: -float(np.concatenate(texts).mean(dtype=np.float64)),
            f"{name}_p99": float(np.percentile([-rows.mean() for rows in texts], 99))}


def collapse(written: Written, reference: Written | None, *, budget: int, key: int) -> dict[str, float]:
    """Diversity of what was written, and what it covers of a reference, in `budget` tokens of each.

    `distinct_1`, `_2` and `_4`, `unigram_entropy`, `self_bleu`, `compression`, `vendi`, `repetition`, `loops`; beside a
    reference `support` and `support_2` kept, `precision` and `recall`. Nothing where there are fewer tokens.
    """
    read = written.some(budget, key)
    if read is None:
        return {}
    compared = [tokens for tokens in read.tokens if len(tokens)][:COMPARED]
    features = ngram_features(compared)
    repeated = [share for tokens in read.tokens if (share := repetition(tokens)) is not None]
    found: dict[str, float | None] = {
        **{f"distinct_{n}": distinct_n(written.tokens, n, budget=budget, key=key) for n in (1, 2, 4)},
        "unigram_entropy": unigram_entropy(read.tokens), "self_bleu": self_bleu(compared),
        "compression": compression_ratio(read.texts), "vendi": vendi_score(features),
        "repetition": float(np.mean(repeated)) if repeated else None,
        "loops": float(np.mean([loops(tokens) for tokens in read.tokens])),
    }
    other = None if reference is None else reference.some(budget, stream(key, "reference"))
    if other is not None:
        theirs = [tokens for tokens in other.tokens if len(tokens)][:COMPARED]
        found |= {"support": support_kept(read.tokens, other.tokens),
                  "support_2": support_kept(read.tokens, other.tokens, 2)}
        if min(len(theirs), len(compared)) > NEIGHBOURS:
            near = neighbourhoods(ngram_features(theirs), features)
            found |= {"precision": near.precision, "recall": near.recall}
    return {name: number for name, number in found.items() if number is not None}
