"""An evaluator that looks at a board from all its sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pawl.records import FloatArray, Symmetry, Views
from pawl.search.boards import Evaluate, Positions


@dataclass(frozen=True)
class Averaged:
    """The mean of what an evaluator says of a board and of the same board turned and mirrored, as AlphaGo's networks
    did (Silver et al. 2016, "Methods: symmetries"): for a player, who has the time. The evaluator must look at boards
    alone, as networks do."""

    evaluate: Evaluate
    symmetries: Sequence[Symmetry]

    def __call__(self, states: Positions, views: Views) -> tuple[FloatArray, FloatArray]:
        """Priors [L, A] and values [L]."""
        turns = [_turned(views, symmetry) for symmetry in self.symmetries]
        sides = 1 + len(turns)
        all_ = Views(*(np.concatenate([getattr(part, name) for part in (views, *turns)])
                       for name in ("boards", "legal", "players", "over", "results")))
        priors, values = self.evaluate(np.concatenate([states] * sides), all_)
        back = priors.reshape(sides, *views.legal.shape).copy()
        for part, symmetry in zip(back[1:], self.symmetries, strict=True):
            part[:, symmetry.moves] = part.copy()
        return back.mean(axis=0), values.reshape(sides, -1).mean(axis=0)


def _turned(views: Views, symmetry: Symmetry) -> Views:
    """The same positions, seen from another side."""
    count, planes, rows, columns = views.boards.shape
    cells = views.boards.reshape(count, planes, rows * columns)[:, :, symmetry.cells]
    return Views(cells.reshape(views.boards.shape), views.legal[:, symmetry.moves], views.players, views.over,
                 views.results)
