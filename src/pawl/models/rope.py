"""Rotary position embeddings (Su et al., "RoFormer", 2021), with the scalings that checkpoints ask for."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pawl.models.architecture import Architecture


def rotary_table(arch: Architecture, positions: int) -> Tensor:
    """Complex rotations [T, D/2] of positions 0 to `positions` - 1, in complex64."""
    steps = torch.arange(0, arch.head_dim, 2, dtype=torch.float64) / arch.head_dim
    frequencies = scaled(arch.rope_theta**-steps, arch)
    angles = torch.outer(torch.arange(positions, dtype=torch.float64), frequencies)
    return torch.polar(torch.ones_like(angles), angles).to(torch.complex64)


def scaled(frequencies: Tensor, arch: Architecture) -> Tensor:
    """Frequencies [D/2] after the checkpoint's scaling: none, linear, or Llama 3's (its report, section 3.4.2)."""
    scaling = arch.rope_scaling
    if scaling is None:
        return frequencies
    if scaling.kind == "linear":
        return frequencies / scaling.factor
    wavelength = 2 * math.pi / frequencies
    longest = scaling.original_positions / scaling.low_frequency_factor
    shortest = scaling.original_positions / scaling.high_frequency_factor
    blend = (scaling.original_positions / wavelength - scaling.low_frequency_factor) / (
        scaling.high_frequency_factor - scaling.low_frequency_factor)
    smooth = (1 - blend) * frequencies / scaling.factor + blend * frequencies
    slow = torch.where(wavelength > longest, frequencies / scaling.factor, smooth)
    return torch.where(wavelength < shortest, frequencies, slow)


def rotate(x: Tensor, rotations: Tensor) -> Tensor:
    """Rotate heads x [..., T, heads, D] by rotations [T, D/2] or [..., T, D/2], in float32.

    Neighbouring entries are one complex number, so that a rotation is one product. The Hugging Face layout pairs
    entry i with i + D/2 instead; `checkpoint.py` reorders the weights that make queries and keys.
    """
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    turned: Tensor = torch.view_as_real(pairs * rotations.unsqueeze(-2))
    return turned.flatten(-2).to(x.dtype)
