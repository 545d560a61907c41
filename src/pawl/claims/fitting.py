"""Networks that learn classes of points, for claims about how they do."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from torch import nn

Batch = tuple[np.ndarray, np.ndarray]
"""Points [B, WIDTH] and classes [B]."""


def perceptron(*sizes: int, seed: int) -> nn.Sequential:
    """A network of linear layers between so many units, with rectifiers between them; its weights are the seed's."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        layers = [part for inputs, outputs in pairwise(sizes) for part in (nn.Linear(inputs, outputs), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def fit(net: nn.Module, optimiser: torch.optim.Optimizer, draw: Callable[[], Batch], *, steps: int) -> None:
    """So many steps on the cross-entropy of batches as they are drawn."""
    for _ in range(steps):
        points, classes = draw()
        loss = nn.functional.cross_entropy(net(torch.from_numpy(points)), torch.from_numpy(classes))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


@torch.no_grad()
def right(net: nn.Module, points: np.ndarray, classes: np.ndarray) -> float:
    """Accuracy."""
    return float((net(torch.from_numpy(points)).argmax(1).numpy() == classes).mean())
