"""Muon: momentum, then the nearest semi-orthogonal matrix as the step (Jordan et al. 2024).

In float32: bfloat16 products may be several times slower on a CPU.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic Newton-Schulz iteration, tuned for speed: singular values end between 0.7 and 1.2, not at 1."""
RMS = 0.2
"""Root mean square of a step of rate 1, about AdamW's, so that one rate suits both (Liu et al. 2025, equation 4)."""


class Muon(torch.optim.Optimizer):
    """For matrices only, and convolutions, whose kernels are one matrix: outputs by all that one output sees (Jordan et
    al. 2024). Weight decay is decoupled."""

    def __init__(self, matrices: Iterable[Tensor], *, lr: float, momentum: float = 0.95,
                 weight_decay: float = 0.0) -> None:
        super().__init__(matrices, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One step on the gradients that are there."""
        assert closure is None, "Muon takes its gradients as they are"
        for group in self.param_groups:
            matrices = [matrix for matrix in group["params"] if matrix.grad is not None]
            steps = orthogonalise([self._momentum(matrix, group).flatten(1) for matrix in matrices])
            for matrix, step in zip(matrices, steps, strict=True):
                size = group["lr"] * RMS * max(step.shape) ** 0.5
                matrix.mul_(1 - group["lr"] * group["weight_decay"]).sub_(step.view_as(matrix), alpha=size)

    def _momentum(self, matrix: Tensor, group: dict[str, Any]) -> Tensor:
        """Nesterov's look-ahead of the running mean of gradients."""
        assert matrix.grad is not None
        state = self.state[matrix]
        if not state:
            state["mean"] = torch.zeros_like(matrix)
        mean = state["mean"].lerp_(matrix.grad, 1 - group["momentum"])
        return matrix.grad.lerp(mean, group["momentum"])


def orthogonalise(matrices: Sequence[Tensor]) -> list[Tensor]:
    """U V^T of each matrix X = U S V^T, nearly: singular values all become about 1.

    The iteration X <- (a + b G + c G^2) X with G = X X^T only ever multiplies X from the left by polynomials of the
    first G. So it runs on G, whose side is the smaller one of X, and X is multiplied once, in the end; matrices of
    any shape with that side go together.
    """
    wide = [_wide(matrix.float()) for matrix in matrices]
    wide = [x / (x.norm() + 1e-7) for x in wide]
    alike: dict[int, list[int]] = defaultdict(list)
    for place, x in enumerate(wide):
        alike[len(x)].append(place)
    for places in alike.values():
        factors = _iterated(torch.stack([wide[place] @ wide[place].mT for place in places]))
        for place, factor in zip(places, factors, strict=True):
            wide[place] = factor @ wide[place]
    return [(x if x.shape == matrix.shape else x.mT).to(matrix.dtype) for x, matrix in zip(wide, matrices, strict=True)]


def _iterated(gram: Tensor) -> Tensor:
    """What Newton and Schulz's iteration multiplies matrices by whose Gram matrices are these, [N, rows, rows]."""
    first, third, fifth = COEFFICIENTS
    factor: Tensor | None = None
    for iteration in range(ITERATIONS):
        polynomial = torch.baddbmm(gram, gram, gram, beta=third, alpha=fifth)
        polynomial.diagonal(dim1=-2, dim2=-1).add_(first)
        factor = polynomial if factor is None else polynomial @ factor
        if iteration < ITERATIONS - 1:
            gram = polynomial @ gram @ polynomial
    assert factor is not None
    return factor


def _wide(matrix: Tensor) -> Tensor:
    return matrix.mT if matrix.shape[0] > matrix.shape[1] else matrix
