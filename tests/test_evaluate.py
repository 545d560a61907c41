"""Held-out scores of policies whose answers are known, and a test split that is asked for once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from pawl.errors import CheckpointError, ConfigError, RunError, UnknownNameError
from pawl.evaluate import Score, evaluate_model, final_result, score
from pawl.gate.statistics import wilson_interval
from pawl.judges.truth import truth
from pawl.ledger import GenerationRecord, Ledger
from pawl.meters.passk import mean_pass_at_k
from pawl.models.opening import fresh_policy
from pawl.records import SPLITS, Decision, Event, Problem, Split
from pawl.tasks.countdown import Countdown
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
    assert result["truth_bits"] == {"self": 6.0, "hindsight": 3.0, "real": 7.0}
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


# `pawl eval`.


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("checkpoint")
    fresh_policy(["0123456789+-*/=\n"], tokenizer="char", depth=1, context=64, seed=0).save(directory)
    return directory


def test_a_checkpoint_is_evaluated_on_a_task(checkpoint: Path) -> None:
    found = evaluate_model(checkpoint, "countdown", {"numbers": 2, "max_number": 6}, problems=10, attempts=4,
                           max_tokens=6, device="cpu")
    assert (found["task"], found["split"], found["problems"], found["search"]) == ("countdown", "test", 10, None)
    assert found["policy"].keys() == {"pass@1", "ci", "pass@4", "pass@4_ci"}
    greedy, majority = found["baselines"]["greedy"], found["baselines"]["majority"]
    assert greedy["pass@1"] == found["policy"]["pass@1"]
    assert majority["attempts"] == 4 and majority["tokens"] > greedy["tokens"] > 0
    again = evaluate_model(checkpoint, "countdown", {"numbers": 2, "max_number": 6}, problems=10, attempts=4,
                           max_tokens=6, device="cpu")
    assert again == found


@pytest.mark.parametrize("prior", ["policy", "uniform"])
def test_a_search_is_evaluated_beside_what_its_tokens_buy(checkpoint: Path, prior: Any) -> None:
    found = evaluate_model(checkpoint, "countdown", {"numbers": 2, "max_number": 6}, problems=10, attempts=4,
                           max_tokens=6, search="mcts", budget=4, prior=prior, device="cpu")
    assert found["search"].keys() >= {"name", "budget", "prior", "pass@1", "ci", "tokens", "generated"}
    assert (found["search"]["budget"], found["search"]["prior"]) == (4, prior)
    assert found["baselines"].keys() == {"greedy", "best_of_n", "majority", "weighted"}
    assert found["sentence"].startswith("search ")


@pytest.mark.parametrize("name", ["best_of_n", "weighted", "beam", "dvts"])
def test_every_kind_of_search_is_evaluated(checkpoint: Path, name: str) -> None:
    found = evaluate_model(checkpoint, "countdown", {"numbers": 2, "max_number": 6}, problems=4, attempts=1,
                           max_tokens=6, search=name, budget=4, device="cpu")
    assert found["search"]["name"] == name and found["search"]["tokens"] > 0


def test_a_curve_ends_in_the_plain_evaluation(checkpoint: Path) -> None:
    asked: dict[str, Any] = {"problems": 6, "attempts": 1, "max_tokens": 6, "search": "puct", "budget": 3,
                             "device": "cpu"}
    plain, curve = (evaluate_model(checkpoint, "countdown", {"numbers": 2, "max_number": 6}, **asked, curve=curve)
                    for curve in (False, True))
    assert {name: curve[name] for name in plain} == plain
    rows = [(row["prior"], row["budget"]) for row in curve["curve"] if "budget" in row]
    assert rows == [(prior, budget) for prior in ("policy", "uniform") for budget in (1, 2, 3)]


def test_a_run_is_evaluated_by_its_champion_under_its_own_settings(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "b").symlink_to(checkpoint)
    (tmp_path / "config.toml").write_text("")
    with Ledger.create(tmp_path / "run.db", {"settings": {"max_tokens": 5, "stop": ["="]}}) as ledger:
        ledger.set_base({}, {}, "b")
    asked: dict[str, Any] = {"problems": 6, "attempts": 2, "device": "cpu"}
    task = {"numbers": 2, "max_number": 6}
    found = evaluate_model(tmp_path, "countdown", task, **asked)
    assert found == evaluate_model(checkpoint, "countdown", task, **asked, max_tokens=5, stop=("=",))
    assert found != evaluate_model(tmp_path, "countdown", task, **asked, max_tokens=9, stop=())


def test_a_run_without_a_base_cannot_be_evaluated(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    Ledger.create(tmp_path / "run.db", {"settings": {}}).close()
    with pytest.raises(RunError, match="must have a base"):
        evaluate_model(tmp_path, "countdown", {}, device="cpu")


def test_what_cannot_be_evaluated_is_refused_in_words(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="countdwon"):
        evaluate_model(checkpoint, "countdwon", {}, device="cpu")
    with pytest.raises(UnknownNameError, match="mtcs"):
        evaluate_model(checkpoint, "countdown", {"numbers": 2}, search="mtcs", problems=2, attempts=1, device="cpu")
    with pytest.raises(ConfigError, match="a curve must have a search"):
        evaluate_model(checkpoint, "countdown", {"numbers": 2}, curve=True, device="cpu")
    (tmp_path / "rows.jsonl").write_text('{"question": "1+1", "answer": "2"}\n')
    with pytest.raises(ConfigError, match="the search 'beam' must have a task with steps, got 'dataset'"):
        evaluate_model(checkpoint, "dataset", {"data": str(tmp_path / "rows.jsonl")}, search="beam", device="cpu")
    with pytest.raises(CheckpointError, match=r"config\.json"):
        evaluate_model(tmp_path, "countdown", {"numbers": 2}, device="cpu")
    two = {"numbers": 2, "max_number": 1}  # 1+1=2 and 1*1=1: too few for every split to have one
    empty = next(split for split in SPLITS if not Countdown(**two).problems(split, 9, 0))
    with pytest.raises(ConfigError, match=f"split '{empty}' of task 'countdown' must have a problem"):
        evaluate_model(checkpoint, "countdown", two, split=empty, device="cpu")


def test_scores_of_no_problems_are_no_numbers_out_of_range() -> None:
    summary = scored({}, problems=[]).summary()
    assert summary["pass@1"] == 0.0 and summary["ci"] == [0.0, 1.0]
    assert np.isfinite(summary["ci"]).all()
