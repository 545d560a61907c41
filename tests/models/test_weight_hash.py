"""The hash knows other numbers and no layout."""

from __future__ import annotations

import pytest
import torch

from pawl.models import weight_hash as module
from pawl.models.weight_hash import weight_hash

RANDOM = torch.Generator().manual_seed(0)
WEIGHTS = [torch.randn(24, 16, generator=RANDOM), torch.randn(7, generator=RANDOM)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_layout_and_padding_do_not_count(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, vector = WEIGHTS
    expected = weight_hash(WEIGHTS, dtype)
    padded = torch.cat((matrix.mT, torch.zeros(3, 24)))
    monkeypatch.setattr(module, "CHUNK", 10)
    assert weight_hash([vector, padded[:5], padded[5:]], dtype) == expected


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_bit_of_one_number_counts(dtype: torch.dtype) -> None:
    """Any of its bits: the last of the mantissa, the exponent, the sign."""
    matrix = WEIGHTS[0].to(dtype)
    found, size = {weight_hash([matrix], dtype)}, 8 * matrix.element_size()
    for bit in range(size):
        changed = matrix.clone()
        bits = changed.view(torch.int32 if size == 32 else torch.int16).view(-1)
        bits[bit] ^= 1 << bit if bit < size - 1 else -(2**bit)
        found.add(weight_hash([changed], dtype))
    assert len(found) == size + 1


def test_numbers_count_as_they_are_rounded() -> None:
    rounded = [weight.bfloat16().float() for weight in WEIGHTS]
    assert weight_hash(WEIGHTS, torch.bfloat16) == weight_hash(rounded, torch.bfloat16)
    assert weight_hash(WEIGHTS, torch.float32) != weight_hash(rounded, torch.float32)


def test_it_is_written_in_16_digits() -> None:
    assert weight_hash([torch.zeros(3)], torch.float32) == "0" * 16
    assert len(weight_hash(WEIGHTS, torch.float32)) == 16
