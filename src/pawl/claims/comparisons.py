"""Attempts as features, a gold that nobody sees whole, and reward models that learn it from comparisons.

Gold is what pairs of features are worth together, and it fades where a feature is out of the ordinary. Features have
heavy tails, so that the best of many attempts may be far out, farther than any attempt that was ever compared; there a
reward model goes on with the trend that it has seen. With light tails nothing is far out.
"""

from __future__ import annotations

import copy
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from pawl.claims.fitting import perceptron

FEATURES, DEGREES, REACH = 24, 4, 2.0
"""Of an attempt; Student's degrees of freedom of a feature with heavy tails; how far it may go before it fades."""
HIDDEN, STEPS, BATCH, HELD_OUT, LOOK = 128, 800, 256, 0.1, 50
"""Units, steps and comparisons in a step; share of comparisons that say when to stop, and how often they are asked."""
Tails = Literal["heavy", "light"]


class Gold:
    """What pairs of features are worth, of a seed; of attempts with heavy tails about 0 on average and 1 in spread."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng([seed, 20])
        drawn = self.random.normal(size=(FEATURES, FEATURES))
        self.worth = drawn + drawn.T
        np.fill_diagonal(self.worth, 0)
        self.scale = float(self._raw(self.attempts(20_000)).std())

    def attempts(self, count: int, tails: Tails = "heavy") -> np.ndarray:
        """[count, FEATURES] of a reference policy."""
        shape = count, FEATURES
        drawn = self.random.standard_t(DEGREES, shape) if tails == "heavy" else self.random.normal(size=shape)
        return np.asarray(drawn, np.float32)

    def __call__(self, attempts: np.ndarray) -> np.ndarray:
        """[N]"""
        return self._raw(attempts) / self.scale

    def _raw(self, attempts: np.ndarray) -> np.ndarray:
        faded = attempts * np.exp(-(attempts / REACH) ** 2 / 2)
        worth: np.ndarray = np.einsum("ni,ij,nj->n", faded, self.worth, faded, optimize=True)
        return worth


def comparison_loss(better: Tensor, worse: Tensor) -> Tensor:
    """-log sigmoid(r(better) - r(worse)) on average: Bradley and Terry's (1952), from rewards of any shape."""
    return -nn.functional.logsigmoid(better - worse).mean()


class RewardModel:
    """A perceptron that learnt which of two attempts was liked better."""

    def __init__(self, first: np.ndarray, second: np.ndarray, liked: np.ndarray, *, seed: int,
                 hidden: int = HIDDEN) -> None:
        """From comparisons of [N, FEATURES] attempts with others, of which [N] flags say whether the first was liked;
        ends at the lowest loss on those held out."""
        pairs = [torch.from_numpy(np.where(side[:, None], first, second)) for side in (liked, ~liked)]
        held = max(1, int(HELD_OUT * len(first)))
        unseen, seen = [side[:held] for side in pairs], [side[held:] for side in pairs]
        self.net, random = perceptron(FEATURES, hidden, 1, seed=seed), np.random.default_rng([seed, 21])
        optimiser = torch.optim.AdamW(self.net.parameters(), lr=1e-3, weight_decay=1e-2)
        least, best = float("inf"), self.net.state_dict()
        for step in range(1, STEPS + 1):
            rows = torch.from_numpy(random.integers(len(seen[0]), size=BATCH))
            optimiser.zero_grad()
            comparison_loss(*(self.net(side[rows]) for side in seen)).backward()
            optimiser.step()
            if step % LOOK == 0 and (loss := self._loss(unseen)) < least:
                least, best = loss, copy.deepcopy(self.net.state_dict())
        self.net.load_state_dict(best)

    @torch.no_grad()
    def _loss(self, pairs: list[Tensor]) -> float:
        return float(comparison_loss(*map(self.net, pairs)))

    @torch.no_grad()
    def __call__(self, attempts: np.ndarray) -> np.ndarray:
        """[N]"""
        return np.asarray(self.net(torch.from_numpy(attempts))[:, 0].numpy(), np.float64)

    def accuracy(self, first: np.ndarray, second: np.ndarray, gold: Gold) -> float:
        """Share of comparisons that it decides as gold does."""
        return float(((self(first) > self(second)) == (gold(first) > gold(second))).mean())


def learnt(gold: Gold, comparisons: int, *, seed: int, tails: Tails = "heavy", hidden: int = HIDDEN) -> RewardModel:
    """A reward model with `hidden` units from so many new comparisons, in which gold is never wrong."""
    first, second = gold.attempts(comparisons, tails), gold.attempts(comparisons, tails)
    return RewardModel(first, second, gold(first) > gold(second), seed=seed, hidden=hidden)
