"""What a run is looked at for: known answers, gold beside a proxy; alarms come to the ledger and to the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from letters import LETTERS, Letters
from runs import SMALLER, TINY, Run, Runs

from pawl.ledger import Ledger
from pawl.loop import Turn
from pawl.meters.alarms.note import is_alarm
from pawl.meters.alarms.training import GAP
from pawl.models.around import Around
from pawl.recipes import expert_iteration, rl
from pawl.recipes.alarm_meters import GOLD_ATTEMPTS, gold_sample, known_alarms, look
from pawl.recipes.base_model import RealData
from pawl.records import Attempt, Completion, Event, Problem, Verdict
from pawl.report import render_report
from pawl.report_alarms import alarms_of
from pawl.run_directory import RunDirectory

PROBLEMS = [Problem(f"p{i}", f"{i}?", "train", LETTERS[i % 10]) for i in range(600)]
SMALL = {**SMALLER, "problems": 40, "alpha": 1.0}


def attempt(place: int, **other: object) -> Attempt:
    completion = Completion(LETTERS[place % 7], np.zeros(1, np.int32), np.full(1, -1, np.float32), "stop")
    return replace(Attempt(PROBLEMS[place], 0, np.zeros(1, np.int32), completion), **other)  # type: ignore[arg-type]


def truth(attempts: Sequence[Attempt]) -> list[Verdict]:
    return [Verdict(float(one.completion.text == one.problem.answer), "truth") for one in attempts]


def constant(attempts: Sequence[Attempt]) -> list[Verdict]:
    """A judge to which all is alike."""
    return [Verdict(0.7, "constant") for _ in attempts]


def generous(attempts: Sequence[Attempt]) -> list[Verdict]:
    """A judge that likes half of the letters."""
    return [Verdict(float(one.completion.text[:1] in "abcde"), "generous") for one in attempts]


def names(run: Run) -> list[list[str]]:
    """The alarms of each generation."""
    return [[alarm.name for alarm in alarms_of(row)] for row in run.rows]


# Its parts.


def test_gold_is_asked_about_some_of_the_policys_own_attempts() -> None:
    attempts = [attempt(place) for place in range(600)]
    attempts[5:7] = [attempt(5, source="search"), attempt(6, error="no")]
    said = gold_sample(truth, attempts, key=1)
    asked = [place for place, verdict in enumerate(said) if verdict.score is not None]
    assert len(said) == 600 and len(asked) == GOLD_ATTEMPTS
    assert not {5, 6} & set(asked)
    assert [said[place] for place in asked] == truth([attempts[place] for place in asked])
    assert said == gold_sample(truth, attempts, key=1) != gold_sample(truth, attempts, key=2)


def test_a_generation_measures_proxy_and_gold_on_the_attempts_that_both_know() -> None:
    attempts, turn = [attempt(place) for place in range(100)], Turn(1, 2, lambda event: None)
    gold = [*truth(attempts[:60]), *[Verdict(None, "")] * 40]
    look(turn, attempts, generous(attempts), [], gold=gold)
    assert turn.metrics["gold"] == pytest.approx(np.mean([one.score for one in gold[:60]]))
    assert turn.metrics["proxy"] == pytest.approx(np.mean([one.score for one in generous(attempts[:60])]))


def test_without_gold_a_generation_measures_no_proxy() -> None:
    turn = Turn(1, 2, lambda event: None)
    look(turn, [attempt(place) for place in range(100)], truth([attempt(place) for place in range(100)]), [])
    assert turn.metrics.keys() == {"length", "entropy", "looping", "score_mean"}


def test_a_judge_is_asked_about_known_answers_before_anything_is_learnt() -> None:
    assert known_alarms(truth, PROBLEMS, key=0) == []
    (found,) = known_alarms(lambda those: [Verdict(0.0, "truth") for _ in those], PROBLEMS, key=0)
    assert (found.name, found.shown) == ("known answers", ())
    assert known_alarms(truth, [replace(one, answer=None) for one in PROBLEMS], key=0) == []


# In runs.


def test_a_run_that_learns_raises_no_alarm(learnt: Run) -> None:
    assert names(learnt) == [[], [], [], []]
    assert all({"length", "score_mean", "parameter_change"} <= row.metrics.keys() for row in learnt.rows)
    assert all(row.metrics["parameter_change"] > 1e-3 for row in learnt.rows)
    assert not {"proxy", "gold"} & learnt.rows[0].metrics.keys()


def test_a_judge_that_says_the_same_of_all_is_told_of_in_the_notes_on_the_terminal_and_in_the_report(runs: Runs
                                                                                                    ) -> None:
    run = runs(Letters(), judge=constant, **SMALL)
    for row in run.rows:
        (alarm,) = [one for one in alarms_of(row) if one.name == "constant judge"]
        assert alarm.says == "Every one of 80 attempts scores 0.7." and alarm.shown == (0, 1, 2)
        assert [note for note in row.notes if is_alarm(note)] == [
            event.message for event in run.events if event.generation == row.index and is_alarm(event.message)]
    page = render_report(run.ledger)
    assert page.count("Every one of 80 attempts scores 0.7.") == 2
    (first, _), *_ = run.ledger.attempts(1)
    assert f'<pre dir="auto">{first.problem.prompt}</pre>' in page.partition("<h2>Alarms</h2>")[2].partition("</li>")[0]


@pytest.mark.parametrize("recipe", [expert_iteration, rl])
def test_a_proxy_is_compared_with_gold_in_every_generation(tmp_path: Path, recipe: object) -> None:
    more = {"problems": 32, "rounds": 2, "alpha": 1} if recipe is rl else {}
    settings = {name: value for name, value in SMALL.items() if recipe is expert_iteration or name != "gate_problems"}
    runs = Runs(tmp_path, recipe)
    run = runs(Letters(), judge=generous, **settings | more)
    for row in run.rows:
        pairs = list(run.ledger.attempts(row.index))
        assert len(pairs) < GOLD_ATTEMPTS
        assert row.metrics["proxy"] == pytest.approx(np.mean([verdict.score for _, verdict in pairs]))
        scores = [run.task.score(one.problem, one.completion.text) for one, _ in pairs]
        assert row.metrics["gold"] == pytest.approx(np.mean(scores))
    runs.close()


def test_known_answers_that_are_not_right_are_told_of_once(runs: Runs) -> None:
    class Strict(Letters):
        def score(self, problem: Problem, answer: str) -> float:
            return float(answer == f"<{problem.answer}>")

    run = runs(Strict(), **SMALLER)
    assert [found.count("known answers") for found in names(run)] == [1, 0]
    said = [event for event in run.events if "alarm: known answers: " in event.message]
    assert len(said) == 1
    assert run.events.index(said[0]) < next(place for place, event in enumerate(run.events) if event.stage == "sample"
                                            and not event.message)


def test_a_run_that_was_stopped_has_the_same_alarms(runs: Runs, tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def stop(event: Event) -> None:
        if event.message.startswith("alarm: constant judge") and event.generation == 2:
            raise Stopped

    whole = runs(Letters(), judge=constant, **SMALL)
    with (RunDirectory.create(tmp_path / "stopped") as directory,
          Ledger.create(directory.ledger_path, whole.ledger.header) as ledger):
        with pytest.raises(Stopped):
            expert_iteration.run(whole.settings, Letters(), directory, ledger, stop, constant)
        assert ledger.next_generation == 2
        expert_iteration.run(whole.settings, Letters(), directory, ledger, lambda event: None, constant)
        assert [row.notes for row in ledger.generations()] == [row.notes for row in whole.rows]
        assert ledger.digest() == whole.ledger.digest()


def test_weights_that_training_leaves_as_they_were_raise_an_alarm(runs: Runs) -> None:
    run = runs(Letters(), **{**TINY, "base_steps": 30, "problems": 40, "generations": 1, "learning_rate": 1e-30})
    assert run.rows[0].metrics["parameter_change"] < 2**-24
    assert "unchanged" in names(run)[0]


class Lying(Around):
    """A policy that says of one completion in sixteen that its tokens were less than half as likely as they were."""

    def propose(self, *where: Any, **how: Any) -> list[list[Completion]]:
        drawn = super().propose(*where, **how)
        return [[replace(one, logprobs=one.logprobs - np.float32(0.8)) if place == 0 and number % 2 else one
                 for place, one in enumerate(group)] for number, group in enumerate(drawn)]


@pytest.mark.parametrize(("kind", "recipe"), [(expert_iteration.ExpertIteration, expert_iteration),
                                              (rl.ReinforcementLearning, rl)])
@pytest.mark.parametrize("lies", [False, True])
def test_a_sampler_that_lies_raises_an_alarm(learnt: Run, kind: Any, recipe: Any, lies: bool) -> None:
    more = {"rounds": 1} if recipe is rl else {}
    given = {name: value for name, value in TINY.items() if recipe is expert_iteration or name != "gate_problems"}
    base = learnt.open(learnt.base)
    parts = kind(recipe.Settings(**given | {"problems": 40} | more), Letters(), RealData([], []), learnt.directory,
                 learnt.ledger, base)
    turn, policy = Turn(1, 1, lambda event: None), Lying(base) if lies else base
    if recipe is rl:
        attempts, verdicts = parts.round(policy, 0, turn)
    else:
        attempts = parts.play(policy, parts.train_problems[:40], turn)
        verdicts = parts.judge(attempts)
    found = [alarm for alarm in parts.alarms(turn, attempts, verdicts) if alarm.name == "sampler apart"]
    assert len(found) == lies
    if lies:
        # Attempts that are measured are drawn by chance.
        assert 0.01 < turn.metrics["sampler_outside"] < 0.12 and turn.metrics["sampler_gap"] < GAP
        assert turn.metrics["sampler_k3"] == pytest.approx(turn.metrics["sampler_outside"] * (np.exp(0.8) - 1.8),
                                                           rel=1e-3)
        assert "a KL of" in found[0].says and "outside [0.5, 2]" in found[0].says
