"""The loop as the report draws it, by recipe, judge and gate."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pawl.report_steps import idea, steps
from pawl.report_story import Run, source

EXPERT = {"generations": 2, "kl": 0.01, "alpha": 0.05}
GRPO = {"generations": 2, "rounds": 20, "algorithm": "grpo", "alpha": 0.05}
METRICS = {"attempts": 1200.0, "right": 300.0, "tokens_trained": 9000.0, "examples_self": 250.0, "examples_real": 10.0}


def run(settings: dict[str, Any], judge: str | None = None, **metrics: float) -> Run:
    ends: Any = [SimpleNamespace(index=index, metrics=METRICS | metrics, dropped=None,
                                 decision=SimpleNamespace(promote=index == 1)) for index in (1, 2)]
    return Run({"settings": settings, "judge_settings": {"judge": judge}}, {}, {}, None, ends, None)  # type: ignore[arg-type]


def told(one: Run) -> dict[str, str]:
    return {step.name: f"{step.sentence} {step.figure}" for step in steps(one)}


def test_a_loop_that_chooses_what_it_learns_has_six_steps_with_its_counts() -> None:
    said = told(run(EXPERT))
    assert list(said) == ["Draw", "Propose", "Judge", "Select", "Learn", "Gate"]
    assert "2 generations" in said["Draw"] and "The champion writes" in said["Propose"]
    assert said["Propose"].endswith("2,400 attempts") and said["Judge"].endswith("600 right (25.0%)")
    assert "real data goes along" in said["Select"] and "500 its own" in said["Select"]
    assert said["Learn"] == "A candidate learns from the examples, held near the first model. 18,000 tokens learnt from"
    assert said["Gate"] == ("Both meet on fresh held-out problems. Only a proven gain passes. 1 promoted and 1 refused")


def test_a_loop_that_learns_as_it_plays_says_by_what_and_that_it_plays_again() -> None:
    said = told(run(GRPO))
    assert list(said) == ["Draw", "Propose", "Judge", "Learn", "Again", "Gate"]
    assert said["Propose"].startswith("The candidate, as it is by now,")
    assert said["Learn"].startswith("It learns from all of them by GRPO, held near the first model.")
    assert said["Again"].endswith("20 rounds in a generation")


@pytest.mark.parametrize(("kl", "held"), [(0, False), (0.5, True), (["forward", 0.5], True), (["forward", 0], False),
                                          (None, True), ("none", True)])
def test_whether_it_is_held_near_the_first_model_is_said_of_any_distance(kl: Any, held: bool) -> None:
    assert ("held near the first model" in told(run(GRPO | {"kl": kl}))["Learn"]) is held


def test_a_teacher_and_a_judge_are_named() -> None:
    taught = run({"teacher": "DIR", "rounds": 3})
    assert "a teacher would have said" in idea(taught) and source(taught) == "a teacher"
    assert told(taught)["Learn"].startswith("It learns from all of them what its teacher would have said.")
    liked = run(GRPO, judge="trl:mine:reward")
    assert "a judge says what each try is worth" in idea(liked) and source(liked).endswith("as its judge liked them")
    assert told(liked)["Judge"] == ("trl:mine:reward says what answers are worth; the gate asks the truth. "
                                    "600 with full marks (25.0%)")
    assert "the task's own rules check each try" in idea(run(EXPERT, judge="none"))
    assert source(run(EXPERT)) == "its own checked answers"


def test_a_run_without_a_gate_does_not_say_that_only_gains_pass() -> None:
    assert "must beat the best so far" in idea(run(GRPO))
    free = run(GRPO | {"alpha": 1})
    assert "must beat" not in idea(free) and "promotes without a gate" in idea(free)
    assert "Every candidate passes" in told(free)["Gate"]
