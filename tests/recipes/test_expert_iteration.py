"""Expert iteration on a task that a tiny model learns in seconds: it learns, it is honest, it refuses and it drops."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import pytest
import torch
from letters import Letters
from runs import SMALLER, TINY, Run, Runs

from pawl.errors import ConfigError
from pawl.ledger import Ledger
from pawl.loop import Turn
from pawl.meters.alarms.note import is_alarm
from pawl.models.checkpoint import fingerprint
from pawl.play import play
from pawl.recipes import expert_iteration
from pawl.recipes.base_model import real_data
from pawl.recipes.expert_iteration import ExpertIteration
from pawl.recipes.settings import Settings
from pawl.records import Demonstration, Event, Problem, Sampling, Split
from pawl.run_directory import RunDirectory
from pawl.selection.replay import replay
from pawl.tasks.countdown import Countdown

# What a run is for.


def test_a_held_out_score_rises_far_above_the_base(learnt: Run) -> None:
    assert learnt.result["promoted"] >= 1
    assert learnt.result["base"]["pass@1"] < 0.3
    assert learnt.result["final"]["ci"][0] > learnt.result["base"]["ci"][1] + 0.3


def test_the_final_scores_are_those_of_the_stored_champion_on_the_test_split(learnt: Run) -> None:
    problems = learnt.task.problems("test", 1000, 0)
    for name, scores in ((learnt.base, "base_scores"), (learnt.champion, "final_scores")):
        attempts = play(learnt.open(name), problems, 1, sampling=Sampling(3, temperature=0), key=0)
        expected = [learnt.task.score(attempt.problem, attempt.completion.text) for attempt in attempts]
        assert learnt.result["test"][scores] == expected
    assert learnt.result["test"]["problem_ids"] == [problem.id for problem in problems]


def test_a_promotion_is_by_what_the_gate_saw(learnt: Run) -> None:
    champion = learnt.base
    for row in learnt.rows:
        assert row.evidence is not None and row.decision is not None
        gain = float(row.evidence.candidate.mean() - row.evidence.champion.mean())
        assert row.decision.gain == pytest.approx(gain, abs=1e-6)
        assert row.decision.promote == (row.decision.p_value <= row.decision.alpha and gain > 0)
        champion = row.candidate if row.decision.promote else champion
        assert row.champion == champion
    assert sum(row.decision.alpha for row in learnt.rows if row.decision) == pytest.approx(0.05)


def test_no_gate_problem_is_used_twice_and_all_are_of_the_gate_split(learnt: Run) -> None:
    used = [name for row in learnt.rows for name in row.contest_ids]
    gate = {problem.id for problem in learnt.task.problems("gate", 10**9, 0)}
    assert len(used) == len(set(used)) == 4 * 80
    assert set(used) <= gate


def test_the_policy_learns_from_train_problems_alone(learnt: Run) -> None:
    train = {problem.id for problem in learnt.task.problems("train", 10**9, 0)}
    for generation in range(1, 5):
        assert {attempt.problem.id for attempt, _ in learnt.ledger.attempts(generation)} <= train


def test_every_generation_says_what_it_must_be_able_to_say(learnt: Run) -> None:
    for row in learnt.rows:
        assert row.metrics.keys() >= {
            "sampled_accuracy", "gate_candidate", "gate_champion", "pass@k", "k", "kl", "entropy", "real_loss",
            "train_loss", "value_loss", "examples_self", "examples_real", "tokens_self", "tokens_real",
            "truth_bits_self", "truth_bits_real", "attempts", "right", "distinct_right", "tokens_sampled",
            "tokens_trained"}
        assert row.seconds.keys() == {"sample", "score", "select", "train", "gate"}
        assert row.metrics["attempts"] == 200 * 8
    bits = sum(row.metrics["truth_bits_self"] for row in learnt.rows)
    assert learnt.result["truth_bits"]["self"] == pytest.approx(bits)


def test_a_refused_candidates_examples_stay_in_replay(learnt: Run) -> None:
    assert any(row.decision and not row.decision.promote for row in learnt.rows[:-1])
    for row in learnt.rows:
        found = [learnt.ledger.examples([generation]) for generation in range(1, row.index + 1)]
        assert row.metrics["replay"] == len(replay(found, window=8))
        assert row.metrics["distinct_right"] == len(found[-1])


def test_only_the_base_and_the_champion_keep_their_weights(learnt: Run) -> None:
    kept = {path.name for path in (learnt.directory.path / "checkpoints").iterdir()}
    assert kept == {learnt.base, learnt.champion}


def test_weights_that_a_kill_left_behind_are_removed(runs: Runs) -> None:
    """It comes after a commit and before the old champion's weights are removed."""
    run = runs(Letters(), **SMALLER)
    checkpoints = run.directory.path / "checkpoints"
    kept = {path.name for path in checkpoints.iterdir()}
    spoilt = run.open(run.base)
    next(spoilt.named_parameters())[1].data.zero_()
    run.directory.store(spoilt.save, fingerprint)
    run.go_on()
    assert {path.name for path in checkpoints.iterdir()} == kept


def test_the_gates_power_is_told_before_the_first_generation(learnt: Run) -> None:
    messages = [event.message for event in learnt.events if event.message]
    assert messages[0].startswith("gate: with 80 problems a contest") and "+3" in messages[0]


# The test split.


def test_the_test_split_is_touched_once_after_the_last_decision(runs: Runs) -> None:
    class Watched(Letters):
        def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
            happened.append(split)
            return super().problems(split, count, seed)

    happened: list[str] = []
    run = runs(Watched(), **SMALLER)
    assert happened.count("test") == 1
    first = next(place for place, event in enumerate(run.events) if event.stage == "test")
    assert [event for event in run.events[first:] if event.stage not in ("test", "done")] == []
    assert happened[-1] == "test"


def test_a_run_that_has_ended_gives_its_result_again_and_touches_nothing(runs: Runs) -> None:
    run = runs(Letters(), **SMALLER)
    first, digest = run.result, run.ledger.digest()
    run.task.asked.clear()
    assert run.go_on() == first
    assert "test" not in run.task.asked
    assert run.ledger.digest() == digest


# Where it goes wrong.


def test_a_candidate_that_learning_has_damaged_is_refused(learnt: Run, runs: Runs) -> None:
    master = str(learnt.directory.checkpoint(learnt.champion))
    # Two problems, learnt by heart until nothing else is known.
    heart = {"problems": 2, "keep": 1, "epochs": 60, "batch": 2, "kl": 0.0, "real_floor": 0.0, "learning_rate": 0.05}
    run = runs(Letters(), **{**TINY, **heart, "model": master, "generations": 1})
    (row,) = run.rows
    assert row.metrics["gate_champion"] > 0.9
    assert row.metrics["gate_candidate"] < 0.5
    assert row.decision is not None and not row.decision.promote
    assert (row.champion, run.result["refused"], run.result["promoted"]) == (run.base, 1, 0)
    assert run.result["final"]["pass@1"] == run.result["base"]["pass@1"] > 0.9


def test_a_loss_that_is_no_number_drops_the_generation_and_the_champion_stays(learnt: Run, runs: Runs) -> None:
    master = str(learnt.directory.checkpoint(learnt.champion))
    run = runs(Letters(), **{**SMALLER, "model": master, "learning_rate": 1e20, "batch": 8})
    assert [row.dropped is not None and "loss must be finite" in row.dropped for row in run.rows] == [True, True]
    assert [(row.champion, row.candidate, row.decision) for row in run.rows] == [(run.base, None, None)] * 2
    assert (run.result["dropped"], run.result["promoted"], run.result["refused"]) == (2, 0, 0)


def test_a_generation_in_which_nothing_was_right_is_said_to_be_one(runs: Runs) -> None:
    class Hopeless(Letters):
        def score(self, problem: Problem, answer: str) -> float:
            return 0.0

    run = runs(Hopeless(), **SMALLER)
    for row in run.rows:
        assert [note for note in row.notes if not is_alarm(note)] == ["none of 20 attempts was right"]
        assert row.dropped == "there was nothing to learn from"
        assert (row.champion, row.decision, row.metrics["right"]) == (run.base, None, 0)
    assert run.result["dropped"] == 2
    assert run.result["base"]["pass@1"] == run.result["final"]["pass@1"] == 0


def test_a_run_stops_when_the_gate_problems_run_out_and_says_so(runs: Runs) -> None:
    class Scarce(Letters):
        def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
            return super().problems(split, count, seed)[: 3 if split == "gate" else None]

    # Answers of any letter are right often enough for each generation to hold a contest.
    run = runs(Scarce(), **{**TINY, "base_steps": 30, "problems": 20, "generations": 5})
    assert (run.result["generations"], len(run.rows)) == (3, 3)
    sentence = "the gate problems have run out: all 3 were used"
    assert any(event.message == sentence for event in run.events)
    assert any(sentence in note for note in run.ledger.header["notes"])
    digest = run.ledger.digest()
    run.go_on()
    assert run.ledger.digest() == digest


def test_a_judge_that_abstains_from_everything_promotes_nothing(runs: Runs) -> None:
    class Raising(Letters):
        def score(self, problem: Problem, answer: str) -> float:
            raise RuntimeError("no idea")

    run = runs(Raising(), **SMALLER)
    assert [row.metrics["abstained"] for row in run.rows] == [20, 20]
    assert "sampled_accuracy" not in run.rows[0].metrics
    assert all(verdict.error and "no idea" in verdict.error for _, verdict in run.ledger.attempts(1))
    assert run.result["promoted"] == 0


def test_a_prompt_too_long_for_the_model_fails_alone(runs: Runs) -> None:
    class Chatty(Letters):
        def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
            found = super().problems(split, count, seed)
            return [Problem(p.id, p.id * 400, split, p.answer) if p.id.endswith("7") else p for p in found]

    run = runs(Chatty(), **{**SMALLER, "problems": 40})
    failed = [attempt for attempt, _ in run.ledger.attempts(1) if attempt.error]
    assert failed and all(attempt.problem.id.endswith("7") for attempt in failed)
    assert all("exceed the model's" in str(attempt.error) for attempt in failed)
    assert run.rows[0].metrics["abstained"] == len(failed)


def test_a_model_that_has_room_for_no_prompt_is_refused_before_anything_is_tried(runs: Runs) -> None:
    class Longer(Letters):
        def _all(self, split: Split, seed: int) -> list[Problem]:
            return [Problem(p.id, p.id * 400, split, p.answer) for p in super()._all(split, seed)]

        def corpus(self, count: int, seed: int) -> list[Demonstration]:
            return Letters().corpus(count, seed)

    with pytest.raises(ConfigError, match="could attempt none: sample: 1200 prompt tokens and 3 new ones") as told:
        runs(Longer(), **SMALLER)
    assert "a longer context" in str(told.value) and runs.made[0].ledger.generations() == []


# Its switches.


def test_with_alpha_1_every_candidate_is_promoted(runs: Runs) -> None:
    run = runs(Letters(), **{**TINY, "base_steps": 30, "problems": 20, "gate_problems": 5, "alpha": 1.0})
    assert run.result["promoted"] == 4
    assert all(row.champion == row.candidate for row in run.rows)


@pytest.mark.parametrize(("start", "same"), [("base", True), ("champion", False)])
def test_learning_starts_from_the_base_or_from_the_champion(learnt: Run, start: str, same: bool) -> None:
    settings = Settings(**{**TINY, "start": start, "epochs": 1})
    base = learnt.open(learnt.base)
    real = real_data(learnt.task, settings)
    parts = ExpertIteration(settings, learnt.task, real, learnt.directory, learnt.ledger, base)
    examples, learners = learnt.ledger.examples([1]), []
    for champion in (base, learnt.open(learnt.champion)):
        candidate = parts.learn(champion, [], [], examples, Turn(1, 4, lambda event: None))
        assert candidate is not None
        learners.append(dict(candidate.named_parameters()))
    assert all(torch.equal(learners[0][name], learners[1][name]) for name in learners[0]) == same


def test_failures_are_learnt_at_the_train_problems_that_they_solve(runs: Runs) -> None:
    task = Countdown(numbers=2, max_number=12)
    play = {"tokenizer": "bpe-512", "base_steps": 100, "max_tokens": 10, "problems": 100, "failures": "relabel"}
    run = runs(task, **{**SMALLER, **play})
    moved = [example for example in run.ledger.examples([1, 2]) if example.source == "hindsight"]
    train = {problem.id for problem in task.problems("train", 10**6, 0)}
    assert moved
    assert {example.problem_id for example in moved} <= train
    assert all(row.metrics["examples_hindsight"] > 0 for row in run.rows)
    assert run.result["truth_bits"]["hindsight"] > 0


def test_a_task_that_cannot_relabel_is_told_so_before_anything_is_made(runs: Runs) -> None:
    with pytest.raises(ConfigError, match="must have a task with `solved_by`, got 'letters'"):
        runs(Letters(), **{**SMALLER, "failures": "relabel"})
    assert runs.made[0].ledger.base is None


def test_a_task_without_real_text_learns_from_a_checkpoint(learnt: Run, runs: Runs) -> None:
    class Task:
        name = "bare"

        def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
            return Letters().problems(split, count, seed)

        def score(self, problem: Problem, answer: str) -> float:
            return float(answer == problem.answer)

    run = runs(Task(), **{**SMALLER, "model": str(learnt.directory.checkpoint(learnt.base)), "problems": 60})
    assert all(row.metrics.get("examples_real", 0) == 0 and "real_loss" not in row.metrics for row in run.rows)
    assert run.ledger.base is not None and run.ledger.base.metrics["truth_bits_real"] == 0


def test_two_runs_of_a_seed_are_equal_and_of_two_seeds_are_not(runs: Runs) -> None:
    settings = {**SMALLER, "problems": 30, "base_steps": 10}
    first, second, other = (runs(Letters(), **settings, seed=seed) for seed in (3, 3, 4))
    assert first.ledger.digest() == second.ledger.digest()
    assert first.base != other.base


# What it costs.


def test_the_memory_of_a_run_does_not_grow_with_its_generations(tmp_path: Path) -> None:
    """Between generations 5 and 25: Python's own memory and numpy's, and the number of torch's tensors."""
    bytes_at, tensors_at = dict[int, int](), dict[int, int]()

    def notify(event: Event) -> None:
        if event.stage == "decide" and event.generation in (5, 25):
            gc.collect()
            bytes_at[event.generation] = tracemalloc.get_traced_memory()[0]
            tensors_at[event.generation] = sum(issubclass(type(found), torch.Tensor) for found in gc.get_objects())
        elif event.stage == "decide" and event.generation == 1:
            tracemalloc.start()  # not before: it is slow, and what the base left behind does not matter

    settings = Settings(**{**SMALLER, "generations": 25, "replay": 2, "problems": 20, "attempts": 2, "base_steps": 20,
                           "batch": 32, "alpha": 1.0})
    try:
        with (RunDirectory.create(tmp_path / "run") as directory,
              Ledger.create(directory.ledger_path, {"recipe": "expert-iteration", "task": "letters"}) as ledger):
            expert_iteration.run(settings, Letters(), directory, ledger, notify)
            contests = sum(row.decision is not None for row in ledger.generations())
    finally:
        tracemalloc.stop()
    assert contests > 10
    assert tensors_at[25] <= tensors_at[5]
    assert bytes_at[25] - bytes_at[5] < 100_000


def test_a_task_may_have_documents_without_prompts(runs: Runs) -> None:
    class Documents(Letters):
        def corpus(self, count: int, seed: int) -> list[Demonstration]:
            return [Demonstration("", f"{one.prompt}{one.completion}") for one in super().corpus(count, seed)]

    run = runs(Documents(), **TINY | {"base_steps": 20, "generations": 1, "problems": 40})
    assert run.ledger.base is not None and 0 < run.ledger.base.metrics["real_loss"] < 5
    assert 0 < run.rows[0].metrics["real_loss"] < 5
