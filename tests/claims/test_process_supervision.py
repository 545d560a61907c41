"""Chains and their labels, small: every chain worked out another way, and every way to go on written out."""

from __future__ import annotations

import operator
from functools import reduce

import numpy as np
import pytest
import torch

from pawl.claims import process_supervision
from pawl.claims.process_supervision import (
    STEPS,
    Chains,
    Solver,
    first_below,
    labels,
    largest_fall,
    right_answers,
    right_steps,
    rollout_labels,
    seen_of,
    shares_right,
    values,
    verifier,
    voted,
)

OPERATORS = operator.add, operator.sub, operator.mul


@pytest.fixture
def solver() -> Solver:
    return Solver(np.random.default_rng(0))


@pytest.fixture
def chains() -> Chains:
    return Chains.drawn(np.random.default_rng(1), 500)


def test_an_answer_is_right_where_whole_numbers_say_so(solver: Solver, chains: Chains) -> None:
    results = solver.attempts(chains)
    expected = [reduce(lambda value, step: OPERATORS[step[0]](value, step[1]), zip(kinds, digits, strict=True), first)
                for first, kinds, digits in zip(chains.first.tolist(), chains.operators.tolist(),
                                                chains.operands.tolist(), strict=True)]
    assert right_answers(chains, results).tolist() == [
        said == value % 10 for said, value in zip(results[:, -1].tolist(), expected, strict=True)]


def test_a_step_is_right_where_it_follows_from_the_one_before(solver: Solver, chains: Chains) -> None:
    results = solver.attempts(chains)
    found = right_steps(chains, results)
    for row in range(100):
        before = int(chains.first[row])
        for step in range(STEPS):
            value = OPERATORS[chains.operators[row, step]](before, int(chains.operands[row, step])) % 10
            before = int(results[row, step])
            assert found[row, step] == (value == before)


def test_errors_are_of_one_and_may_cancel(solver: Solver, chains: Chains) -> None:
    results = solver.attempts(chains)
    clean, right = right_steps(chains, results).all(axis=1), right_answers(chains, results)
    assert right[clean].all() and 0 < right[~clean].mean() < 0.5
    assert set(((solver.believed - solver.truth) % 10).ravel()) == {1, 9}


def test_a_process_is_told_up_to_the_first_mistake_and_an_outcome_throughout(solver: Solver) -> None:
    plus = Chains(np.array([1]), np.zeros((1, STEPS), np.int64), np.ones((1, STEPS), np.int64))
    results = np.array([[2, 3, 5, 6, 6, 7]])  # one too many, then one too few: the answer is right
    targets, told = labels(solver, plus, results, "process")
    assert targets.tolist() == [[True, True, False, False, False, False]]
    assert told.tolist() == [[True, True, True, False, False, False]]
    targets, told = labels(solver, plus, results, "outcome")
    assert targets.all() and told.all()


def test_shares_of_completions_are_as_every_way_to_go_on_says(solver: Solver, chains: Chains) -> None:
    results = solver.attempts(chains)
    last = Chains(chains.first[:40], chains.operators[:40], chains.operands[:40])
    found = shares_right(solver, last, results[:40], 2000)
    for row in range(40):
        entry = last.operators[row, -1], results[row, -2], last.operands[row, -1]
        answer = right_answers(Chains(last.first[[row]].repeat(10), last.operators[[row]].repeat(10, axis=0),
                                      last.operands[[row]].repeat(10, axis=0)),
                               np.arange(10)[:, None].repeat(STEPS, axis=1)).argmax()
        truth, believed = int(solver.truth[entry]), int(solver.believed[entry])
        if solver.misremembered[entry]:
            chances = {truth: 0.2, believed: 0.8}
        else:
            chances = {truth: 0.97, (truth + 1) % 10: 0.015, (truth - 1) % 10: 0.015}
        assert found[row, -2] == pytest.approx(chances.get(int(answer), 0.0), abs=0.05)
    assert found[:, -1].tolist() == right_answers(last, results[:40]).tolist()


def test_more_completions_are_right_about_more_steps(solver: Solver, chains: Chains) -> None:
    found = rollout_labels(solver, chains, solver.attempts(chains))
    assert 0.5 < found["labels 1"] < found["labels 4"] < found["labels 16"] < 1


def test_a_vote_is_right_where_most_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_supervision, "POOL", 3)
    answers = np.array([1, 2, 2, 5, 5, 5, 7, 7, 0])
    assert voted(answers, np.array([0, 1, 1, 0, 0, 0, 1, 1, 0], np.bool_)) == pytest.approx(2 / 3)


def test_mistakes_are_found_where_chances_are_low_or_fall() -> None:
    said = np.array([[0.9, 0.8, 0.4, 0.1], [0.9, 0.6, 0.6, 0.6], [0.1, 0.9, 0.9, 0.9]])
    assert first_below(said).tolist() == [2, -1, 0]
    assert largest_fall(said).tolist() == [2, 1, 0]


def test_a_verifier_of_steps_learns_where_attempts_go_wrong(solver: Solver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_supervision, "UPDATES", 150)
    chains = Chains.drawn(np.random.default_rng(2), 1500)
    results = solver.attempts(chains)
    seen, (targets, told) = seen_of(chains, results), labels(solver, chains, results, "process")
    said = values(verifier(seen[:1000], targets[:1000], told[:1000], seed=0), seen[1000:])
    targets, told = targets[1000:], told[1000:]
    assert said[targets].mean() > said[told & ~targets].mean() + 0.2
    assert torch.equal(seen.sum(dim=2), torch.full((1500, STEPS), 4.0)), "an operator, two digits and a result"
