"""The optimiser: Muon for matrices and convolutions inside the network, AdamW for the rest, one schedule for both."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from pawl.learning.muon import Muon


class Optimiser:
    """Steps with warm-up and linear decay.

    Muon: Jordan et al. 2024; its steps scaled to AdamW's as in Liu et al. 2025, "Muon is scalable", section 2.2, so
    that both take one rate. Embeddings, output and value heads, norms, biases and LoRA's factors go to AdamW
    (Loshchilov and Hutter 2019).
    """

    def __init__(self, parameters: Iterable[tuple[str, nn.Parameter]], *, learning_rate: float, steps: int,
                 warmup: int, weight_decay: float = 0.2, muon: bool = True, decays: bool = True) -> None:
        """`learning_rate` is the peak; `steps` the whole schedule, `warmup` its rise, after which it `decays` or stays.
        Without `muon` AdamW has all."""
        named = [(name, parameter) for name, parameter in parameters if parameter.requires_grad]
        self.parameters = [parameter for _, parameter in named]
        matrices = [p for name, p in named
                    if muon and p.dim() > 1 and not any(part in name for part in ("embed", "head", "lora"))]
        chosen = {id(parameter) for parameter in matrices}
        rest = [parameter for parameter in self.parameters if id(parameter) not in chosen]
        self.parts: list[torch.optim.Optimizer] = []
        if matrices:
            self.parts.append(Muon(matrices, lr=learning_rate, weight_decay=weight_decay))
        if rest:
            self.parts.append(torch.optim.AdamW(rest, lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.0))
        self.peaks = [[float(group["lr"]) for group in part.param_groups] for part in self.parts]
        self.steps, self.warmup, self.taken, self.decays = steps, warmup, 0, decays

    def step(self, *, clip: float = 1.0) -> float:
        """One step on the gradients that are there, which are then cleared. Returns their norm before clipping."""
        norm = float(nn.utils.clip_grad_norm_(self.parameters, clip))
        falling = self.decays or self.taken < self.warmup
        factor = schedule(self.taken, self.steps, self.warmup) if falling else 1.0
        for part, peaks in zip(self.parts, self.peaks, strict=True):
            for group, peak in zip(part.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
            part.step()
            part.zero_grad(set_to_none=True)
        self.taken += 1
        return norm


def schedule(step: int, steps: int, warmup: int) -> float:
    """Share of the peak rate at a step: up linearly over `warmup` steps, then down linearly to a twentieth."""
    if step < warmup:
        return (step + 1) / warmup
    return max(0.05, (steps - step) / max(1, steps - warmup))
