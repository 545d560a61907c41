"""A name finds the judge that it means, in any format, or says what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from rewarding import SUM, attempts_at, judged, scores

from pawl import plugins
from pawl.errors import ConfigError, UnknownNameError
from pawl.judges.adapters import judge_named
from pawl.records import Verdict
from pawl.tasks.countdown import Countdown
from pawl.tasks.reasoning import Reasoning


@pytest.mark.parametrize("spec", [
    "trl:rewarding:right", "trl:rewarding:awaited", "verl:rewarding:compute_score", "verl:rewarding:compute_scores",
    "verifiers:rewarding:known_in_reply", "openrlhf:rewarding:reward_func", "reasoning-gym:rewarding:score_answer",
    "reasoning_gym:rewarding:score_answer", "rewarding:known_answer", "rewarding:known_completion", "rewarding:judge",
])
def test_a_reward_function_of_any_format_judges_as_it_is(spec: str) -> None:
    assert judged(judge_named(spec), "2", "3") == [Verdict(1.0, spec), Verdict(0.0, spec)]


def test_a_list_of_functions_or_several_names_are_summed() -> None:
    for spec in ("trl:rewarding:both", "trl:rewarding:right,rewarding:digits"):
        assert scores(judge_named(spec), "2", "3", "x") == [0.75, 0.25, 0.0]
        assert scores(judge_named(spec, weights=[1, 2]), "2", "3", "x") == pytest.approx([2 / 3, 1 / 3, 0])


def test_the_range_of_a_sum_is_that_of_its_weights() -> None:
    judge = judge_named("trl:rewarding:both", weights=[3, -1])
    assert (judge.low, judge.high) == (-1.0, 3.0)
    assert scores(judge, "2", "3", "x") == [3.5 / 4, 0.5 / 4, 0.25]
    told = judge_named("trl:rewarding:both", judge_range=(-0.5, 2.0))
    assert scores(told, "2") == [0.8]


def test_options_reach_the_function() -> None:
    assert scores(judge_named("trl:rewarding:right_in_messages", form="messages"), "2") == [1.0]
    assert scores(judge_named("reasoning-gym:rewarding:score_answer", partial_credit=True), "12") == [0.5]
    assert judge_named("trl:rewarding:right", time_limit=3).time_limit == 3


def test_a_form_is_one_of_three() -> None:
    with pytest.raises(UnknownNameError, match="unknown form: 'message'\nhint: did you mean 'messages'"):
        judge_named("trl:rewarding:right", form="message")  # type: ignore[arg-type]  # the mistake under test


def test_a_judge_that_a_package_offers_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("offered", "rewarding:known_answer", "pawl.judges")
    monkeypatch.setattr(plugins, "_entry_points", lambda group: {"offered": point} if group == "judges" else {})
    assert scores(judge_named("offered"), "2", "3") == [1.0, 0.0]
    with pytest.raises(UnknownNameError, match="unknown judge: 'ofered'\nhint: did you mean 'offered'"):
        judge_named("ofered")


@pytest.mark.parametrize(("spec", "kind", "said"), [
    ("trll:rewarding:right", UnknownNameError, "unknown format of reward functions: 'trll'\nhint: did you mean 'trl'?"),
    ("trl:rewarding:rigth", UnknownNameError, "unknown name in module rewarding: 'rigth'\nhint: did you mean 'right'?"),
    ("trl:rewarding", ConfigError, "a part of your own must be named module:name, got 'rewarding'"),
    ("trl:rewarding:no_function", ConfigError, "a reward function must be a function, got 3.0"),
    ("trl:rewarding:Numbered", ConfigError, "a reward function must be a function, got <class 'rewarding.Numbered'>"),
    ("verifiers:rewarding:no_function", ConfigError, "verifiers must be given a reward function or what holds some"),
    ("verifiers:rewarding:Numbered", ConfigError, "must have a method with @vf.reward, got Numbered without"),
    ("rewarding:Numbered", ConfigError, "a judge must be made, got the class rewarding:Numbered"),
    ("rewarding:right", ConfigError, "which takes completions\nhint: was it written for trl? then name it trl:reward"),
    ("rewarding:compute_score", ConfigError, "then name it verl:rewarding:compute_score"),
    ("rewarding:reward_func", ConfigError, "then name it openrlhf:rewarding:reward_func"),
    ("rewarding:score_answer", ConfigError, "then name it reasoning-gym:rewarding:score_answer"),
    ("rewarding:known_in_reply", ConfigError, "then name it verifiers:rewarding:known_in_reply"),
    ("rewarding:of_three", ConfigError, "a judge must take attempts, or problem and answer, got rewarding:of_three"),
])
def test_what_is_no_judge_is_told(spec: str, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind) as raised:
        judge_named(spec)
    assert said in str(raised.value)


@pytest.mark.parametrize(("weights", "said"), [
    ([1.0], "weights must be one for each of 2 reward functions, got 1"),
    ([0.0, 0.0], "weights must be numbers, one of them other than 0"),
    ([1.0, float("nan")], "weights must be numbers"),
])
def test_weights_must_fit(weights: list[float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        judge_named("trl:rewarding:both", weights=weights)


# Holes in the verifiers of others.


@pytest.mark.parametrize(("numbers", "target", "attack"), [
    ((3, 5, 2), 7, "3.5*2"), ((2, 5), 32, "2**5"), ((7, 2), 3, "7//2"),
    ((2, 5), 8, "2+5"), ((9, 9, 9), 1, "9**9**9"),
], ids=["digits joined by a point", "a power", "a floor division", "credit for form", "a power without end"])
def test_what_fools_the_verifier_of_tinyzero_scores_0(numbers: tuple[int, ...], target: int, attack: str) -> None:
    """Its `countdown.py` looks for the numbers by their digits, and lets Python evaluate what they stand in."""
    problem = Countdown.problem(numbers, target)
    said = [Countdown().score(problem, text) for text in (attack, f"<answer>{attack}</answer>", f"{attack}={target}")]
    assert said == [0.0, 0.0, 0.0]


def one_of(data_set: str, **settings: Any) -> Any:
    pytest.importorskip("reasoning_gym", reason="the scorers are reasoning-gym's")
    return Reasoning(dataset=data_set, **settings).problems("train", 1, 0)[0]


def test_a_list_of_guesses_gets_credit_of_reasoning_gym_and_none_here() -> None:
    problem = one_of("gcd")
    assert problem.answer is not None
    guesses = " ".join([problem.answer, *"abc"])
    strict, lenient = judge_named("reasoning-gym:gcd"), judge_named("reasoning-gym:gcd", partial_credit=True)
    assert scores(strict, problem.answer, guesses, problem=problem) == [1.0, 0.0]
    [known, partial] = scores(lenient, problem.answer, guesses, problem=problem)
    assert known == 1.0 and partial is not None and 0 < partial < 1


def test_a_problem_that_reasoning_gym_made_elsewhere_is_scored_by_its_own_data() -> None:
    library = pytest.importorskip("reasoning_gym", reason="the scorers are reasoning-gym's")
    entry = library.create_dataset("countdown", size=1, seed=3)[0]
    problem = replace(SUM, id="elsewhere", answer=entry["answer"], data={"metadata": entry["metadata"]})
    assert scores(judge_named("reasoning-gym:countdown"), entry["answer"], "1", problem=problem) == [1.0, 0.0]


def test_a_problem_of_another_data_set_gets_no_score_rather_than_0() -> None:
    problem = one_of("gcd")
    [verdict] = judged(judge_named("reasoning-gym:countdown"), problem.answer, problem=problem)
    assert verdict == Verdict(None, "reasoning-gym:countdown", "score must find the known answer right, which it does "
                                                               "not: is this a problem of countdown?")


def test_a_data_set_that_does_not_exist_names_the_nearest() -> None:
    pytest.importorskip("reasoning_gym", reason="the scorers are reasoning-gym's")
    with pytest.raises(UnknownNameError, match="unknown reasoning-gym dataset: 'chain_sums'\nhint: did you mean"):
        judge_named("reasoning-gym:chain_sums")


def test_an_answer_that_a_scorer_would_evaluate_is_not_shown_to_it() -> None:
    problem = one_of("countdown")
    [score] = scores(judge_named("reasoning-gym:countdown"), "__import__('os').getpid()", problem=problem)
    assert score == 0.0


def test_nothing_is_asked_where_there_is_nothing() -> None:
    assert judge_named("rewarding:judge")([]) == []
    assert judge_named("rewarding:judge")([replace(one, error="no") for one in attempts_at(SUM, "2")]) == [
        Verdict(None, "rewarding:judge", "no")]
