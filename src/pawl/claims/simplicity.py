"""Simplicity bias: a network takes the simple feature alone, though better ones are there.

One coordinate is linear and says the class in nineteen cases of twenty; forty-nine others say it always, but by slabs
that alternate. What a network learnt is seen by shuffling either kind among test points.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from pawl.claims.claim import Check, Claim, Numbers
from pawl.claims.fitting import Batch, fit, perceptron, right

COORDINATES, SLABS, MARGIN, BLURRED = 50, 7, 0.1, 0.1
"""Coordinates in all, slabs of all but the first, distance between classes, share of points whose linear coordinate
says nothing."""
SHARES = (np.array([0, 6, 0, 20, 0, 6, 0]) / 32, np.array([1, 0, 15, 0, 15, 0, 1]) / 32)
"""Of each slab, by class: so that neither mean nor variance nor any power up to the fifth says the class."""
LEARNT, TESTED, HIDDEN, BATCH, STEPS = 10_000, 4000, 100, 256, 1500
FEW, FEW_STEPS = 10, 4000
"""Slab coordinates of the network that has no linear one, and steps that it needs."""


def measure(seed: int) -> Numbers:
    random = np.random.default_rng([seed, 8])
    points, classes = drawn(random, LEARNT, COORDINATES)
    net = trained(points, classes, seed, steps=STEPS)
    tested, truth = drawn(random, TESTED, COORDINATES)
    linear, slabs = tested.copy(), tested.copy()
    linear[:, 0] = random.permutation(linear[:, 0])
    slabs[:, 1:] = slabs[random.permutation(TESTED), 1:]
    without, known = drawn(random, LEARNT, 1 + FEW)
    alone = trained(without[:, 1:], known, seed, steps=FEW_STEPS)
    unseen, answers = drawn(random, TESTED, 1 + FEW)
    return {"test": right(net, tested, truth), "linear shuffled": right(net, linear, truth),
            "slabs shuffled": right(net, slabs, truth), "slabs alone": right(alone, unseen[:, 1:], answers)}


def drawn(random: np.random.Generator, count: int, coordinates: int) -> tuple[np.ndarray, np.ndarray]:
    """Points [count, coordinates] in [-1, 1], the first coordinate linear, and their classes 0 or 1."""
    classes = random.integers(2, size=count)
    size = random.uniform(MARGIN, 1, size=count)
    linear = np.where(random.random(count) < BLURRED, random.uniform(-MARGIN, MARGIN, size=count),
                      (2 * classes - 1) * size)
    shape = count, coordinates - 1
    slab = np.where(classes[:, None] == 1, random.choice(SLABS, size=shape, p=SHARES[1]),
                    random.choice(SLABS, size=shape, p=SHARES[0]))
    width = 2 / SLABS
    within = random.uniform(0.15, 0.85, size=slab.shape)
    slabs = -1 + width * (slab + within)
    return np.column_stack([linear, slabs]).astype(np.float32), classes


def trained(points: np.ndarray, classes: np.ndarray, seed: int, *, steps: int) -> nn.Module:
    """A network with two hidden layers after so many steps."""
    net = perceptron(points.shape[1], HIDDEN, HIDDEN, 2, seed=seed)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    random = np.random.default_rng([seed, 9])

    def draw() -> Batch:
        chosen = random.integers(len(points), size=BATCH)
        return points[chosen], classes[chosen]

    fit(net, optimiser, draw, steps=steps)
    return net


CLAIM = Claim(
    name="simplicity",
    title="A network relies on a simple feature that errs and ignores better ones that are less simple.",
    source="Shah et al. 2020, The Pitfalls of Simplicity Bias in Neural Networks (arXiv 2006.07710), table 2",
    published="One linear coordinate with noise and 49 of seven slabs: test accuracy 0.949; 0.497 with the linear one "
              "shuffled, 0.949 with all slabs shuffled, though slabs alone are learnt to 1.000.",
    protocol="10,000 points instead of 40,000, two hidden layers of 100, 1,500 steps; ten coordinates of slabs alone, "
             "4,000 steps.",
    checks=(
        Check("test", "accuracy on test points", 0.93, 0.97, "0.949"),
        Check("linear shuffled", "with the linear coordinate shuffled", high=0.55, published="0.497"),
        Check("slabs shuffled", "with all the slabs shuffled", low=0.93, published="0.949"),
        Check("slabs alone", "of a network that sees slabs alone", low=0.99, published="1.000"),
    ),
    measure=measure,
)
