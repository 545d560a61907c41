"""RLHF in small: both readings, the turn, patches until the labels are spent, and a run that was stopped."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stopping import carried_out, same_as_whole

from pawl.errors import ConfigError, LabelsWanted, TrainingError
from pawl.judges.truth import truth
from pawl.labels import label, read_questions, unlabelled
from pawl.ledger import Ledger
from pawl.meters.alarms.note import is_alarm
from pawl.meters.turn import Look
from pawl.recipes import from_preferences, rlhf, two_readings
from pawl.recipes.on_policy import Course
from pawl.recipes.rlhf import Settings
from pawl.records import Event
from pawl.tasks.countdown import Countdown
from pawl.tasks.stories import Stories

torch.set_num_threads(1)

SMALL: dict[str, Any] = {
    "depth": 2, "tokenizer": "bpe-400", "base_steps": 80, "batch": 32, "comparisons": 1000, "reward_passes": 4,
    "generations": 3, "rounds": 1, "problems": 8, "attempts": 4, "max_tokens": 16, "labels": 20, "patch": 10,
    "test_problems": 32, "learning_rate": 1e-3, "device": "cpu",
}
TASK = Stories(nouns=10)


def turned(since: int, generation: int) -> Look:
    return Look("fooled", generation, since, 0.1, (0.05, 0.15), 0.2, (0.1, 0.3), 0.001, 0.01,
                f"the judge is being fooled since generation {since}; go back to it")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run whose meter sees a turn after two generations under every judge."""
    path = tmp_path_factory.mktemp("rlhf") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(from_preferences, "seen", foreseen)
        return path, carried_out(rlhf, Settings(**SMALL), TASK, path)


def foreseen(readings: Any, *, since: int, looks: int) -> Look | None:
    return turned(since, since + 1) if len(readings) == 2 else None


def names(path: Path) -> list[str]:
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        return [str(row.notes[0]) for row in ledger.generations()]


def test_patches_follow_each_other_until_the_labels_are_spent(whole: tuple[Path, dict[str, Any]]) -> None:
    path, result = whole
    assert names(path) == [
        "reward model", "free, generation 1", "free, generation 2", "free, generation 3", "patch 1",
        "patched 1, generation 1", "patch 2", "patched 2, generation 1", "best of all"]
    assert result["labels"] == 20 and "20 labels of what fooled it" in result["sentence"]


def test_both_readings_of_every_generation_stand_in_the_result_and_in_the_ledger(whole: tuple[Path, dict[str, Any]]
                                                                               ) -> None:
    path, result = whole
    assert [one["generation"] for one in result["legs"]["free"]] == [0, 1, 2, 3]
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        row = ledger.generations()[1]
        attempts = list(ledger.attempts(row.index))
    gold = [TASK.score(attempt.problem, attempt.completion.text) for attempt, _ in attempts]
    assert len(attempts) == 32 and row.metrics["gold"] == pytest.approx(np.mean(gold))
    assert result["legs"]["free"][1]["gold"] == pytest.approx(np.mean(gold))
    assert {verdict.judge for _, verdict in attempts} == {"reward model"}
    assert len([note for note in row.notes if not is_alarm(note)]) == 2 + two_readings.SHOWN


def test_the_champion_is_the_best_of_all_and_what_it_is_worth_is_measured_on_other_problems(
        whole: tuple[Path, dict[str, Any]]) -> None:
    path, result = whole
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        assert ledger.champion == ledger.generations()[-1].candidate
    assert [one["policy"].split(",")[0] for one in result["golds"]] == ["the base", "unpatched", "unpatched", "patched"]
    highest = {name: max(one["gold"] for one in leg) for name, leg in result["legs"].items()}
    champion = result["golds"][1 if highest["free"] >= highest["patched"] else 3]
    assert result["golds"][1]["gain"] == 0 and result["final"]["pass@1"] == champion["pass@1"]


def test_without_a_turn_nothing_is_patched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_preferences, "seen", lambda readings, **_: None)
    result = carried_out(rlhf, Settings(**SMALL), TASK, tmp_path / "run")
    assert result["labels"] == 0 and result["turn"] is None and "patched" not in result["legs"]
    assert result["sentence"].startswith("Gold did not turn")


@pytest.mark.parametrize("stop", [("sample", 3), ("train", 5)])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(whole: tuple[Path, dict[str, Any]], tmp_path: Path,
                                                              stop: tuple[str, int], monkeypatch: pytest.MonkeyPatch
                                                              ) -> None:
    monkeypatch.setattr(from_preferences, "seen", foreseen)
    carry_out = partial(carried_out, rlhf, Settings(**SMALL), TASK)
    assert same_as_whole(carry_out, whole[0], tmp_path / "run", [stop])


def test_several_reward_models_are_one_judge_that_believes_the_worst(tmp_path: Path) -> None:
    settings, events = Settings(**SMALL | {"members": 2, "labels": 0, "generations": 1}), list[Event]()
    result = carried_out(rlhf, settings, TASK, tmp_path / "run", notify=events.append)
    assert {one.generations for one in events} == {max(one.generation for one in events)} == {4}
    assert names(tmp_path / "run")[:2] == ["reward model, member 1", "reward model, member 2"]
    assert len(result["legs"]["free"]) == 2


def test_a_reward_model_at_chance_stops_the_run_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="must foresee more than chance") as raised:
        carried_out(rlhf, Settings(**SMALL | {"comparisons": 20}), TASK, tmp_path / "run")
    assert raised.value.hint is not None and "label more" in raised.value.hint


def test_attempts_that_please_most_are_compared_with_those_of_the_generation_to_go_back_to(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    said_of = rlhf.RLHF.said_of
    monkeypatch.setattr(from_preferences, "seen", foreseen)
    monkeypatch.setattr(rlhf.RLHF, "said_of", lambda parts, pairs: asked.append(list(pairs)) or said_of(parts, pairs))
    pleased: list[Any] = []
    rewards = rlhf.rewards
    monkeypatch.setattr(rlhf, "rewards", lambda judge, given: pleased.append((given, rewards(judge, given))) or
                        pleased[-1][1])
    fooling = rlhf.RLHF.fooling
    monkeypatch.setattr(rlhf.RLHF, "fooling", lambda parts, leg, patch: fooling(parts, leg, patch)[:8])
    result = carried_out(rlhf, Settings(**SMALL | {"labels": 10}), TASK, tmp_path / "run")
    [(given, found)], pairs = pleased, asked[-1]
    assert len(pairs) == result["labels"] == 8 and all(last.problem.id == best.problem.id for last, best in pairs)
    chosen = [found[next(place for place, one in enumerate(given) if one is last)] for last, _ in pairs]
    assert min(chosen) >= np.sort(found)[-8]


def test_a_person_who_labels_is_waited_for_and_nothing_that_they_said_is_lost(tmp_path: Path) -> None:
    settings = Settings(**SMALL | {"labeller": "person", "labels": 0, "generations": 1})
    path = tmp_path / "run"
    for answered in (400, None):  # of what waits: some, then the rest
        with pytest.raises(LabelsWanted, match="must be compared by a person"):
            carried_out(rlhf, settings, TASK, path)
        for question in unlabelled(path)[:answered]:
            worths = [TASK.liking(f"{question.prompt} {text}") for text in (question.first, question.second)]
            label(path, question, "first" if worths[0] > worths[1] else "second")
    result = carried_out(rlhf, settings, TASK, path)
    assert 900 < len(read_questions(path)) <= result["truth_bits"]["person"] <= 1000  # equal pairs are asked about once
    with Ledger.open(path / "run.db", read_only=True) as ledger:
        assert "comparisons" in ledger.generations()[0].notes[1]


def test_labels_that_are_too_few_for_a_patch_are_refused() -> None:
    assert Settings(labels=0, patch=100).labels == 0 and Settings(labels=100, patch=100).labels == 100
    with pytest.raises(ConfigError, match=r"enough for one patch of 100, got 50\n.*--patch 50"):
        Settings(labels=50)


def test_where_learning_cannot_go_on_the_policy_stays_and_the_run_goes_on(tmp_path: Path,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    learn, calls = Course.learn, list[int]()

    def once_not(course: Course, *args: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise TrainingError("loss must be a number, got nan")
        return learn(course, *args, **more)

    monkeypatch.setattr(Course, "learn", once_not)
    carried_out(rlhf, Settings(**SMALL | {"labels": 0, "generations": 2}), TASK, tmp_path / "run")
    with Ledger.open(tmp_path / "run" / "run.db", read_only=True) as ledger:
        base, failed, after = ledger.base, *ledger.generations()[1:3]
    assert base is not None and failed.candidate == base.checkpoint != after.candidate
    assert "learnt nothing: loss must be a number" in failed.notes[1]


def test_a_task_without_held_out_problems_is_refused(tmp_path: Path) -> None:
    class Unheld(Countdown):
        def problems(self, split: Any, count: int, seed: int) -> Any:
            return super().problems(split, count, seed) if split == "train" else []

    with pytest.raises(ConfigError, match=r"must have train and gate problems, got .* and 0"):
        carried_out(rlhf, Settings(**SMALL), Unheld(numbers=2, max_number=9), tmp_path / "run")


def test_what_the_ledger_keeps_of_a_reading_is_the_reading(whole: tuple[Path, dict[str, Any]]) -> None:
    with Ledger.open(whole[0] / "run.db", read_only=True) as ledger:
        row = ledger.generations()[1]
        reading = two_readings.kept(list(ledger.attempts(row.index)), truth(TASK), row.metrics["kl"])
    assert reading.metrics == pytest.approx({name: row.metrics[name] for name in reading.metrics})
    assert len(reading.fooling) == 3
