"""In what precision matrix products are computed. Weights, sums, norms and whatever stays are float32 in any case.

In bfloat16 both factors of a product are rounded to it, sums run in float32, and results are rounded again, as in mixed
precision training (Micikevicius et al. 2018, section 3.1: float32 master weights). Output logits are float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pawl.errors import ConfigError

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def precision_of(name: str, device: torch.device) -> torch.dtype:
    """What a setting names; `auto` is bfloat16 where the device has units for products of it, and float32 elsewhere."""
    if name == "auto":
        return torch.bfloat16 if _has_units(device) else torch.float32
    if name not in PRECISIONS:
        raise ConfigError(f"dtype must be auto, float32 or bfloat16, got {name!r}")
    return PRECISIONS[name]


def _has_units(device: torch.device) -> bool:
    """On a CPU, AMX: without it, products in bfloat16 were three times slower than in float32."""
    if device.type == "cpu":
        told = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}  # older ones do not tell
        return bool(told.get("amx_bf16", False))
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


class Multiplies(Protocol):
    """A model whose products are computed in a precision."""

    precision: torch.dtype


@contextmanager
def in_float32(model: Multiplies) -> Iterator[None]:
    """All of a model's products while it is open."""
    before, model.precision = model.precision, torch.float32
    try:
        yield
    finally:
        model.precision = before


class Linear(nn.Linear):
    """x W^T + b of x [..., I], in a precision; W [O, I] is float32."""

    precision: torch.dtype = torch.float32
    _rounded: tuple[tuple[int, int], Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.precision == torch.float32:
            return F.linear(x, self.weight, self.bias)
        bias = None if self.bias is None else self.bias.to(self.precision)
        return F.linear(x.to(self.precision), self.factor(), bias)

    def factor(self) -> Tensor:
        """The weight, rounded; once, as long as it is not written to, where nothing is learnt."""
        if self.precision == torch.float32 or (torch.is_grad_enabled() and self.weight.requires_grad):
            return self.weight.to(self.precision)
        state = written(self.weight)
        if self._rounded is None or self._rounded[0] != state:
            self._rounded = state, self.weight.detach().to(self.precision)
        return self._rounded[1]


def written(parameter: Tensor) -> tuple[int, int]:
    """What tells that a tensor was written to: where it lies, and how often it was changed in place."""
    return parameter.data_ptr(), 0 if parameter.is_inference() else parameter._version
