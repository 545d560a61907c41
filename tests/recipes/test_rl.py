"""Every algorithm learns a toy task from its own play; the recipe is honest, refuses, and goes on where it stopped."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from letters import Letters
from runs import Run, Runs
from stopping import carried_out, same_as_whole

from pawl.errors import ConfigError, TaskError, UnknownNameError
from pawl.meters.alarms.note import is_alarm
from pawl.models.opening import fresh_policy
from pawl.recipes import on_policy, rl
from pawl.recipes.algorithms import ALGORITHMS
from pawl.records import Demonstration, Problem, Split

torch.set_num_threads(1)

SMALL: dict[str, Any] = {
    "tokenizer": "char", "depth": 1, "base_steps": 60, "batch": 32, "generations": 1, "rounds": 60, "problems": 32,
    "attempts": 8, "max_tokens": 3, "device": "cpu", "alpha": 1, "test_problems": 100, "learning_rate": 3e-3,
}
OFFLINE = {"rounds": 5, "problems": 128, "epochs": 4}
ONCE = {"rounds": 1, "problems": 400, "attempts": 2, "epochs": 10, "steps": 4}
SMALLER = {**SMALL, "base_steps": 30, "generations": 2, "rounds": 3, "problems": 16, "attempts": 6, "test_problems": 20}


@pytest.fixture
def rl_runs(tmp_path: Path) -> Any:
    made = Runs(tmp_path, rl)
    yield made
    made.close()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_learns_the_toy_task(rl_runs: Runs, algorithm: str) -> None:
    more = OFFLINE if algorithm in ("sft", "rwr") else ONCE if algorithm == "spin" else {}
    run = rl_runs(Letters(), **SMALL | more, algorithm=algorithm)
    assert run.result["base"]["pass@1"] < 0.2
    assert run.result["final"]["pass@1"] > 0.5
    assert run.rows[0].metrics["steps"] > 0 and run.rows[0].metrics["gradient"] > 0
    assert run.rows[0].metrics["parameter_change"] > 1e-3 and run.rows[0].notes == []
    assert ("value_attempts" in run.rows[0].metrics) is (algorithm == "ppo")  # no other teaches a value


def test_a_gate_refuses_a_candidate_that_became_worse(rl_runs: Runs) -> None:
    run = rl_runs(Letters(), **SMALL | {"alpha": 0.05, "rounds": 2, "learning_rate": 1e-6})
    assert run.result["refused"] == 1 and run.champion == run.base


def test_all_play_stands_in_the_ledger_with_its_verdicts(rl_runs: Runs) -> None:
    run = rl_runs(Letters(), **SMALLER)
    for row in run.rows:
        attempts = list(run.ledger.attempts(row.index))
        assert len(attempts) == row.metrics["attempts"] == 3 * 16 * 6
        assert len({(attempt.problem.id, attempt.index) for attempt, _ in attempts}) == len(attempts)
        assert all(verdict.score == run.task.score(attempt.problem, attempt.completion.text)
                   for attempt, verdict in attempts)
        assert {"sample", "score", "train", "gate"} <= row.seconds.keys()


def test_every_train_problem_comes_before_one_comes_again(rl_runs: Runs) -> None:
    run = rl_runs(Letters(), **SMALLER)
    parts = rl.ReinforcementLearning.__new__(rl.ReinforcementLearning)
    parts.settings, parts.train_problems = run.settings, run.task.problems("train", 40, 0)
    rounds = [[problem.id for problem in parts.round_problems(number)] for number in range(5)]
    assert all(len(set(drawn)) == 16 for drawn in rounds)
    drawn = [name for names in rounds for name in names]
    assert len(set(drawn[:40])) == 40 and max(drawn.count(name) for name in drawn) == 2


class Unanswered(Letters):
    """The toy task, its answers unknown to all but the truth."""

    def _all(self, split: Any, seed: int) -> list[Problem]:
        return [Problem(one.id, one.prompt, one.split) for one in super()._all(split, seed)]


def test_spin_must_have_known_answers(rl_runs: Runs) -> None:
    with pytest.raises(TaskError, match="spin must have problems with known answers"):
        rl_runs(Unanswered(), **SMALLER | {"rounds": 1}, algorithm="spin")


class Unjudgeable(Letters):
    """A task that scores nothing of what it is asked in training."""

    def score(self, problem: Problem, answer: str) -> float:
        return float("nan") if problem.split == "train" else super().score(problem, answer)


@pytest.mark.parametrize("algorithm", ["grpo", "ppo", "dpo", "rwr", "kto", "sft"])
def test_where_nothing_could_be_judged_nothing_is_learnt_and_the_run_goes_on(rl_runs: Runs, algorithm: str) -> None:
    run = rl_runs(Unjudgeable(), **SMALLER, algorithm=algorithm)
    assert run.result["promoted"] == 0 and run.champion == run.base
    for row in run.rows:
        assert row.dropped and row.metrics["abstained"] == row.metrics["attempts"] > 0
        assert [note for note in row.notes if not is_alarm(note)] == [
            "no attempt of the last round could be judged: score must return a number in [0, 1], got nan"]
        assert any("silent judge" in note for note in row.notes)


def test_prompts_too_long_for_the_model_fail_alone_and_the_others_teach(rl_runs: Runs) -> None:
    class Chatty(Letters):
        def _all(self, split: Split, seed: int) -> list[Problem]:
            return [replace(p, prompt=p.id * 400) if p.id.endswith("7") else p for p in super()._all(split, seed)]

        def corpus(self, count: int, seed: int) -> list[Demonstration]:
            return Letters().corpus(count, seed)

    run = rl_runs(Chatty(), **SMALL | {"rounds": 30})
    long = [attempt for attempt, verdict in run.ledger.attempts(1) if verdict.score is None]
    assert {attempt.problem.id[-1] for attempt in long} == {"7"}
    assert all("1200 prompt tokens and 3 new ones exceed the model's" in str(attempt.error) for attempt in long)
    assert run.rows[0].metrics["abstained"] == len(long) > 0 and run.rows[0].metrics["steps"] == 30
    assert run.result["final"]["pass@1"] > run.result["base"]["pass@1"] + 0.1


@pytest.mark.parametrize(("given", "said"), [
    ({"algorithm": "gpro"}, "unknown algorithm: 'gpro'"),
    ({"algorithm": "dpo", "real_floor": 0.1}, "real_floor must be 0 for dpo, got 0.1"),
    ({"algorithm": "ipo", "kl": 0}, "kl must be above 0 for ipo, got 0"),
    ({"algorithm": "dpo", "kl": ("k3", 0.1)}, "kl must be a number for dpo, whose distance is its own, got k3"),
    ({"algorithm": "grpo", "temperature": 0.7}, "temperature must be 1 for grpo, got 0.7"),
    ({"algorithm": "spin", "rounds": 2}, "rounds must be 1 for spin, got 2"),
    ({"lora": 4}, "lora must have a checkpoint to adapt, got lora 4 and no model"),
])
def test_settings_that_do_not_go_together_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises((ConfigError, UnknownNameError), match=said):
        rl.Settings(**given)


@pytest.mark.parametrize(("algorithm", "given", "beta"), [
    ("grpo", None, 0.01), ("dpo", None, 0.1), ("grpo", ("k3", 0.3), 0.3), ("kto", 0.5, 0.5)])
def test_the_weight_of_the_distance_is_the_algorithms_own_unless_it_is_told(algorithm: str, given: Any, beta: float
                                                                           ) -> None:
    assert rl.Settings(algorithm=algorithm, kl=given).beta == beta


def test_lora_learns_a_checkpoint_and_leaves_a_whole_one(rl_runs: Runs, tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="the adapters are peft's")
    texts = [f"{number:03d}{letter}" for number in range(10) for letter in "abcdefghij"]
    fresh_policy(texts, tokenizer="char", depth=1, context=32, seed=0).save(tmp_path / "model")
    run = rl_runs(Letters(), **SMALLER | {"model": str(tmp_path / "model"), "lora": 2, "learning_rate": 1e-2})
    champion, base = run.open(run.champion), run.open(run.base)
    moved = [name for (name, ours), (_, theirs) in zip(champion.named_parameters(), base.named_parameters(),
                                                       strict=True) if not torch.equal(ours, theirs)]
    assert 1e-4 < run.rows[0].metrics["parameter_change"] < 1
    assert moved and all("qkv" in name or "out" in name or "gate_up" in name or "down" in name for name in moved)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rl") / "whole"
    carried_out(rl, rl.Settings(**SMALLER), Letters(), path)
    return path


@pytest.mark.parametrize("stop", [("sample", 1), ("train", 2), ("gate", 1), ("test", 2)])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(whole: Path, tmp_path: Path, stop: tuple[str, int]
                                                              ) -> None:
    carry_out = partial(carried_out, rl, rl.Settings(**SMALLER), Letters())
    assert same_as_whole(carry_out, whole, tmp_path / "run", [stop])


def test_real_text_may_stand_in_every_batch(rl_runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    train = on_policy.train

    def watched(policy: Any, batches: Any, **more: Any) -> Any:
        def told() -> Any:
            for batch in batches:
                seen.append(float(np.mean([example.source == "real" for example in batch])))
                yield batch
        return train(policy, told(), **more)

    monkeypatch.setattr(on_policy, "train", watched)
    rl_runs(Letters(), **SMALLER | {"real_floor": 0.25})
    assert len(seen) == 6 and min(seen) >= 0.25


def test_the_result_says_what_was_learnt(rl_runs: Runs) -> None:
    run: Run = rl_runs(Letters(), **SMALLER)
    messages = [event.message for event in run.events if event.message]
    assert any("of the last round's attempts were right" in message for message in messages)
