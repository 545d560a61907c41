"""What any policy with a forward pass can say of token sequences: evaluations, log-probabilities, stop strings.

Letters: B rows, T tokens, N chosen positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from pawl.models.tokenizer import Tokenizer
from pawl.records import Evaluation, FloatArray, IntArray

BATCH_TOKENS = 8192
"""Tokens, padding included, of one forward pass when nothing is learnt."""

Forward = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Logits [N, V] and value logits [N] of right-padded tokens [B, T] at the N positions of a mask [B, T]."""


def evaluate(forward: Forward, prefixes: Sequence[IntArray], device: torch.device) -> list[Evaluation]:
    """Next-token log-probabilities and value of each prefix."""
    results: dict[int, Evaluation] = {}
    for members, tokens in batches(prefixes):
        chosen = torch.zeros_like(tokens, dtype=torch.bool)
        for row, member in enumerate(members):
            chosen[row, len(prefixes[member]) - 1] = True
        logits, values = forward(tokens.to(device), chosen.to(device))
        logprobs, values = logits.float().log_softmax(-1).cpu().numpy(), values.cpu()
        for row, member in enumerate(members):
            results[member] = Evaluation(logprobs[row], float(values[row].sigmoid()))
    return [results[i] for i in range(len(prefixes))]


def score(
    forward: Forward, prefixes: Sequence[IntArray], completions: Sequence[IntArray], device: torch.device
) -> list[FloatArray]:
    """[T] log-probability of each completion token after its prefix, which has a token at least."""
    assert all(map(len, prefixes)), "nothing foretells a first token"
    results: dict[int, FloatArray] = {}
    wholes = [np.concatenate(pair) for pair in zip(prefixes, completions, strict=True)]
    for members, tokens in batches(wholes):
        chosen = torch.zeros_like(tokens, dtype=torch.bool)
        for row, member in enumerate(members):
            chosen[row, len(prefixes[member]) - 1 : len(wholes[member]) - 1] = True
        logits, _ = forward(tokens.to(device), chosen.to(device))
        following = tokens.roll(-1, dims=1)[chosen].to(device)
        picked = logits.float().log_softmax(-1).gather(-1, following[:, None]).squeeze(-1).cpu().numpy()
        ends = np.cumsum([len(completions[member]) for member in members])
        results.update(zip(members, np.split(picked, ends[:-1]), strict=True))
    return [results[i] for i in range(len(wholes))]


def batches(sequences: Sequence[IntArray]) -> Iterator[tuple[list[int], Tensor]]:
    """Indices and right-padded tokens [B, T] on the CPU, similar lengths together."""
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    start = 0
    for stop in range(1, len(order) + 1):
        if stop == len(order) or (stop + 1 - start) * len(sequences[order[stop]]) > BATCH_TOKENS:
            members = order[start:stop]
            tokens = torch.zeros(len(members), len(sequences[members[-1]]), dtype=torch.long)
            for row, member in enumerate(members):
                tokens[row, : len(sequences[member])] = torch.from_numpy(sequences[member])
            yield members, tokens
            start = stop


def stops_now(tokens: IntArray, stops: Sequence[str], tokenizer: Tokenizer) -> bool:
    """Whether the newest of tokens [T] completes one of the stop strings."""
    if not stops:
        return False
    # A token is a byte or more, so a stop string that the newest token completes lies in this many tokens.
    window = max(len(stop.encode()) for stop in stops) + 1
    text = tokenizer.decode(tokens[-window:])
    return any(stop in text for stop in stops)


def before_stop(text: str, stops: Sequence[str]) -> str:
    """The text up to the first stop string."""
    found = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(found)] if found else text
