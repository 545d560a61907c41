"""Muon: momentum, then the nearest semi-orthogonal matrix as the step (Jordan et al. 2024).

Matrices of one shape are orthogonalised together, in float32: on a CPU that is one product instead of many small ones,
and bfloat16 products may be several times slower there than float32.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic Newton-Schulz iteration, tuned for speed: singular values end between 0.7 and 1.2, not at 1."""
RMS = 0.2
"""Root mean square of a step of rate 1, about AdamW's, so that one rate suits both (Liu et al. 2025, equation 4)."""


class Muon(torch.optim.Optimizer):
    """For matrices only; weight decay is decoupled."""

    def __init__(self, matrices: Iterable[Tensor], *, lr: float, momentum: float = 0.95,
                 weight_decay: float = 0.0) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step on the gradients that are there."""
        assert closure is None, "Muon takes its gradients as they are"
        for group in self.param_groups:
            alike: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike[matrix.shape].append(matrix)
            for shape, matrices in alike.items():
                steps = orthogonalise(torch.stack([self._momentum(matrix, group) for matrix in matrices]))
                scale = RMS * max(shape) ** 0.5
                for matrix, step in zip(matrices, steps, strict=True):
                    matrix.mul_(1 - group["lr"] * group["weight_decay"]).sub_(step, alpha=group["lr"] * scale)

    def _momentum(self, matrix: Tensor, group: dict[str, Any]) -> Tensor:
        """Nesterov's look-ahead of the running mean of gradients."""
        assert matrix.grad is not None
        state = self.state[matrix]
        if not state:
            state["mean"] = torch.zeros_like(matrix)
        mean = state["mean"].lerp_(matrix.grad, 1 - group["momentum"])
        return matrix.grad.lerp(mean, group["momentum"])


def orthogonalise(matrices: Tensor) -> Tensor:
    """U V^T of each of [N, rows, columns] = U S V^T, nearly: singular values all become about 1."""
    x = matrices.float()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.mT
    norms: Tensor = torch.linalg.matrix_norm(x, keepdim=True)
    x = x / (norms + 1e-7)
    first, third, fifth = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = first * x + torch.baddbmm(gram, gram, gram, beta=third, alpha=fifth) @ x
    return (x.mT if tall else x).to(matrices.dtype)
