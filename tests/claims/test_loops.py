"""Sums with workings, and rounds of loops over them, small."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pawl.claims import rest_em, star, v_star
from pawl.claims.loops import SETTINGS, Loop, unfiltered
from pawl.claims.sums import SHOWN, Sums, hinted, posed, unseen, working
from pawl.interfaces import Trainable
from pawl.records import Attempt, Completion, Problem, Verdict
from pawl.testing import check_task

NUMBERS = st.integers(0, 999)


@given(NUMBERS, NUMBERS)
def test_a_column_of_a_working_is_the_sum_of_it_and_of_what_stands_to_its_right(first: int, second: int) -> None:
    *columns, answer = working(first, second).split(" ")
    assert int(answer) == first + second
    assert [int(column) for column in columns] == [
        (first % 10 ** (place + 1) + second % 10 ** (place + 1)) // 10**place for place in range(3)]


def test_sums_are_a_task_whose_demonstrations_are_right_and_few() -> None:
    assert check_task(Sums(2)) == []
    assert [len(Sums(digits).problems("train", 10**6, 0)) for digits in (1, 2)] == [
        sum(posed(first, second).split == "train" for first in numbers for second in numbers)
        for numbers in (range(10), range(10, 100))]
    shown = Sums(2).corpus(4000, 0)
    sums = {tuple(map(int, one.prompt[:7].split("+"))) for one in shown if isinstance(one.prompt, str)}
    assert all(int(one.completion.split(" ")[-1]) == sum(map(int, str(one.prompt)[:7].split("+"))) for one in shown)
    assert sum(min(pair) >= 100 for pair in sums) == SHOWN[3]
    others = unseen(2, 300, 0)
    assert len(others) == 300 and not sums & {tuple(one.data["numbers"]) for one in others}


def test_a_hint_is_the_answer_in_the_prompt_and_changes_nothing_else() -> None:
    problem = posed(47, 85)
    assert problem.prompt == "047+085:" and hinted(problem).prompt == "047+085=0132:"
    assert replace(hinted(problem), prompt=problem.prompt) == problem
    assert [Sums(2).score(problem, text) for text in ("12 13 01 0132", "0132", "12 13 01 0131", "0132 ", "")] == [
        1, 1, 0, 0, 0]


@cache
def loop() -> Loop:
    """One whose base knows next to nothing."""
    return Loop(Sums(2), replace(SETTINGS, base_steps=3, batch=8, attempts=2))


def answered(problem: Problem, text: str) -> Attempt:
    tokens = loop().base.encode(text)
    return Attempt(problem, 0, loop().base.encode(problem.prompt), Completion(
        text, tokens, np.zeros(len(tokens), np.float32), "stop"))


def weights(policy: Trainable) -> list[torch.Tensor]:
    return [parameter.detach().clone() for _, parameter in policy.named_parameters()]


def test_a_round_learns_what_is_held_right_and_leaves_its_start_as_it_was() -> None:
    problems = Sums(2).problems("train", 16, 0)
    before, (first, *_) = weights(loop().base), problems
    attempts = [answered(problem, working(*problem.data["numbers"])) for problem in problems]
    told = loop().learnt(loop().base, attempts, unfiltered(attempts))
    assert all(map(torch.equal, before, weights(loop().base))) and not all(map(torch.equal, before, weights(told)))
    row = loop().base.encode(first.prompt), attempts[0].completion.tokens
    assert told.logprobs(*([each] for each in row))[0].sum() > loop().base.logprobs(*([each] for each in row))[0].sum()
    none = loop().learnt(loop().base, attempts, [Verdict(0.0, "nobody") for _ in attempts])
    assert all(map(torch.equal, before, weights(none)))


def test_hints_are_for_what_was_not_solved_and_are_gone_from_what_is_learnt() -> None:
    solved, unsolved = posed(12, 34), posed(56, 78)
    attempts = [answered(solved, "0"), answered(solved, working(12, 34)), answered(unsolved, "0134 ")]
    shown = star.rationalised(loop(), loop().base, attempts)
    assert [one.problem for one in shown] == [unsolved]
    assert loop().base.decode(shown[0].prompt_tokens) == unsolved.prompt


def test_right_workings_are_counted_among_right_answers() -> None:
    problem = posed(47, 85)
    attempts = [answered(problem, text) for text in ("12 13 01 0132", "12 12 01 0132", "12 13 01 0131")]
    assert star.right_workings(loop(), attempts) == 0.5


def test_rounds_begin_with_the_base_or_with_the_last_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[Trainable] = []
    learnt = Loop.learnt

    def noted(self: Loop, start: Trainable, *rest: object) -> Trainable:
        starts.append(start)
        return learnt(self, start, *rest)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(Loop, "learnt", noted)
    problems = Sums(2).problems("train", 2, 0)
    again, on = (rest_em.policies(loop(), problems, restart=restart) for restart in (True, False))
    assert len(again) == len(on) == rest_em.ROUNDS + 1
    assert starts == [loop().base] * rest_em.ROUNDS + on[:-1]


def test_the_attempt_of_most_worth_is_chosen_and_the_majority_counts_what_is_said() -> None:
    right = np.array([[0, 1, 0], [1, 0, 0]], np.float64)
    assert v_star.chosen(right, np.array([-1.0, 2.0, 1.0, -3.0, -2.0, -5.0])) == 0.5
    problem = v_star.TASK.problem((3, 7), 21)
    texts = ["7*3=21", "3*7=21", *["7+3=10"] * (v_star.CHOICES // 2 - 1)]
    texts += [f"{number}+1=2" for number in range(v_star.CHOICES - len(texts))]
    tries = [answered(problem, text) for text in texts]
    scores = np.array([[v_star.TASK.score(problem, text) for text in texts]])
    assert v_star.voted(tries, scores) == 0.0 and scores.sum() == 2
    assert v_star.voted([tries[0]] * v_star.CHOICES, np.ones((1, v_star.CHOICES))) == 1.0
