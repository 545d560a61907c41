"""Massive label noise: with many wrong labels for each right one a network still learns, if right ones are enough.

Each clean example stands beside `alpha` copies with labels drawn at random. What counts is how many are clean and how
large a batch is: noise shrinks the batch that a step sees.
"""

from __future__ import annotations

import numpy as np
import torch

from pawl.claims.claim import Check, Claim, Numbers
from pawl.claims.fitting import Batch, fit, perceptron, right
from pawl.errors import MissingExtraError

CLASSES, CLUSTERS, WIDTH, HIDDEN, STEPS, TESTED = 10, 30, 32, 96, 1500, 2000
MANY, FEW, ALPHA = 16_000, 250, 20
"""Clean examples, and random labels beside each."""
DIGITS_ALPHA = 10


def measure(seed: int) -> Numbers:
    mixture = Mixture(seed)
    asked = {"clean": (MANY, 0, 128), "noisy": (MANY, ALPHA, 128), "large batch": (MANY, ALPHA, 1024),
             "few": (FEW, ALPHA, 128)}
    found = {name: learnt(mixture, seed, *settings, steps=STEPS) for name, settings in asked.items()}
    return found | {"large over small": found["large batch"] - found["noisy"],
                    "many over few": found["noisy"] - found["few"], "digits": digits(seed, STEPS)}


class Mixture:
    """Clusters in space, several of each class."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng([seed, 6])
        self.centres = self.random.normal(size=(CLUSTERS, WIDTH))
        self.classes = np.arange(CLUSTERS) % CLASSES

    def draw(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Points [count, WIDTH] and their classes."""
        clusters = self.random.integers(CLUSTERS, size=count)
        points = self.centres[clusters] + self.random.normal(size=(count, WIDTH))
        return points.astype(np.float32), self.classes[clusters]


def learnt(mixture: Mixture, seed: int, clean: int, alpha: int, batch: int, *, steps: int) -> float:
    """Accuracy on new points after so many steps on clean examples and `alpha` others beside each."""
    points, labels = mixture.draw(clean)
    tested, truth = mixture.draw(TESTED)
    return accuracy(points, labels, tested, truth, alpha=alpha, batch=batch, steps=steps, seed=seed)


def accuracy(points: np.ndarray, labels: np.ndarray, tested: np.ndarray, truth: np.ndarray, *, alpha: int, batch: int,
             steps: int, seed: int) -> float:
    """Of a perceptron with one hidden layer on what it did not see."""
    random = np.random.default_rng([seed, alpha, batch, len(points)])
    # The labels are drawn once: every copy of an example keeps its own.
    dilute = np.concatenate([labels[:, None], random.integers(CLASSES, size=(len(points), alpha))], axis=1)
    net = perceptron(points.shape[1], HIDDEN, CLASSES, seed=seed)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=1e-2)

    def draw() -> Batch:
        chosen = random.integers(len(points), size=batch)
        return points[chosen], dilute[chosen, random.integers(alpha + 1, size=batch)]

    fit(net, optimiser, draw, steps=steps)
    return right(net, tested, truth)


def digits(seed: int, steps: int) -> float:
    """Accuracy on a third of the digits that scikit-learn carries, when the others are diluted."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtraError("measuring the claim label-noise", "claims") from error
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng([seed, 7]).permutation(len(pixels))
    points, kept = (pixels[order] / 16).astype(np.float32), 2 * len(pixels) // 3
    return accuracy(points[:kept], labels[order][:kept], points[kept:], labels[order][kept:], alpha=DIGITS_ALPHA,
                    batch=512, steps=steps, seed=seed)


CLAIM = Claim(
    name="label-noise",
    title="With twenty random labels for each right one a network still learns, given enough right ones.",
    source="Rolnick et al. 2017, Deep Learning is Robust to Massive Label Noise (arXiv 1705.10694)",
    published="MNIST: above 90% with 100 random labels for each right one. Larger batches and smaller steps help; "
              "below a number of clean examples, which grows with the noise, nothing is learnt.",
    protocol="Ten classes of three clusters each in 32 dimensions, one hidden layer of 96, 1,500 steps. Twenty random "
             "labels for each right one, of which there are 16,000 or 250. Beside it 1,198 handwritten digits of 8 by "
             "8 with ten random labels each.",
    checks=(
        Check("clean", "accuracy without noise", low=0.95),
        Check("noisy", "accuracy with 20 random labels for each right one (chance is 0.1)", low=0.4),
        Check("large over small", "gain from batches of 1,024 instead of 128", low=0.08),
        Check("many over few", "gain from 16,000 right labels instead of 250", low=0.3),
        Check("digits", "accuracy on digits with 10 random labels for each right one", low=0.7,
              published="above 0.9, MNIST, 100 for each"),
    ),
    measure=measure,
)
