"""A policy meets a task, and two policies the same problems; the policies answer from a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from pawl.errors import ConfigError
from pawl.keys import row_keys
from pawl.models.opening import fresh_policy
from pawl.play import TOGETHER, contest, look, play, think
from pawl.records import Attempt, Choice, Cost, Problem, Sampling, Verdict
from pawl.search.mcts import TreeSearch
from pawl.search.steps import Valued, uniform
from pawl.tasks.countdown import Countdown
from pawl.testing import ScriptedPolicy

PROBLEMS = [Problem(f"p{i}", f"{i}+1=", "train", str(i + 1)) for i in range(5)]
SAMPLING = Sampling(6)
COIN = ScriptedPolicy({}, default=("heads", "tails"))
"""Says one of two things, whatever it is asked."""


def judge(attempts: Sequence[Attempt]) -> list[Verdict]:
    """Right or wrong; nothing of what failed before, nor of an answer that is a question."""
    return [Verdict(None if attempt.error or attempt.completion.text == "?" else
                    float(attempt.completion.text == attempt.problem.answer), "truth") for attempt in attempts]


def knower(*known: int) -> ScriptedPolicy:
    """Knows the answers to these problems."""
    return ScriptedPolicy({str(PROBLEMS[i].prompt): [str(PROBLEMS[i].answer)] for i in known}, default=("no",))


def test_attempts_come_in_the_order_of_problems_and_then_of_numbers() -> None:
    attempts = play(COIN, PROBLEMS, 3, sampling=SAMPLING, key=1)
    order = [(f"p{i}", number) for i in range(5) for number in range(3)]
    assert [(attempt.problem.id, attempt.index) for attempt in attempts] == order
    for attempt in attempts:
        assert attempt.prompt_tokens.tolist() == COIN.encode(attempt.problem.prompt).tolist()
        assert (attempt.source, attempt.error) == ("self", None)


def test_what_is_drawn_is_named_by_key_problem_and_number_alone() -> None:
    whole = play(COIN, PROBLEMS, 4, sampling=SAMPLING, key=1)
    texts = {(attempt.problem.id, attempt.index): attempt.completion.text for attempt in whole}
    assert set(texts.values()) == {"heads", "tails"}
    for attempt in play(COIN, PROBLEMS[::-2], 2, sampling=SAMPLING, key=1):
        assert attempt.completion.text == texts[attempt.problem.id, attempt.index]
    other = play(COIN, PROBLEMS, 4, sampling=SAMPLING, key=2)
    assert [attempt.completion.text for attempt in other] != [attempt.completion.text for attempt in whole]


def test_completions_are_those_that_the_policy_proposes_for_these_keys() -> None:
    keys = row_keys(9, [problem.id for problem in PROBLEMS], 2)
    expected = COIN.propose([COIN.encode(problem.prompt) for problem in PROBLEMS], 2, sampling=SAMPLING, keys=keys)
    found = play(COIN, PROBLEMS, 2, sampling=SAMPLING, key=9)
    assert [attempt.completion.text for attempt in found] == [c.text for group in expected for c in group]


def test_attempts_drawn_in_parts_are_those_drawn_at_once() -> None:
    whole = play(COIN, PROBLEMS, 5, sampling=SAMPLING, key=1)
    parts = [play(COIN, PROBLEMS, count, sampling=SAMPLING, key=1, first=first) for first, count in ((0, 2), (2, 3))]
    told = {(attempt.problem.id, attempt.index): attempt.completion.text for part in parts for attempt in part}
    assert told == {(attempt.problem.id, attempt.index): attempt.completion.text for attempt in whole}


def test_a_prompt_that_does_not_fit_fails_alone() -> None:
    policy = ScriptedPolicy({}, default=("yes",), context=12)
    long, none = replace(PROBLEMS[0], id="long", prompt="a long one"), replace(PROBLEMS[0], id="none", prompt="")
    problems = [long, *PROBLEMS, none]
    attempts = play(policy, problems, 2, sampling=SAMPLING, key=0)
    assert [attempt.error for attempt in attempts[:2]] == [
        "sample: 10 prompt tokens and 6 new ones exceed the model's 12"] * 2
    assert [attempt.error for attempt in attempts[-2:]] == ["sample: the prompt has no tokens"] * 2
    assert all(attempt.completion.text == "" and len(attempt.completion.tokens) == 0 for attempt in attempts[:2])
    assert all(attempt.completion.text == "yes" and attempt.error is None for attempt in attempts[2:-2])


def test_progress_reaches_the_whole_in_steps() -> None:
    told: list[tuple[int, int]] = []
    at_once = max(1, TOGETHER // 500)
    problems = [replace(PROBLEMS[0], id=str(i)) for i in range(2 * at_once + 1)]
    play(COIN, problems, 500, sampling=Sampling(1), key=0, watch=lambda done, total: told.append((done, total)))
    assert [total for _, total in told] == [500 * len(problems)] * 3
    assert [done for done, _ in told] == [500 * at_once, 1000 * at_once, 500 * len(problems)]


class Listener:
    """A judge that can begin early; remembers what it was handed, between what else happens."""

    def __init__(self) -> None:
        self.happened: list[Any] = []

    def __call__(self, attempts: Sequence[Attempt]) -> list[Verdict]:
        self.happened.append(f"asked about {len(attempts)}")
        return judge(attempts)

    def expect(self, attempts: Sequence[Attempt]) -> None:
        self.happened.append([(attempt.problem.id, attempt.index, attempt.completion.text) for attempt in attempts])


class Telling(ScriptedPolicy):
    """Tells a listener how many prefixes it is asked about."""

    heard: Listener

    def propose(self, prefixes: Any, count: int, **rest: Any) -> Any:
        self.heard.happened.append(len(prefixes))
        return super().propose(prefixes, count, **rest)


def test_a_judge_that_can_begin_early_is_handed_what_was_drawn_while_the_rest_is(monkeypatch: Any) -> None:
    monkeypatch.setattr("pawl.play.SMALLEST_PART", 4)
    monkeypatch.setattr("pawl.play.PART_TOKENS", 1)
    policy, listener = Telling({}, default=("heads", "tails")), Listener()
    policy.heard = listener
    attempts = play(policy, [*PROBLEMS, replace(PROBLEMS[0], id="none", prompt="")], 2, sampling=SAMPLING, key=1,
                    judge=listener)
    told = [(attempt.problem.id, attempt.index, attempt.completion.text) for attempt in attempts]
    assert listener.happened == [2, told[:4], 2, told[4:8], 1, told[8:10]]
    assert told[:10] == [(attempt.problem.id, attempt.index, attempt.completion.text)
                         for attempt in play(COIN, PROBLEMS, 2, sampling=SAMPLING, key=1)]


@pytest.mark.parametrize(("max_tokens", "attempts"), [(1, TOGETHER), (64, 2048), (10**6, 1024)])
def test_the_longer_attempts_may_get_the_fewer_a_judge_is_handed_at_a_time(max_tokens: int, attempts: int) -> None:
    listener, problems = Listener(), [replace(PROBLEMS[0], id=str(number)) for number in range(10)]
    play(ScriptedPolicy({}, default=("",), context=10**7), problems, 512, sampling=Sampling(max_tokens), key=1,
         judge=listener)
    assert len(listener.happened[0]) == attempts


def test_no_problems_give_no_attempts() -> None:
    assert play(COIN, [], 3, sampling=SAMPLING, key=0) == []


def against(candidate: ScriptedPolicy, champion: ScriptedPolicy, problems: Sequence[Problem] = PROBLEMS,
            told: list[tuple[int, int]] | None = None):  # type: ignore[no-untyped-def]
    heard: list[tuple[int, int]] = [] if told is None else told
    return contest(candidate, champion, problems, judge, max_tokens=6, stop=(), generation=2, generations=7,
                   watch=lambda done, total: heard.append((done, total)))


def test_a_contest_pairs_the_scores_of_both_on_the_same_problems() -> None:
    result = against(knower(0, 1, 2), knower(2, 3))
    assert result.evidence.candidate.tolist() == [1, 1, 1, 0, 0]
    assert result.evidence.champion.tolist() == [0, 0, 1, 1, 0]
    assert result.problem_ids == [problem.id for problem in PROBLEMS]
    assert (result.evidence.generation, result.evidence.generations, result.left_out) == (2, 7, 0)
    assert [attempt.completion.text for attempt in result.attempts] == ["1", "2", "3", "no", "no"]


def test_a_contest_is_greedy() -> None:
    """The commoner of two answers is given each time."""
    mostly = ScriptedPolicy({}, default=("1", "1", "no"))
    assert against(mostly, knower()).evidence.candidate.tolist() == [1, 0, 0, 0, 0]
    again = against(mostly, mostly).evidence
    assert again.candidate.tolist() == again.champion.tolist()


def test_a_problem_that_the_judge_cannot_decide_for_both_is_left_out() -> None:
    doubtful = ScriptedPolicy({"0+1=": ["1"], "3+1=": ["?"], "1+1=": ["2"]}, default=("no",))
    result = against(doubtful, ScriptedPolicy({"1+1=": ["?"]}, default=("no",)))
    assert result.problem_ids == ["p0", "p2", "p4"]
    assert result.evidence.candidate.tolist() == [1, 0, 0]
    assert [attempt.problem.id for attempt in result.attempts] == result.problem_ids
    assert result.left_out == 2


def test_a_contest_without_problems_is_empty_evidence() -> None:
    result = against(knower(), knower(), [])
    assert (len(result.evidence.candidate), result.problem_ids, result.left_out) == (0, [], 0)
    assert result.evidence.candidate.dtype == np.float32


def test_what_both_sides_of_a_contest_say_is_judged_at_once() -> None:
    listener = Listener()
    contest(knower(1), knower(2), PROBLEMS, listener, max_tokens=6, stop=(), generation=1, generations=1)
    assert [len(what) if isinstance(what, list) else what for what in listener.happened] == [5, 5, "asked about 10"]


def test_both_sides_of_a_contest_count_as_progress() -> None:
    told: list[tuple[int, int]] = []
    against(knower(), knower(), told=told)
    assert told == [(5, 10), (10, 10)]


@pytest.mark.parametrize("count", [1, 3])
def test_every_problem_gets_as_many_attempts_as_were_asked_for(count: int) -> None:
    assert len(play(COIN, PROBLEMS, count, sampling=SAMPLING, key=0)) == 5 * count


COUNTDOWN = Countdown(numbers=3, max_number=9)
HANDS = COUNTDOWN.problems("train", 3, 0)
SCRIBE = ScriptedPolicy({}, default=("",))


def first_legal(policy: Any, task: Any, states: Sequence[Any], keys: Any) -> list[Choice]:
    """Takes the first legal step; tells its states apart by keys."""
    assert len(set(keys.tolist())) == len(states)
    return [Choice(actions[0], tuple(actions), np.eye(len(actions), dtype=np.float32)[0],
                   np.zeros(len(actions), np.int32), np.zeros(len(actions), np.float32), 0.5, Cost(3, 2, 1))
            for actions in map(task.actions, states)]


def lost(policy: Any, task: Any, states: Sequence[Any], keys: Any) -> list[Choice]:
    """Finds nothing to do."""
    nothing = np.zeros(0, np.float32)
    return [Choice(None, (), nothing, nothing.astype(np.int32), nothing, 0.0, Cost(1)) for _ in states]


def test_a_searched_attempt_is_the_path_of_its_choices_as_the_policy_would_have_written_it() -> None:
    for thought, problem in zip(think(SCRIBE, COUNTDOWN, first_legal, HANDS, key=1), HANDS, strict=True):
        state = COUNTDOWN.start(problem)
        for choice in thought.choices:
            state = COUNTDOWN.step(state, choice.action)
        assert COUNTDOWN.terminal(state) and len(thought.choices) == 2
        completion = thought.attempt.completion
        assert completion.text == COUNTDOWN.answer(state)
        assert bytes(completion.tokens[:-1].tolist()).decode() == completion.text
        assert len(completion.logprobs) == len(completion.tokens)
        assert (thought.attempt.source, thought.attempt.error) == ("search", None)
        assert thought.cost == Cost(6, 4, 2)


@pytest.mark.parametrize(("search", "most_steps", "error"), [
    (lost, 64, "search: no legal step was proposed"), (first_legal, 1, "search: the steps do not end")])
def test_a_path_without_an_end_is_an_attempt_with_an_error(search: Any, most_steps: int, error: str) -> None:
    (thought,) = think(SCRIBE, COUNTDOWN, search, HANDS[:1], key=1, most_steps=most_steps)
    assert (thought.attempt.error, thought.attempt.completion.text) == (error, "")
    assert len(thought.choices) == 1 and thought.cost.forwarded > 0


def whole_path(policy: Any, task: Any, states: Sequence[Any], keys: Any) -> list[Choice]:
    """Decides every step at once."""
    choices = []
    for state, choice in zip(states, first_legal(policy, task, states, keys), strict=True):
        path = [choice.action]
        while not task.terminal(state := task.step(state, path[-1])):
            path.append(task.actions(state)[0])
        choices.append(replace(choice, path=tuple(path)))
    return choices


def test_steps_that_are_decided_at_once_are_taken_in_turn() -> None:
    at_once, in_turn = (think(SCRIBE, COUNTDOWN, search, HANDS, key=1) for search in (whole_path, first_legal))
    for one, other in zip(at_once, in_turn, strict=True):
        assert one.attempt.completion.text == other.attempt.completion.text
        assert len(one.choices) == 1 and one.choices[0].steps == tuple(c.action for c in other.choices)
        assert one.cost == Cost(3, 2, 1)


def test_a_path_is_followed_no_further_than_a_path_may_be_long() -> None:
    (thought,) = think(SCRIBE, COUNTDOWN, whole_path, HANDS[:1], key=1, most_steps=1)
    assert thought.attempt.error == "search: the steps do not end"


def test_a_search_over_steps_of_a_task_without_steps_is_refused() -> None:
    plain: Any = SimpleNamespace(name="plain", problems=None, score=None)
    with pytest.raises(ConfigError, match="must have a task with steps, got 'plain'"):
        think(SCRIBE, plain, first_legal, HANDS, key=1)


def test_a_search_thinks_the_same_with_a_policy_that_remembers_and_forwards_less() -> None:
    policy = fresh_policy(["0123456789+-*/=\n "], tokenizer="char", depth=1, context=64, seed=0)
    with torch.no_grad():
        policy.model.value_head.weight.normal_(generator=torch.Generator().manual_seed(0))
    search = TreeSearch(uniform, Valued(policy), simulations=8)
    remembered, plain = (think(asked, COUNTDOWN, search, HANDS, key=1) for asked in (policy, SCRIBE))
    for ours, theirs in zip(remembered, plain, strict=True):
        assert ours.attempt.completion.text == theirs.attempt.completion.text
        assert ours.cost.estimated == theirs.cost.estimated
        assert 0 < ours.cost.forwarded < theirs.cost.forwarded / 2
    assert policy.unread([policy.encode("1+2")]) == [3]  # and keeps nothing afterwards


def test_a_look_is_the_first_choice_of_a_path_whatever_is_looked_at_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    policy, told = ScriptedPolicy({}), list[tuple[int, int]]()
    search = TreeSearch(uniform, Valued(policy), 12, noise=True)
    whole = look(policy, COUNTDOWN, search, HANDS, key=4)
    monkeypatch.setattr("pawl.play.LOOKED_AT", 2)
    parts = look(policy, COUNTDOWN, search, HANDS, key=4, watch=lambda done, total: told.append((done, total)))
    assert [choice.visits.tolist() for choice in whole] == [choice.visits.tolist() for choice in parts]
    assert told == [(2, 3), (3, 3)]
    assert look(policy, COUNTDOWN, search, [], key=4) == []
