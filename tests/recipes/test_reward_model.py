"""A reward model of attempts: it learns who is liked, says how far it can be believed, and refuses too little."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from pawl.errors import TrainingError
from pawl.interfaces import Trainable
from pawl.judges.orm import OutcomeReward
from pawl.models.opening import fresh_policy
from pawl.recipes import reward_model
from pawl.recipes.reward_model import Lessons, by_score, centre, learn_to_judge, must_beat_chance, rewards
from pawl.records import Attempt, Comparison, Completion, Problem, TokenExample, Verdict

torch.set_num_threads(1)

LESSONS = Lessons(passes=4, batch=32, learning_rate=1e-2)
POLICY = fresh_policy(["abcdefgh?"], tokenizer="char", depth=1, context=32, seed=0)


def attempts(count: int, seed: int = 0) -> list[Attempt]:
    """Of random letters; who reads them likes a."""
    random, prompt = np.random.default_rng(seed), POLICY.encode("?")
    made = []
    for index in range(count):
        text = "".join(random.choice(list("abcdefgh"), size=int(random.integers(2, 9))))
        tokens = POLICY.tokenizer.encode(text, continues=True)
        made.append(Attempt(Problem("p", "?", "train"), index, prompt,
                            Completion(text, tokens, np.zeros(len(tokens), np.float32), "stop")))
    return made


def liked(one: Attempt) -> float:
    return one.completion.text.count("a") / 10


def judge(given: list[Attempt]) -> list[Verdict]:
    return [Verdict(liked(one), "taste") for one in given]


def comparisons(count: int, seed: int = 0) -> list[Comparison]:
    made = attempts(2 * count, seed)
    pairs = list(zip(made[0::2], made[1::2], strict=True))
    return [Comparison(*(pair if first else pair[::-1])) for pair, first in
            zip(pairs, by_score(judge, noise=0, key=0)(pairs), strict=True) if first is not None]


@pytest.fixture(scope="module")
def learnt() -> tuple[Trainable, dict[str, float]]:
    model = POLICY.clone()
    return model, learn_to_judge(model, comparisons(600), LESSONS, key=1)


def test_it_foresees_comparisons_that_it_did_not_learn_from(learnt: tuple[Trainable, dict[str, float]]) -> None:
    model, metrics = learnt
    assert metrics["foreseen"] > 0.9 and metrics["foreseen_low"] > 0.75
    must_beat_chance(metrics)
    others = attempts(200, seed=9)
    found = rewards(OutcomeReward(model), others)
    assert np.corrcoef(found, [liked(one) for one in others])[0, 1] > 0.8


def test_what_is_held_out_is_learnt_from_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[bytes] = []
    train = reward_model.train

    def watched(model: Trainable, batches: list[list[TokenExample]], **more: object) -> object:
        shown.extend(example.tokens.tobytes() for batch in batches for example in batch)
        return train(model, batches, **more)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(reward_model, "train", watched)
    told: list[Comparison] = []
    monkeypatch.setattr(reward_model, "foreseen", lambda model, held: told.extend(held) or {})
    given = comparisons(60)
    learn_to_judge(POLICY.clone(), given, Lessons(1, 16, 1e-3), key=1, times=[3] * len(given))
    kept = {np.concatenate((side.prompt_tokens, side.completion.tokens)).astype(np.int32).tobytes()
            for one in told for side in (one.liked, one.other)}
    assert len(told) == -(-len(given) // 10) and len(shown) == 2 * 3 * (len(given) - len(told))
    assert sum(one in kept for one in set(shown)) <= 1  # two texts may be the same by chance


def test_a_coin_that_was_tossed_teaches_nothing_and_that_is_said() -> None:
    random, made = np.random.default_rng(3), attempts(300, seed=4)
    tossed = [Comparison(*(pair if random.random() < 0.5 else pair[::-1]))
              for pair in zip(made[0::2], made[1::2], strict=True)]
    metrics = learn_to_judge(POLICY.clone(), tossed, LESSONS, key=1)
    with pytest.raises(TrainingError, match=r"must foresee more than chance, got .* of 15 comparisons .* out of 150"):
        must_beat_chance(metrics)


def test_contradictions_are_counted() -> None:
    both = comparisons(40)
    opposite = [Comparison(one.other, one.liked) for one in both]
    metrics = learn_to_judge(POLICY.clone(), [*both, *opposite], LESSONS, key=1)
    assert metrics["contradictions"] == 2 * len(both)


def test_without_comparisons_there_is_nothing_to_learn() -> None:
    with pytest.raises(TrainingError, match="must have comparisons to learn from, got 1"):
        learn_to_judge(POLICY.clone(), comparisons(1), LESSONS, key=0)


def test_the_average_attempt_is_worth_nothing(learnt: tuple[Trainable, dict[str, float]]) -> None:
    model, others = learnt[0].clone(), attempts(100, seed=5)
    before = rewards(OutcomeReward(model), others)
    centre(model, others)
    after = rewards(OutcomeReward(model), others)
    assert after.mean() == pytest.approx(0, abs=1e-4)
    np.testing.assert_allclose(after - after.mean(), before - before.mean(), atol=1e-3)


def test_whoever_compares_by_scores_prefers_the_higher_one_and_says_nothing_of_equals() -> None:
    made = sorted(attempts(50, seed=6), key=liked)
    pairs = [(made[-1], made[0]), (made[0], made[-1]), (made[0], made[0])]
    assert by_score(judge, noise=0, key=0)(pairs) == [True, False, None]
    assert by_score(lambda given: [Verdict(None, "silent") for _ in given], noise=0, key=0)(pairs) == [None] * 3


def test_a_labeller_in_doubt_errs_as_often_as_bradley_and_terry_have_it() -> None:
    made = sorted(attempts(50, seed=6), key=liked)
    apart = liked(made[-1]) - liked(made[0])
    asked = [(made[-1], replace(made[0], problem=replace(made[0].problem, id=str(number)))) for number in range(4000)]
    said = by_score(judge, noise=apart, key=7)([(replace(one, problem=other.problem), other) for one, other in asked])
    assert np.mean(said) == pytest.approx(1 / (1 + np.exp(-1)), abs=0.03)
