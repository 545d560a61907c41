"""Answers that a critic put better by written principles, what that was worth, and a policy that learns them.

Bai et al. 2022, "Constitutional AI", section 3: a principle for each answer and round, and the last revision is learnt.
Not covered: examples of other sources beside revisions, as the paper has them for helpfulness; the distance to the base
holds the policy instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from pawl.errors import TrainingError
from pawl.interfaces import Judge, Trainable
from pawl.learning.objective import Objective
from pawl.learning.train import planned, train
from pawl.play import Watch
from pawl.records import Attempt, Completion, Demonstration, Revision, Verdict
from pawl.selection.anchor import plan_batches
from pawl.selection.examples import chosen_examples

REVISION_RATE, CHECKPOINT_RATE = 5e-3, 2e-5
"""Peak step size of a model from scratch, and of one that begins as a checkpoint."""
EPOCHS, HELD = 2, 0.01
"""Times that a revision is learnt, and the weight of the distance to the base meanwhile."""
RATED, SHOWN, LONGEST = 128, 1, 200
"""Answers of a round that the critic rates, those that are shown, and characters of each of their texts."""

MEASURED = ("kept", "gold", "length", "failed")
"""What is kept of a round."""


class Dials(Protocol):
    """What a recipe's settings say."""

    @property
    def model(self) -> str: ...

    @property
    def batch(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Rated:
    """Answers after some rounds of revision."""

    kept: float
    """How well they keep to all principles as the critic says, in [0, 1]; NaN where it cannot say."""
    gold: float
    length: float
    """Tokens."""
    failed: int
    """Revisions of the round that came to nothing."""
    why: str | None
    """Why, of the first of them."""

    @property
    def in_words(self) -> str:
        failed = f", {self.failed} revisions failed ({self.why})" if self.failed else ""
        kept, gold = ("nothing" if np.isnan(one) else f"{one:.3f}" for one in (self.kept, self.gold))
        return f"the critic says {kept}, gold {gold}, {self.length:.0f} tokens on average{failed}"

    def metrics(self, number: int) -> dict[str, float]:
        """Under names that `rounds_of` reads; nothing of what nobody could score."""
        found = {f"{name}_{number}": float(getattr(self, name)) for name in MEASURED}
        return {name: value for name, value in found.items() if not np.isnan(value)}


def rounds_of(metrics: Mapping[str, float]) -> list[dict[str, Any]]:
    """What a stage measured of each round, as results tell it, None where nobody could score; number 0 is before the
    first."""
    found: list[dict[str, Any]] = []
    while f"failed_{len(found)}" in metrics:
        found.append({"revision": len(found), **{name: metrics.get(f"{name}_{len(found)}") for name in MEASURED}})
    return found


def rated(answers: Sequence[Attempt], revisions: Sequence[Revision], judge: Judge, gold: Judge) -> Rated:
    """What a critic's judge says of some answers, and gold of all, after revisions that led to them."""
    failed = [one for one in revisions if one.text is None]
    lengths = [len(one.completion.tokens) for one in answers]
    return Rated(_mean(judge(answers[:RATED])), _mean(gold(answers)), float(np.mean(lengths)), len(failed),
                 failed[0].error if failed else None)


def put_better(revision: Revision, policy: Trainable) -> Attempt:
    """The attempt as it was revised, in the policy's tokens and within its context; as it was where that failed. The
    blanks with which an answer goes on from its prompt stay: a model's replies have none."""
    before = revision.attempt
    if revision.text is None:
        return before
    said = before.completion.text
    blanks = "" if revision.text[:1].isspace() else said[: len(said) - len(said.lstrip())]
    _, whole = policy.encode_demonstration(Demonstration(before.problem.prompt, blanks + revision.text))
    tokens = whole[: policy.context - len(before.prompt_tokens)]
    completion = Completion(policy.decode(tokens), tokens, np.zeros(len(tokens), np.float32),
                            "stop" if len(tokens) == len(whole) else "length")
    return replace(before, completion=completion, source="critic")


def shown(revisions: Sequence[Revision]) -> list[str]:
    """Answers, what was wrong with them, and how they were put better, of those that changed."""
    changed = [one for one in revisions if one.text not in (None, one.attempt.completion.text)]
    return [" -> ".join(text.strip()[:LONGEST] for text in (one.attempt.completion.text, one.critique, one.text or ""))
            for one in changed[:SHOWN]]


def must_be_revised(answers: Sequence[Attempt], revisions: Sequence[Revision]) -> list[Attempt]:
    """The answers that a critic revised or found to need none. Raises TrainingError where there are none."""
    revised = [one for one in answers if one.source == "critic"]
    if not revised:
        raise TrainingError(f"a critic must revise some answers, got none of {len(answers)} "
                            f"({next((one.error for one in revisions), 'there were none')})",
                            hint="look at what it replies; --revisions 0 goes on without")
    return revised


def with_revisions(base: Trainable, answers: Sequence[Attempt], dials: Dials, *, key: int, watch: Watch
                   ) -> tuple[Trainable, dict[str, float]]:
    """The base after it learnt these answers, held by its distance to what it was, and the losses."""
    policy, examples = base.clone(), chosen_examples(answers, range(len(answers)))
    plan = plan_batches([len(one.tokens) for one in examples], [], batch=dials.batch, floor=0.0, epochs=EPOCHS, key=key)
    training = train(policy, planned(examples, (batch.own for batch in plan)), objective=Objective(kl=HELD),
                     learning_rate=CHECKPOINT_RATE if dials.model else REVISION_RATE, reference=base, watch=watch)
    return policy, training.losses


def _mean(verdicts: Sequence[Verdict]) -> float:
    return float(np.mean([one.score for one in verdicts if one.score is not None] or [np.nan]))
