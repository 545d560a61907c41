from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asked import PROBLEM, Noted, Scored, attempt, trouble
from hypothesis import given, settings
from hypothesis import strategies as st

from pawl.errors import ConfigError, TaskError
from pawl.interfaces import Early, Judge
from pawl.judges.truth import FEW, truth
from pawl.records import Attempt, Problem, Verdict
from pawl.testing import check_judge

RIGHT, WRONG = Verdict(1.0, "truth"), Verdict(0.0, "truth")


def hanging(answer: str) -> float:
    if answer == "hang":
        time.sleep(60)
    return 1.0


def judged_in_thread(judge: Judge, attempts: list[Attempt]) -> list[Verdict]:
    verdicts: list[Verdict] = []
    thread = threading.Thread(target=lambda: verdicts.extend(judge(attempts)))
    thread.start()
    thread.join()
    return verdicts


@pytest.mark.parametrize("ask", [lambda judge, attempts: judge(attempts), judged_in_thread], ids=["main", "thread"])
def test_a_score_that_hangs_is_left_and_its_siblings_are_judged(ask: Callable[[Judge, list[Attempt]], Any]) -> None:
    judge = truth(Scored(hanging), time_limit=0.1)
    late = Verdict(None, "truth", "score took longer than 0.1 s")
    assert ask(judge, [attempt("2"), attempt("hang"), attempt("3")]) == [RIGHT, late, RIGHT]


def test_equal_answers_to_one_problem_are_scored_once() -> None:
    task = Scored(lambda answer: 1.0)
    other = replace(PROBLEM, id="other")
    asked = [attempt("a"), attempt("b"), attempt("a"), attempt("a", other), attempt("a")]
    assert truth(task, time_limit=5.0)(asked) == [RIGHT] * 5
    assert task.asked == [("1+1", "a"), ("1+1", "b"), ("other", "a")]


def test_an_attempt_that_failed_keeps_its_error_and_is_not_scored() -> None:
    task = Scored(lambda answer: 1.0)
    failed = replace(attempt("2"), error="sample: the prompt has no tokens")
    judge = truth(task, time_limit=5.0)
    assert isinstance(judge, Early)
    judge.expect([failed])
    assert judge([failed, attempt("2")]) == [Verdict(None, "truth", "sample: the prompt has no tokens"), RIGHT]
    assert task.asked == [("1+1", "2")]


@pytest.mark.parametrize("time_limit", [0, -1, float("nan"), float("inf")])
def test_a_time_limit_must_be_one(time_limit: float) -> None:
    with pytest.raises(ConfigError, match="time_limit must be a positive number of seconds, got"):
        truth(Scored(hanging), time_limit=time_limit)


@pytest.mark.parametrize("workers", [-1, 1.5, "2"])
def test_workers_must_be_a_number_of_them(workers: Any) -> None:
    with pytest.raises(ConfigError, match="processes that score must be a whole number, 0 or more, got"):
        truth(Scored(hanging), workers=workers)


def test_it_keeps_the_contract_of_judges() -> None:
    for workers in (None, 1):
        assert check_judge(truth(Scored(trouble), workers=workers, time_limit=5.0)) == []


# In processes of their own.


@pytest.fixture(scope="module")
def judges() -> Iterator[list[Judge]]:
    """In this process, and in one, two and three others."""
    yield [truth(Scored(trouble), workers=workers, time_limit=5.0) for workers in range(4)]


@settings(max_examples=25, deadline=None)
@given(texts=st.lists(st.sampled_from(["2", "raise", "nothing", "3", "print"]) | st.text(max_size=3), max_size=12),
       early=st.integers(0, 12))
def test_verdicts_do_not_depend_on_processes_nor_on_what_was_expected(judges: list[Judge], texts: list[str],
                                                                     early: int) -> None:
    attempts = [attempt(text, replace(PROBLEM, id=str(len(text)))) for text in texts]
    here, *elsewhere = judges
    expected = here(attempts)
    for judge in elsewhere:
        assert isinstance(judge, Early)
        judge.expect(attempts[:early])
        assert judge(attempts) == expected


def test_a_score_that_ends_or_blocks_its_process_costs_its_own_attempt_alone() -> None:
    judge = truth(Scored(trouble), workers=2, time_limit=0.3)
    said = judge([attempt(text) for text in ("2", "exit", "hang", "sleep", "killed", "3")])
    late = "score took longer than 0.3 s"
    assert said == [RIGHT, *(Verdict(None, "truth", error) for error in (
        "score ended its process with exit code 3", late, late, "score ended its process with SIGKILL")), WRONG]


def test_equal_answers_are_scored_once_there_too(tmp_path: Path) -> None:
    task = Noted(folder=tmp_path)
    judge = truth(task, workers=2)
    assert isinstance(judge, Early)
    asked = [attempt("2"), attempt("3"), attempt("2")]
    judge.expect(asked[:1])
    judge.expect(asked)
    assert judge(asked) == [RIGHT, WRONG, RIGHT]
    assert Counter(answer for _, answer in task.noted) == {"2": 1, "3": 1}


def test_scores_go_on_at_the_same_time(tmp_path: Path) -> None:
    """Each of the two waits for the other."""
    (one := tmp_path / "one").mkdir()
    (two := tmp_path / "two").mkdir()
    both = [attempt("meet"), attempt("meet again")]
    assert truth(Noted(folder=two), workers=2, time_limit=30.0)(both) == [RIGHT, RIGHT]
    assert truth(Noted(folder=one), workers=1, time_limit=0.2)(both)[0].error == "score took longer than 0.2 s"


def test_a_task_says_how_many_processes_score_it(tmp_path: Path) -> None:
    class Apart(Scored):
        score_workers = 1

    judge = truth(Apart(trouble), time_limit=5.0)
    assert judge([attempt("exit")])[0].error == "score ended its process with exit code 3"


def test_a_task_that_cannot_be_sent_is_refused_where_processes_were_asked_for() -> None:
    task: Any = Scored(trouble)
    task.lock = threading.Lock()
    with pytest.raises(TaskError, match="must be such that other processes can score it: it cannot be sent: TypeError"):
        truth(task, workers=1)


class Unmade(Scored):
    """Breaks where it is opened."""

    def __setstate__(self, state: object) -> None:
        raise RuntimeError("no")


def test_a_task_that_cannot_be_opened_there_is_refused_where_processes_were_asked_for() -> None:
    with pytest.raises(TaskError, match="opening it there raised RuntimeError: no"):
        truth(Unmade(trouble), workers=2)([attempt("2"), attempt("3")])


# By itself.


def questions(count: int) -> list[Attempt]:
    return [attempt("2", Problem(str(number), "", "train", "2")) for number in range(count)]


def test_quick_scores_stay_in_this_process(tmp_path: Path) -> None:
    task = Noted(folder=tmp_path)
    assert truth(task)(questions(40)) == [RIGHT] * 40
    assert {process for process, _ in task.noted} == {os.getpid()}


def test_slow_scores_move_to_other_processes_after_a_few(tmp_path: Path) -> None:
    task = Noted(folder=tmp_path, seconds=0.02)
    assert truth(task)(questions(80)) == [RIGHT] * 80
    processes = Counter(process for process, _ in task.noted)
    assert processes[os.getpid()] == FEW and processes.total() == 80


def test_what_is_expected_tells_whether_scores_are_slow(tmp_path: Path) -> None:
    task, asked = Noted(folder=tmp_path, seconds=0.02), questions(80)
    judge = truth(task)
    assert isinstance(judge, Early)
    judge.expect(asked)
    assert [process for process, _ in task.noted[:FEW]] == [os.getpid()] * FEW
    assert judge(asked) == [RIGHT] * 80
    assert sum(process == os.getpid() for process, _ in task.noted) == FEW


def test_a_task_that_loads_torch_is_not_multiplied(tmp_path: Path) -> None:
    task = Noted(folder=tmp_path, seconds=0.02, run=os.getpid())
    assert truth(task)(questions(80)) == [RIGHT] * 80
    others = [process for process, _ in task.noted if process != os.getpid()]
    assert len(others) == 1


def test_a_task_that_other_processes_cannot_open_is_scored_here() -> None:
    def slow(answer: str) -> float:
        time.sleep(0.02)
        return 1.0

    for kind in (Scored, Unmade):
        task: Any = kind(slow)
        task.lock = threading.Lock() if kind is Scored else None
        assert truth(task)(questions(80)) == [RIGHT] * 80
        assert len(task.asked) == 80
