from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asked import PROBLEM, Noted, Scored, Stubborn, of_the_process, trouble

from pawl.judges.pool import Pool, Unfit
from pawl.judges.score import verdict_on
from pawl.records import Problem, Verdict


def said(pool: Pool, *answers: str, problem: Problem = PROBLEM) -> list[Verdict]:
    """Verdicts on answers, all of which are under way at a time."""
    return [verdict.result() for verdict in [pool.score(problem, answer) for answer in answers]]


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold, within a minute."""
    for _ in range(6000):
        if holds():
            return True
        time.sleep(0.01)
    return False


def gone(process: int) -> bool:
    """Whether it has ended; one whose parent has not asked yet how is a zombie, which has."""
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except ProcessLookupError:
        return True
    except FileNotFoundError:  # it ended between the two lines, or the system has no such files
        return Path("/proc/self").exists()


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(Scored(trouble), 2, time_limit=5.0)
    yield made
    made.close()


def test_a_verdict_is_what_the_score_would_have_been_here(pool: Pool) -> None:
    answers = ["2", "raise", "nothing", "\ud800", "3"]
    assert said(pool, *answers) == [verdict_on(Scored(trouble), PROBLEM, answer, time_limit=5.0) for answer in answers]


def test_a_worker_that_ended_is_replaced(pool: Pool) -> None:
    assert [verdict.score for verdict in said(pool, *["exit", "2"] * 4)] == [None, 1.0] * 4


def test_what_a_score_prints_is_not_what_the_run_says(capfd: pytest.CaptureFixture[str]) -> None:
    assert said(Pool(Scored(trouble), 1, time_limit=5.0), "print", "2")[1].score == 1
    assert capfd.readouterr() == ("", "printed\n")


@pytest.mark.parametrize(("fact", "holds"), [("torch", 0.0), ("one thread", 1.0), ("main thread", 1.0),
                                             ("own group", 1.0)])
def test_a_worker_is_small_and_by_itself(fact: str, holds: float) -> None:
    assert said(Pool(Scored(of_the_process), 1, time_limit=5.0), fact) == [Verdict(holds, "truth")]


def test_a_problem_arrives_as_it_was_sent() -> None:
    """Tuples, which JSON does not have, too."""
    class Typed(Scored):
        def score(self, problem: Problem, answer: str) -> float:
            return float(problem.data == {"numbers": (1, 2)})

    problem = Problem("p", ({"role": "user", "content": "1"},), "train", data={"numbers": (1, 2)})
    assert said(Pool(Typed(trouble), 1, time_limit=5.0), "2", problem=problem) == [Verdict(1.0, "truth")]


def test_a_task_with_settings_is_made_anew_from_them(tmp_path: Path) -> None:
    task: Any = Noted(folder=tmp_path)
    object.__setattr__(task, "kept", (number for number in range(3)))  # which cannot be sent
    assert said(Pool(task, 1, time_limit=5.0), "2") == [Verdict(1.0, "truth")]


def test_a_hanging_score_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    file = tmp_path / "processes"
    [verdict] = said(Pool(Stubborn(file), 1, time_limit=1.0), "2")
    assert verdict.error == "score took longer than 1 s"
    assert all(eventually(lambda process=process: gone(process)) for process in noted(file))  # type: ignore[misc]


def noted(file: Path) -> list[int]:
    return [int(process) for process in file.read_text(encoding="utf-8").split()]


def test_a_pool_that_is_forgotten_ends_its_workers(tmp_path: Path) -> None:
    task = Noted(folder=tmp_path)
    made = Pool(task, 1, time_limit=5.0)
    said(made, "2")
    [(process, _)] = task.noted
    assert not gone(process)
    del made
    gc.collect()
    assert eventually(lambda: gone(process))


def test_a_closed_pool_scores_nothing_more(pool: Pool) -> None:
    said(pool, "2")
    pool.close()
    with pytest.raises(Unfit):
        said(pool, "2")


def test_a_worker_that_lies_is_ended() -> None:
    def lying(answer: str) -> float:
        """Says something itself over the connection, whose number is the program's argument."""
        os.write(int(sys.argv[1]), b"\x00\x00\x00\x0e" + b'{"score": 2.0}')
        return 1.0

    assert said(Pool(Scored(lying), 1, time_limit=5.0), "2", "3") == [
        Verdict(None, "truth", "score had its process say what is no verdict")] * 2


# As a program.

SCRIPT = """
import os, sys, threading
import numpy as np
import pawl
from pawl.judges.truth import truth
from pawl.records import Attempt, Completion, Problem

print("once")

@pawl.settings
class Here:
    largest: int = 3
    name = "here"

    def score(self, problem, answer):
        return float(len(answer) <= self.largest and os.getpid() != RUN)

class There(Here):
    def __init__(self):
        object.__setattr__(self, "largest", 3)

RUN = os.getpid()
problem = Problem("p", "", "train")
tokens, logprobs = np.zeros(1, np.int32), np.zeros(1, np.float32)
attempts = [Attempt(problem, 0, tokens, Completion(text, tokens, logprobs, "stop")) for text in ("a", "abcd")]
for task in (Here(largest=3), There()):
    print([verdict.score for verdict in truth(task, workers=2)(attempts)])
"""


def test_a_task_of_a_script_is_scored_without_running_the_script_again(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("once\n[1.0, 0.0]\n[1.0, 0.0]\n", "")


WAITING = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts in the background is deaf to it
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import asked
from pawl.judges.truth import truth
try:
    task = vars(asked)[sys.argv[2]](Path(sys.argv[3]))
    truth(task, workers=2, time_limit=float(sys.argv[4]))([asked.attempt("2"), asked.attempt("3")])
except KeyboardInterrupt:
    print("stopped")
"""


@pytest.mark.parametrize(("task", "limit", "number", "says"), [
    ("Starts", 600, signal.SIGINT, "stopped\n"), ("Starts", 600, signal.SIGKILL, ""), ("Hangs", 1, signal.SIGKILL, "")])
def test_workers_end_with_the_program_also_when_it_is_killed(tmp_path: Path, task: str, limit: float, number: int,
                                                             says: str) -> None:
    file = tmp_path / "processes"
    program = [sys.executable, "-c", WAITING, str(Path(__file__).parent), task, str(file), str(limit)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as run:
        assert eventually(lambda: file.exists() and file.stat().st_size > 0)
        os.killpg(run.pid, number)  # as a terminal does on Ctrl-C
        assert [stream.decode() for stream in run.communicate()] == [says, ""]
    assert all(eventually(lambda process=process: gone(process)) for process in noted(file))  # type: ignore[misc]
