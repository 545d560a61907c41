"""A reward model of attempts, learnt from comparisons, and how far it can be believed.

Bradley and Terry 1952; Stiennon et al. 2020, section 3.4; Ouyang et al. 2022, equation 1. It begins as a copy of the
policy that wrote the attempts, and its score of an attempt is the chance that it is liked better than the average of
those that it is centred on. Not covered: several comparisons of one prompt in one batch element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pawl.errors import TrainingError
from pawl.gate.statistics import wilson_interval
from pawl.interfaces import Judge, Prefers, Trainable
from pawl.judges.labeller import Labeller
from pawl.judges.orm import OutcomeReward
from pawl.keys import permutation, row_keys, stream
from pawl.learning.advantages import log_odds
from pawl.learning.objective import COMPARISONS
from pawl.learning.train import train
from pawl.records import Attempt, Comparison
from pawl.selection.comparisons import comparison_examples, contradictions

HELD_OUT = 10
"""Every tenth comparison is kept to measure on."""
Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Lessons:
    """How a reward model learns."""

    passes: int
    """Times that a comparison is learnt from."""
    batch: int
    """Comparisons in a batch."""
    learning_rate: float


def learn_to_judge(model: Trainable, comparisons: Sequence[Comparison], lessons: Lessons, *, key: int,
                   times: Sequence[int] | None = None, watch: Watch = lambda done, total: None) -> dict[str, float]:
    """Train a model's value in place, with all of its layers; `times` is how often each comparison counts, once where
    it is left out. Returns how many comparisons there were, how many contradict another, and how many of those held out
    it foresees. Raises TrainingError where there are none."""
    order = permutation(stream(key, "held out"), len(comparisons))
    held_out = [comparisons[place] for place in order[::HELD_OUT]]
    learnt = [comparisons[place] for number, place in enumerate(order) if number % HELD_OUT
              for _ in range(times[place] if times else 1)]
    if not learnt:
        raise TrainingError(f"a reward model must have comparisons to learn from, got {len(comparisons)}",
                            hint="label some thousands")
    examples = comparison_examples(learnt)
    passes = [permutation(stream(key, "pass", number), len(learnt)) for number in range(lessons.passes)]
    batches = [[examples[2 * place + side] for place in drawn[start : start + lessons.batch] for side in (0, 1)]
               for drawn in passes for start in range(0, len(learnt), lessons.batch)]
    losses = train(model, batches, learning_rate=lessons.learning_rate, objective=COMPARISONS, watch=watch).losses
    return {"comparisons": float(len(comparisons)), "contradictions": float(contradictions(comparisons)),
            "reward_loss": losses["value_loss"]} | foreseen(model, held_out)


def foreseen(model: Trainable, comparisons: Sequence[Comparison]) -> dict[str, float]:
    """The share of comparisons in which what was liked scores higher, with its 95% interval."""
    scores = rewards(OutcomeReward(model), [side for one in comparisons for side in (one.liked, one.other)])
    known = np.isfinite(scores[0::2]) & np.isfinite(scores[1::2])
    rate = float(np.mean((scores[0::2] > scores[1::2])[known])) if known.any() else 0.5
    low, high = wilson_interval(rate, int(known.sum()))
    return {"foreseen": rate, "foreseen_low": low, "foreseen_high": high, "foreseen_of": float(known.sum())}


def must_beat_chance(metrics: dict[str, float]) -> None:
    """Raises TrainingError for a reward model that may as well toss coins."""
    if metrics["foreseen_low"] <= 0.5:
        raise TrainingError(
            f"a reward model must foresee more than chance, got {metrics['foreseen']:.0%} "
            f"[{metrics['foreseen_low']:.0%}, {metrics['foreseen_high']:.0%}] of {metrics['foreseen_of']:.0f} "
            f"comparisons that were held out of {metrics['comparisons']:.0f}, {metrics['contradictions']:.0f} of which "
            "contradict another", hint="below a few hundred comparisons few models learn any; label more")


@torch.no_grad()
def centre(model: Trainable, attempts: Sequence[Attempt]) -> None:
    """Move a reward model's 0 to the average of these attempts: comparisons say nothing of where it is."""
    bias = next(parameter for name, parameter in model.named_parameters() if name.endswith("value_head.bias"))
    bias.sub_(float(np.nanmean(rewards(OutcomeReward(model), attempts))))


def rewards(judge: Judge, attempts: Sequence[Attempt]) -> NDArray[np.float64]:
    """[N] log-odds of a judge's scores: of a reward model what it learnt; NaN where it abstains."""
    return log_odds([verdict.score for verdict in judge(attempts)])


def by_score(judge: Judge, *, noise: float, key: int) -> Prefers:
    """Who says which of two attempts is better by a judge's scores, the truth's for example: the one with the higher
    score, or with so much noise its opposite as often as Bradley and Terry's model has it. Nobody can say where both
    score the same, or one has no score."""
    labeller = Labeller(lambda scores: scores, noise)

    def prefers(pairs: Sequence[tuple[Attempt, Attempt]]) -> list[bool | None]:
        verdicts = judge([side for pair in pairs for side in pair])
        scores = np.array([np.nan if one.score is None else one.score for one in verdicts], np.float64)
        names = [f"{one.problem.id} {one.completion.text} {other.completion.text}" for one, other in pairs]
        first = labeller.prefers(scores[0::2], scores[1::2], row_keys(key, names, 1)[:, 0])
        known = np.isfinite(scores[0::2]) & np.isfinite(scores[1::2]) & (scores[0::2] != scores[1::2])
        return [bool(one) if sure else None for one, sure in zip(first, known, strict=True)]

    return prefers
