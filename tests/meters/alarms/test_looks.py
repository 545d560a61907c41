"""Every alarm is loud on its sick generation and quiet on a healthy one, and none ever raises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observations import attempt, completed, healthy, luck, measured, rewritten, saying, scored

from pawl.meters.alarms.alarm import LONGEST, MOST_SHOWN, Alarm, Found, Measured, Observed
from pawl.meters.alarms.looks import LOOKS, alarms, known_attempts
from pawl.meters.alarms.note import alarm_of_note, note_of
from pawl.meters.alarms.seen import readings
from pawl.records import Completion, Problem, Verdict

START: Measured = {"length": 11.0, "entropy": 0.6, "distinct_4": 0.8, "score_mean": 0.4, "sampler_gap": 1e-6,
                   "proxy_mean": 0.3, "gold_mean": 0.3}


def looped(_: Any) -> Completion:
    return Completion("the the the", np.array([1, 5, 6, 5, 6, 5, 6, 5, 6, 2], np.int32), np.full(10, -0.5, np.float32),
                      "stop")


def with_gold(now: Observed) -> Observed:
    """What was the truth is gold, beside a judge that knows nothing."""
    return scored(replace(now, gold=now.verdicts), luck)


def unlike(now: Observed) -> Observed:
    """Two of a problem's four attempts are the same, and score otherwise."""
    return scored(saying(now, lambda one: f"{one.problem.id} {one.index // 2}"), lambda one: float(one.index % 2))


def begun(now: Observed) -> Observed:
    """Attempts begin with one of two tokens, on which alone their score hangs."""
    other = completed(now, lambda one: replace(one.completion, tokens=np.concatenate(
        (np.array([luck(one) < 0.5], np.int32), one.completion.tokens))))
    return scored(other, lambda one: float(one.completion.tokens[0]))


SICK: dict[str, Callable[[Observed], Observed]] = {
    "failed": lambda now: rewritten(now, lambda one: replace(one, error="sample: no") if one.index == 0 else one),
    "cut off": lambda now: scored(completed(now, lambda one: replace(one.completion, finish="length")),
                                  lambda one: float(luck(one) < 0.3)),
    "length drift": lambda now: completed(now, lambda one: replace(
        one.completion, tokens=np.tile(one.completion.tokens, 3), logprobs=np.tile(one.completion.logprobs, 3))),
    "entropy collapse": lambda now: completed(now, lambda one: replace(
        one.completion, logprobs=np.full(len(one.completion.tokens), -0.02, np.float32))),
    "entropy explosion": lambda now: completed(now, lambda one: replace(
        one.completion, logprobs=np.full(len(one.completion.tokens), -3, np.float32))),
    "loops": lambda now: completed(now, lambda one: looped(one) if one.index == 0 else one.completion),
    "variety": lambda now: measured(now, distinct_4=0.1),
    "same answer": lambda now: scored(saying(now, lambda one: "42" if one.index % 2 else one.completion.text),
                                      lambda one: float(one.index == 0)),
    "equal groups": lambda now: scored(now, lambda one: float(one.problem.id == "p3" and one.index == 0)),
    "unchanged": lambda now: measured(now, parameter_change=1e-9),
    "sampler apart": lambda now: measured(now, sampler_gap=0.2),
    "no logprobs": lambda now: completed(now, lambda one: replace(one.completion, logprobs=np.where(
        luck(one) < 0.05, np.nan, one.completion.logprobs).astype(np.float32))),
    "known answers": lambda now: replace(
        now, attempts=[*now.attempts, attempt(0, 0, "7", answer="7", source="real")],
        verdicts=[*now.verdicts, Verdict(0.0, "truth")]),
    "silent judge": lambda now: scored(now, lambda one: None if luck(one) < 0.2 else float(luck(one) < 0.6)),
    "constant judge": lambda now: scored(now, lambda one: 0.5),
    "none right": lambda now: scored(now, lambda one: 0.0),
    "slow judge": lambda now: replace(now, seconds={"sample": 20.0, "score": 30.0}),
    "inconsistent judge": unlike,
    "right at once": lambda now: scored(now, lambda one: 1.0),
    "shared answer": lambda now: scored(saying(now, lambda one: "Yes!" if one.index == 0 else one.completion.text),
                                        lambda one: 1.0 if one.index == 0 else float(luck(one) < 0.3)),
    "length loved": lambda now: scored(now, lambda one: len(one.completion.tokens) / 20),
    "first token": begun,
    "apart from gold": with_gold,
    "gold left behind": lambda now: scored(replace(now, gold=[Verdict(0.25 * (verdict.score or 0), "truth")
                                                              for verdict in now.verdicts]), luck),
}
"""The ways in which a generation can be sick, a way for every alarm."""


def test_every_alarm_has_a_generation_that_is_sick_of_it() -> None:
    assert SICK.keys() == LOOKS.keys()


@pytest.mark.parametrize("name", LOOKS)
def test_an_alarm_is_loud_where_something_is_wrong(name: str) -> None:
    found = {alarm.name: alarm for alarm in alarms(SICK[name](healthy()), [START])}
    assert name in found
    assert found[name].generation == 2 and found[name].says and found[name].hint
    assert len(found.keys() - {name, "equal groups"}) <= 1  # hardly anything else that follows from it


def test_a_healthy_generation_is_quiet_with_and_without_what_came_before() -> None:
    assert alarms(healthy()) == alarms(healthy(), [START]) == []
    assert alarms(replace(healthy(), gold=healthy().verdicts), [START, readings(healthy())]) == []


def test_a_generation_without_attempts_is_quiet() -> None:
    assert alarms(Observed(1, [], [])) == []


def test_what_search_or_a_person_wrote_tells_nothing_of_the_policy() -> None:
    others = rewritten(SICK["none right"](healthy()), lambda one: replace(one, source="search"))
    assert alarms(others, [START]) == []


def test_an_alarm_of_ones_own_is_a_function_in_a_table() -> None:
    found = alarms(healthy(), looks={"mine": lambda seen, before: Found(f"{len(seen.places)}\x1b[2J", "look", [5, 6])})
    assert found == [Alarm("mine", 2, "240 [2J", "look", (5, 6))]


def test_known_answers_are_asked_of_problems_that_have_one() -> None:
    problems = [Problem(f"p{i}", "?", "train", str(i) if i % 2 else None) for i in range(20)]
    asked = known_attempts(problems, 4, key=1)
    assert len(asked) == 4 and len({one.problem.id for one in asked}) == 4
    assert all(one.completion.text == one.problem.answer and one.source == "real" for one in asked)
    assert [one.problem.id for one in known_attempts(problems, 99, key=2)] != [f"p{i}" for i in range(1, 20, 2)]
    assert known_attempts(problems[::2], key=1) == []


ODD_NUMBERS = st.sampled_from([0.0, 0.5, 1.0, -1.0, 1e308, float("nan"), float("inf"), -float("inf")])
ODD_VERDICTS = st.one_of(st.none(), ODD_NUMBERS)
ODD_TEXTS = st.sampled_from(["", " ", "7", "7\x1b[2J", "‮", "\ud800", "x" * 5000, "\x00"])
METRICS = st.dictionaries(st.sampled_from([*START, "steps", "parameter_change", "sampler_k3", "sampler_outside",
                                           "proxy_mean", "gold_mean"]), ODD_NUMBERS)


@st.composite
def odd_generations(draw: st.DrawFn) -> Observed:
    """Anything that could come, each attempt some thirty times."""
    attempts, verdicts, gold = [], [], []
    for _ in range(draw(st.integers(0, 4))):
        tokens = draw(st.lists(st.integers(0, 2), max_size=9))
        logprobs = np.array([draw(ODD_NUMBERS) for _ in tokens])
        with np.errstate(over="ignore"):
            completion = Completion(draw(ODD_TEXTS), np.array(tokens, np.int32), logprobs.astype(np.float32),
                                    draw(st.sampled_from(["stop", "length"])))
        one = attempt(0, 0, "", answer=draw(st.sampled_from([None, "", "7"])),
                      source=draw(st.sampled_from(["self", "self", "self", "real"])),
                      error=draw(st.sampled_from([None, None, None, "sample: \x00"])))
        verdict = Verdict(draw(ODD_VERDICTS), draw(st.sampled_from(["truth", "orm"])), draw(st.none() | ODD_TEXTS))
        for _ in range(30):
            where = replace(one.problem, id=f"p{draw(st.just(len(attempts) // 3))}")
            attempts.append(replace(one, problem=where, completion=completion, index=len(attempts) % 3))
            verdicts.append(verdict)
            gold.append(Verdict(draw(ODD_VERDICTS) if len(gold) < 3 else gold[-3].score, "truth"))
    recomputed = {place: one.completion.logprobs - 1 for place, one in enumerate(attempts[:4])} | {999: np.zeros(2)}
    return Observed(3, attempts, verdicts, draw(METRICS), draw(st.dictionaries(st.sampled_from(["score", "sample"]),
                                                                               ODD_NUMBERS)),
                    draw(st.sampled_from([(), gold])), draw(st.sampled_from([{}, recomputed])))


@settings(max_examples=200)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, of numbers that have no sum
@given(odd_generations(), st.lists(METRICS, max_size=3))
def test_whatever_comes_an_alarm_makes_a_note_and_nothing_raises(now: Observed, before: list[Measured]) -> None:
    for alarm in alarms(now, before):
        kept = alarm_of_note(note_of(alarm), alarm.generation)
        assert kept is not None and (kept.name, kept.shown) == (alarm.name, alarm.shown)
        assert all(text.isprintable() and 0 < len(text) <= LONGEST for text in (alarm.name, alarm.says, alarm.hint))
        assert len(alarm.shown) <= MOST_SHOWN
        assert all(place < len(now.attempts) for place in alarm.shown)
    assert all(np.isfinite(list(readings(now).values())))
