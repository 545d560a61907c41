from __future__ import annotations

import importlib.util
import json

import pytest

from pawl.errors import ConfigError, MissingExtraError, UnknownNameError
from pawl.records import SPLITS, Problem
from pawl.tasks.reasoning import Reasoning, dataset_names
from pawl.testing import check

gym = pytest.importorskip("reasoning_gym")

EVALUATED = [
    "binary_matrix",
    "n_queens",
    "spiral_matrix",
    "string_insertion",
    "countdown",
    "puzzle24",
    "simple_integration",
    "intermediate_integration",
]
QUICK = [
    "basic_arithmetic",
    "spell_backward",
    "number_sorting",
    "arc_1d",
    "game_of_life_halting",
    "self_reference",
    "dice",
]

TINY = {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1}
"""Sums of two digits: some two hundred problems in all."""


def first(dataset: str) -> tuple[Reasoning, Problem]:
    task = Reasoning(dataset=dataset)
    return task, task.problems("train", 1, 0)[0]


def test_every_dataset_of_the_library_can_be_named_but_the_composite() -> None:
    assert set(dataset_names()) == set(gym.factory.DATASETS) - {"composite"}
    assert len(dataset_names()) > 90


def test_an_unknown_dataset_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'chain_sum'"):
        Reasoning(dataset="chainsum")


def test_options_are_the_datasets_own_and_wrong_ones_are_refused() -> None:
    task = Reasoning(dataset="chain_sum", options={"min_terms": 2, "max_terms": 2})
    assert all(
        str(problem.prompt).count("+") + str(problem.prompt).count(" - ") == 1
        for problem in task.problems("train", 20, 0)
    )
    for wrong in ({"min_term": 2}, {"min_terms": 5, "max_terms": 2}):
        with pytest.raises(ConfigError, match="options must suit reasoning-gym's chain_sum"):
            Reasoning(dataset="chain_sum", options=wrong)


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pawl\[reasoning\]'"):
        Reasoning()


@pytest.mark.parametrize("dataset", QUICK)
def test_known_answers_score_1_and_go_through_json(dataset: str) -> None:
    task = Reasoning(dataset=dataset)
    for problem in task.problems("gate", 3, 0):
        stored = Problem(problem.id, problem.prompt, "gate", problem.answer, json.loads(json.dumps(problem.data)))
        assert stored.answer is not None
        assert task.score(stored, stored.answer) == 1
        assert task.score(stored, "") == task.score(stored, " \n") == 0


def test_part_of_an_answer_is_right_only_where_credit_was_asked_for() -> None:
    task, problem = first("caesar_cipher")
    rambling = f"perhaps {problem.answer}"
    assert task.score(problem, rambling) == 0
    assert 0 < Reasoning(dataset="caesar_cipher", strict=False).score(problem, rambling) < 1


def test_a_scorer_that_takes_any_text_is_not_asked() -> None:
    task, problem = first("game_of_life_halting")
    assert task.score(problem, "perhaps") == 0


def test_splits_share_no_problem_under_any_seed() -> None:
    task = Reasoning(dataset="chain_sum", options=TINY)
    found = {
        split: {problem.prompt for seed in range(3) for problem in task.problems(split, 60, seed)} for split in SPLITS
    }
    assert sum(map(len, found.values())) == len(set().union(*found.values()))


def test_a_dataset_that_runs_out_gives_each_problem_once() -> None:
    task = Reasoning(dataset="chain_sum", options=TINY)
    found = [problem.prompt for problem in task.problems("gate", 10**6, 0)]
    assert len(set(found)) == len(found) < 10**3


def test_a_list_does_not_hang_on_what_was_asked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pawl.tasks.reasoning.PATIENCE", 12)  # splits close early, each at a place of its own
    asked = [Reasoning(dataset="chain_sum", options=TINY) for _ in range(4)]
    asked[1].problems("test", 10**6, 0)
    asked[2].problems("train", 10**6, 0)
    shorter = asked[3].problems("gate", 5, 0)
    lists = [task.problems("gate", 10**6, 0) for task in asked]
    assert lists[0] == lists[1] == lists[2] == lists[3]
    assert shorter == lists[0][:5]


def test_the_corpus_shows_train_problems_with_their_answers() -> None:
    task = Reasoning(dataset="spell_backward")
    shown = [(one.prompt, one.completion) for one in task.corpus(20, 4)]
    assert shown == [(problem.prompt, problem.answer) for problem in task.problems("train", 20, 4)]
    assert Reasoning(dataset="boxnet").corpus(3, 0) == []


def test_problems_do_not_hang_on_the_order_of_pythons_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        lists.append(Reasoning(dataset="ransom_note").problems("train", 3, 0))
    assert lists[0] == lists[1]


HOSTILE = {
    "code": "__import__('os').environ.clear()",
    "a call": "print(1)",
    "a comprehension": "[c for c in ().__class__.__bases__]",
    "a tower": "9**9**9**9",
    "a wide tower": "((9**99)**99)**99",
    "a hidden tower": "9**(1*999999999999)",
    "a huge shift": "1<<99999999999",
    "a huge list": "[0]*10**10",
    "a huge text": "'%999999999d' % 1",
    "brackets": "(" * 100_000,
    "a megabyte": "1" * 2**20,
    "a NUL": "1\x00",
    "escapes": "\x1b[2J",
    "markup": "[/b]",
    "a surrogate": "\ud800",
    "a table": "{}",
    "no division": "1/0",
    "an exponent": "1e999999999",
    "x": "x",
    "sympy": "factorial(10**9)",
    "a walrus": "(a:=9)",
    "a lambda": "(lambda: 0)()",
    "an f-string": "f'{open(1)}'",
    "digits": "٣",
}


@pytest.mark.parametrize("dataset", EVALUATED)
def test_answers_that_attack_a_scorer_which_evaluates_them_score_0(dataset: str) -> None:
    task, problem = first(dataset)
    assert {name: task.score(problem, text) for name, text in HOSTILE.items()} == dict.fromkeys(HOSTILE, 0.0)


@pytest.mark.parametrize("dataset", EVALUATED)
def test_the_known_answers_of_such_a_scorer_still_score_1(dataset: str) -> None:
    task, problem = first(dataset)
    assert task.score(problem, problem.answer or "") == 1


def test_it_keeps_the_contract_of_tasks() -> None:
    assert check(Reasoning(dataset="spell_backward")) == []
