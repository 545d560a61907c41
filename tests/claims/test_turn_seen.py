"""The judges of the claim on the turn, by hand, and what a run in small comes to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats
from scipy.special import logit

from pawl.claims import turn_seen
from pawl.judges.truth import truth
from pawl.recipes.base_model import make_base, real_data
from pawl.recipes.rlhf import Settings
from pawl.records import Attempt, Completion, Problem
from pawl.tasks.stories import Stories

TASK = Stories(nouns=10)


def attempts(texts: Sequence[str]) -> list[Attempt]:
    return [Attempt(Problem("the dedrats baim", "the dedrats baim", "train"), 0, np.zeros(1, np.int32),
                    Completion(text, np.zeros(1, np.int32), np.zeros(1, np.float32), "stop")) for text in texts]


def test_who_does_not_tire_likes_every_word_as_often_as_it_comes_and_no_grammar() -> None:
    [verdict] = turn_seen.untiring(TASK)(attempts([" baim baim the"]))
    assert verdict.score is not None
    assert logit(verdict.score) == pytest.approx(TASK.charm("dedrats") + 3 * TASK.charm("baim"))


def test_who_is_in_doubt_errs_by_normal_noise_and_says_the_same_of_the_same_text() -> None:
    those = attempts([one.completion for one in TASK.corpus(400, 1)])
    gold = truth(TASK)
    said, again = (turn_seen.doubtful(gold, 7)(those) for _ in range(2))
    assert said == again
    errors = {one.completion.text: logit(verdict.score or 0) - logit(real.score or 0)
              for one, verdict, real in zip(those, said, gold(those), strict=True)}
    assert stats.kstest(list(errors.values()), "norm").pvalue > 0.01


def test_a_run_reads_every_generation_and_measures_gold_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turn_seen, "READ", 16)
    monkeypatch.setattr(turn_seen, "REALLY", 8)
    settings = Settings(depth=1, tokenizer="char", base_steps=2, generations=2, rounds=1, problems=2, attempts=2,
                        max_tokens=8, device="cpu")
    base, _ = make_base(TASK, real_data(TASK, settings), settings, lambda done, total: None)
    run = turn_seen.carried_out(base, TASK, turn_seen.untiring(TASK), settings)
    assert len(run.golds) == 3 and run.turn is None and run.best == int(np.argmax(run.golds))
