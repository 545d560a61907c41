"""Held-out scores of policies whose answers are known, and a test split that is asked for once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from pawl.errors import ConfigError
from pawl.evaluate import Score, final_result, score
from pawl.gate.statistics import wilson_interval
from pawl.judges.truth import truth
from pawl.ledger import GenerationRecord, Ledger
from pawl.meters.passk import mean_pass_at_k
from pawl.records import Decision, Event, Problem, Split
from pawl.testing import ScriptedPolicy

torch.set_num_threads(1)

SETTINGS = SimpleNamespace(test_problems=1000, seed=3, max_tokens=8, stop=(), generations=2)


WORDS = ("oslo", "rome", "bern", "lima")


class Capitals:
    """A task of four problems a split that says which splits it was asked for."""

    name = "capitals"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        self.asked.append(split)
        return [Problem(f"{split} {word}", f"{word}:", split, word.upper()) for word in WORDS]

    def score(self, problem: Problem, answer: str) -> float:
        if answer == "?":
            raise RuntimeError("nobody knows")
        return float(answer == problem.answer)


TASK = Capitals()
TEST = TASK.problems("test", 4, 0)


def scored(script: dict[str, list[str]], *, count: int = 8, problems: list[Problem] = TEST) -> Score:
    policy = ScriptedPolicy(script, default=("no",))
    return score(policy, problems, truth(TASK), max_tokens=8, stop=(), count=count, key=1,
                 watch=lambda done, total: None)


def test_known_answers_have_known_scores() -> None:
    found = scored({"oslo:": ["OSLO"], "rome:": ["Rome"], "bern:": ["?"]})
    assert found.greedy == [1, 0, 0, 0]
    assert found.right == [8, 0, 0, 0]
    assert found.majority == [1, 0, 0, 0]


def test_the_greedy_answer_is_the_likeliest_and_the_sampled_ones_vary() -> None:
    found = scored({"oslo:": ["OSLO", "x", "x"], "rome:": ["ROME", "ROME", "x"]}, count=64)
    assert found.greedy == [0, 1, 0, 0]
    assert 8 < found.right[0] < 36 < found.right[1] < 60
    assert found.majority[:2] == [0, 1]


def test_the_majority_is_one_text_and_not_the_commonest_score() -> None:
    """Wrong answers are in the majority, but no wrong answer is."""
    found = scored({"oslo:": ["OSLO"] * 3 + ["a", "b", "c", "d", "e"]}, count=100, problems=TEST[:1])
    assert 20 < found.right[0] < 50
    assert found.majority == [1]


def test_the_majority_counts_what_answers_say() -> None:
    """Two wordings of one answer go before the single wording of another."""
    class Lenient(Capitals):
        def score(self, problem: Problem, answer: str) -> float:
            return super().score(problem, answer.strip())

    policy = ScriptedPolicy({"oslo:": ["OSLO", "OSLO ", "x", "x", "OSLO", "OSLO  ", "x"]})
    found = [score(policy, TEST[:1], truth(Lenient()), max_tokens=8, stop=(), count=200, key=1, canonical=canonical,
                   watch=lambda done, total: None).majority for canonical in (str.strip, lambda text: text)]
    assert found == [[1], [0]]


def test_tokens_are_counted_with_each_prompt_once() -> None:
    found = scored({"oslo:": ["OSLO"]}, count=5, problems=TEST[:2])
    prompts, answers = len("oslo:rome:"), len("OSLO") + 1 + len("no") + 1
    assert found.tokens == {"greedy": prompts + answers, "sampled": prompts + 5 * answers}


def test_the_summary_is_pass_at_1_and_pass_at_k_with_their_intervals() -> None:
    summary = scored({"oslo:": ["OSLO"], "rome:": ["ROME", "x"]}).summary()
    assert summary["pass@1"] == 0.5
    assert summary["ci"] == list(wilson_interval(0.5, 4))
    assert summary["pass@8"] == 0.5
    right = scored({"oslo:": ["OSLO"], "rome:": ["ROME", "x"]}).right
    assert summary["pass@8_ci"] == list(mean_pass_at_k(right, 8, 8)[1])


def test_one_sampled_answer_does_not_take_the_greedy_ones_name() -> None:
    found = scored({"oslo:": ["no", "no", "OSLO"]}, count=1)
    assert found.summary() == {"pass@1": 0.0, "ci": list(wilson_interval(0.0, 4))}


def test_progress_counts_greedy_and_sampled_answers() -> None:
    told: list[tuple[int, int]] = []
    score(ScriptedPolicy({}), TEST, truth(TASK), max_tokens=8, stop=(), count=2, key=1,
          watch=lambda done, total: told.append((done, total)))
    assert told == [(4, 12), (12, 12)]


def test_a_policy_that_can_attempt_nothing_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="could attempt none: sample: 5 prompt tokens and 8 new ones"):
        score(ScriptedPolicy({}, context=10), TEST, truth(TASK), max_tokens=8, stop=(), count=2, key=1,
              watch=lambda done, total: None)


# The end of a run.


def generation(index: int, *, promote: bool | None) -> GenerationRecord:
    decision = None if promote is None else Decision(promote, ("because",), 0.0, (0.0, 0.0), 1.0, 0.01)
    return GenerationRecord(index, [], [], [], None, [], decision, "nothing" if promote is None else None, "b", None,
                            {"truth_bits_self": 2.0, "truth_bits_hindsight": 1.0}, {"sample": 1.0, "train": 2.0}, [])


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Three generations: promoted, refused, dropped."""
    with Ledger.create(tmp_path / "run.db", {"recipe": "school", "task": "capitals"}) as made:
        made.set_base({"truth_bits_real": 7.0}, {"base": 10.0}, "b")
        for index, promote in enumerate((True, False, None), start=1):
            made.commit(generation(index, promote=promote))
        yield made


def finish(ledger: Ledger, task: Capitals, events: list[Event] | None = None) -> dict[str, Any]:
    said: list[Event] = [] if events is None else events
    base, champion = ScriptedPolicy({}), ScriptedPolicy({"oslo:": ["OSLO"], "rome:": ["ROME"]})
    return final_result(base, champion, task, truth(task), ledger, SETTINGS, said.append)


def test_the_final_result_compares_base_and_champion_on_the_test_split(ledger: Ledger) -> None:
    task = Capitals()
    result = finish(ledger, task)
    assert task.asked == ["test"]
    assert (result["base"]["pass@1"], result["final"]["pass@1"], result["final"]["pass@8"]) == (0.0, 0.5, 0.5)
    assert result["test"]["problem_ids"] == [problem.id for problem in TEST]
    assert result["test"]["base_scores"] == [0, 0, 0, 0]
    assert result["test"]["final_scores"] == [1, 1, 0, 0]
    assert result["test"]["final_right"] == [8, 8, 0, 0]


def test_the_final_result_sums_up_the_run(ledger: Ledger) -> None:
    result = finish(ledger, Capitals())
    assert (result["recipe"], result["task"], result["seed"]) == ("school", "capitals", 3)
    assert [result[name] for name in ("generations", "promoted", "refused", "dropped")] == [3, 1, 1, 1]
    assert result["truth_bits"] == {"self": 6.0, "hindsight": 3.0, "search": 0, "real": 7.0}
    seconds = result["seconds"]
    assert (seconds["base"], seconds["sample"], seconds["train"], seconds["search"]) == (10.0, 3.0, 6.0, 0.0)
    assert seconds["total"] == pytest.approx(10 + 3 + 6 + seconds["test"])


def test_the_final_result_is_read_back_without_touching_the_test_split_again(ledger: Ledger) -> None:
    first, task, events = finish(ledger, Capitals()), Capitals(), list[Event]()
    assert finish(ledger, task, events) == first
    assert (task.asked, events) == ([], [])


def test_the_test_is_told_as_it_goes_on(ledger: Ledger) -> None:
    events: list[Event] = []
    finish(ledger, Capitals(), events)
    assert {(event.stage, event.generation, event.generations) for event in events} == {("test", 3, 2)}
    assert events[-1].done == events[-1].total == 2 * 4 * 9


def test_scores_of_no_problems_are_no_numbers_out_of_range() -> None:
    summary = scored({}, problems=[]).summary()
    assert summary["pass@1"] == 0.0 and summary["ci"] == [0.0, 1.0]
    assert np.isfinite(summary["ci"]).all()
