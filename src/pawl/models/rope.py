"""Rotary position embeddings (Su et al., "RoFormer", 2021), with the scalings that checkpoints ask for."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from pawl.models.architecture import Architecture

Tables = tuple[Tensor, Tensor, Tensor]
"""Cosines and signed sines [T, D] of T positions, in which every frequency stands twice, once for each half of a head;
and the permutation [D, D] by which the halves change places."""


def rotary_table(arch: Architecture, positions: int) -> Tables:
    """The tables of positions 0 to `positions` - 1, in float32."""
    steps = torch.arange(0, arch.head_dim, 2, dtype=torch.float64) / arch.head_dim
    frequencies = scaled(arch.rope_theta**-steps, arch)
    angles = torch.outer(torch.arange(positions, dtype=torch.float64), frequencies)
    cos, sin = angles.cos().float(), angles.sin().float()
    swap = torch.eye(arch.head_dim).roll(arch.head_dim // 2, dims=0)
    return torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1), swap


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


def rotate(x: Tensor, tables: Tables) -> Tensor:
    """Rotate heads x [..., T, heads, D] by tables [T, D] or [..., T, D]; halves pair up as in the HF layout.

    The halves change places by a product with a permutation, exact in any precision: on a CPU that is several times
    as fast as slicing and joining them.
    """
    cos, sin, swap = tables
    return torch.addcmul(x * cos.unsqueeze(-2), x @ swap, sin.unsqueeze(-2))
