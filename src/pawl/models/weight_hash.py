"""A number that tells weights from others, however they are laid out: transposed, fused, cut in parts or padded with
zeros, as programs do that take weights over.

Not covered: two numbers that changed places, and malice; this is no cryptographic hash.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

CHUNK = 2**24
"""Numbers that are mixed at a time: eight bytes each."""
FACTORS = (-7046029254386353131, -4658895280553007687)
"""Odd numbers of 64 bits, half of them ones: multiplying by them loses nothing and spreads every bit upwards."""
SIGNED = {2: torch.int16, 4: torch.int32}
"""By bytes of a number."""


@torch.no_grad()
def weight_hash(weights: Iterable[Tensor], dtype: torch.dtype) -> str:
    """16 hex digits: the sum, modulo 2^64, of a mix of the bits of every number, rounded to a type; that of 0 is 0."""
    total = 0
    for weight in weights:
        for part in weight.detach().flatten().split(CHUNK):
            total += int(_mixed(part.to(dtype)).sum())
    return f"{total % 2**64:016x}"


def _mixed(numbers: Tensor) -> Tensor:
    """[N] of 64 bits each, of which none says another number's; products are modulo 2^64."""
    bits = numbers.view(SIGNED[numbers.element_size()]).long()
    for factor in FACTORS:
        bits = bits * factor
        bits = bits ^ (bits >> 29)
    return bits
