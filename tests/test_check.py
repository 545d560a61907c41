"""`pawl check` names what is wrong with a reward function, a sentence for each thing, and nothing where nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from pawl import plugins, testing
from pawl.check import attempts_at, check
from pawl.errors import ConfigError, UnknownNameError
from pawl.tasks.countdown import Countdown


@pytest.fixture(autouse=True)
def rewarding(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The module of reward functions that the judges' tests use."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "judges"))
    yield


@pytest.mark.parametrize("name", [
    "trl:rewarding:right", "trl:rewarding:awaited", "trl:rewarding:right_in_messages", "trl:rewarding:both",
    "trl:rewarding:sometimes",
    "verl:rewarding:compute_score", "verl:rewarding:compute_scores", "openrlhf:rewarding:reward_func",
    "verifiers:rewarding:known_in_reply", "reasoning-gym:rewarding:score_answer", "rewarding:known_answer",
    "rewarding:sound_judge",
])
def test_a_sound_reward_function_of_any_format_has_no_finding(name: str) -> None:
    values = {"judge_weights": "1,0.5"} if name.endswith("both") else {}
    assert check(name, values) == []


WRONG = {
    "constant": "it gave each of 24 attempts, right and wrong, 0.25: nothing can be learnt from that",
    "nowhere": "it gave none of 24 attempts a score: no reward applies: all gave None (--task NAME asks it about the "
               "problems of a task)",
    "not_a_number": "it gave 1 of 24 attempts no score, such as '3': not_a_number must give a number, got nan",
    "short": "asked about 24 attempts together, short must give a reward for each of 24 attempts, got 1",
    "number_of": "of 24 attempts no score, such as '<think>one and one</think>\\n2': number_of raised ValueError: "
                 "invalid literal for int() with base 10: '<think>one and one</think>\\n2'",
    "moody": "a judge must say the same of the same attempts each time, got other scores",
    "length": "a reward must lie in [0, 1], got 28: name the range with --judge-range LOW,HIGH",
    "needs_purpose": "it gave none of 24 attempts a score: needs_purpose needs purpose, which the problem's data do "
                     "not have (--task NAME asks it about the problems of a task)",
}


@pytest.mark.parametrize(("function", "finding"), WRONG.items(), ids=WRONG.keys())
def test_what_is_wrong_is_said_in_a_sentence(function: str, finding: str) -> None:
    findings = check(f"trl:rewarding:{function}")
    assert any(finding in found for found in findings), findings


def test_a_function_that_hangs_is_given_up() -> None:
    assert check("trl:rewarding:sleeps", {"judge_seconds": "0.01"}) == ["trl:rewarding:sleeps took longer than 3.9 s"]


def test_a_function_that_hangs_at_times_is_told_so() -> None:
    [finding] = check("trl:rewarding:sleeps_at_blanks", {"judge_seconds": "0.05"})
    assert finding == "it gave 2 of 24 attempts no score, such as '': sleeps_at_blanks took longer than 0.05 s"


def test_a_range_is_given() -> None:
    assert check("trl:rewarding:length", {"judge_range": "0,2e6"}) == []


def test_a_task_gives_the_data_that_a_function_needs() -> None:
    assert check("trl:rewarding:needs_target")
    assert check("trl:rewarding:needs_target", {"task": "countdown", "numbers": "2"}) == []


def test_attempts_at_a_task_are_right_ones_wrong_ones_and_odd_ones() -> None:
    task = Countdown(numbers=2)
    made = attempts_at(task)
    scores = [task.score(attempt.problem, attempt.completion.text) for attempt in made]
    assert len({attempt.problem.id for attempt in made}) == 3
    assert len({attempt.completion.text for attempt in made}) > 12 and 0.0 in scores


@pytest.mark.parametrize(("name", "values", "kind", "said"), [
    ("trll:rewarding:right", {}, UnknownNameError, "did you mean 'trl'?"),
    ("rewarding:right", {}, ConfigError, "then name it trl:rewarding:right"),
    ("trl:rewarding:right", {"judge_rnage": "0,1"}, UnknownNameError, "did you mean 'judge_range'?"),
    ("trl:rewarding:right", {"task": "countdwon"}, UnknownNameError, "did you mean 'countdown'?"),
    ("countdwon", {}, UnknownNameError, "did you mean 'countdown'?"),
])
def test_a_mistake_in_a_name_is_told(name: str, values: dict[str, str], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind) as raised:
        check(name, values)
    assert said in str(raised.value)


def test_a_task_is_checked_as_before_with_its_settings() -> None:
    assert check("countdown", {"numbers": "3", "max_number": "9"}) == []
    with pytest.raises(ConfigError, match="numbers must be"):
        check("countdown", {"numbers": "many"})


def test_a_judge_is_checked_by_the_contract_of_judges() -> None:
    assert check("rewarding:judge") == testing.check(plugins.load("rewarding:judge")) == [
        "a judge must abstain (score None) on an attempt that failed before it was judged, got a score"]


def test_a_judge_that_a_package_offers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = {"judges": {"offered": EntryPoint("offered", "rewarding:known_answer", "pawl.judges")}}
    monkeypatch.setattr(plugins, "_entry_points", lambda group: offered.get(group, {}))
    assert check("offered") == []
