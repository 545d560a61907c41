"""Tasks for judges to ask, in a module that other processes can import, and attempts at them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from pawl.config import settings
from pawl.records import Attempt, Completion, Problem, Split

PROBLEM = Problem("1+1", "1+1=", "train", "2")


def attempt(text: str, problem: Problem = PROBLEM) -> Attempt:
    completion = Completion(text, np.zeros(1, np.int32), np.zeros(1, np.float32), "stop")
    return Attempt(problem, 0, np.zeros(1, np.int32), completion)


class Scored:
    """A task whose score is a function of the answer; remembers what it was asked."""

    name = "scored"

    def __init__(self, function: Callable[[str], Any]) -> None:
        self.function, self.asked = function, list[tuple[str, str]]()

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        return [PROBLEM]

    def score(self, problem: Problem, answer: str) -> float:
        self.asked.append((problem.id, answer))
        return self.function(answer)  # type: ignore[no-any-return]


def trouble(answer: str) -> float:
    """Right is 2; any other name of a trouble is that trouble."""
    match answer:
        case "hang":
            max(iter(int, 1))  # never ends, and never comes back from C to where a signal is heard
        case "sleep":
            time.sleep(60)
        case "exit":
            os._exit(3)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "raise":
            raise ValueError("\x1b[2J" + "x" * 1000)
        case "nothing":
            return None  # type: ignore[return-value]
        case "print":
            print("printed", flush=True)  # noqa: T201 -- what a user's score does
    return float(answer == "2")


def of_the_process(answer: str) -> float:
    """Facts about the process that scores, as numbers in [0, 1]."""
    match answer:
        case "torch":
            return float("torch" in sys.modules)
        case "one thread":
            return float(os.environ["OMP_NUM_THREADS"] == os.environ["NUMBA_NUM_THREADS"] == "1")
        case "main thread":
            return float(threading.current_thread() is threading.main_thread())
        case "own group":
            return float(os.getpgrp() == os.getpid())
    raise ValueError(answer)


@settings
class Noted:
    """A task that notes in a folder which process scored what; an answer that begins with `meet` waits there for
    another."""

    folder: Path
    seconds: float = 0.0
    """How long a score takes."""
    run: int = 0
    """The process of the run, where scores load something called torch in others; 0 for never."""

    name = "noted"

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        return [PROBLEM]

    def score(self, problem: Problem, answer: str) -> float:
        time.sleep(self.seconds)
        with (self.folder / "noted").open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()} {answer}\n")
        if self.run not in (0, os.getpid()):
            sys.modules.setdefault("torch", ModuleType("torch"))
        while answer.startswith("meet") and sum(other.startswith("meet") for _, other in self.noted) < 2:
            time.sleep(0.01)
        return float(answer != "3")

    @property
    def noted(self) -> list[tuple[int, str]]:
        """The process that scored, and the answer."""
        if not (self.folder / "noted").exists():
            return []
        lines = (self.folder / "noted").read_text(encoding="utf-8").splitlines()
        return [(int(process), answer) for process, _, answer in (line.partition(" ") for line in lines)]


class Starts:
    """A task whose score starts a program, notes both processes in a file, and waits for that."""

    name = "starts"

    def __init__(self, file: Path) -> None:
        self.file = file

    def problems(self, split: Split, count: int, seed: int) -> list[Problem]:
        return [PROBLEM]

    def score(self, problem: Problem, answer: str) -> float:
        with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as program:
            unfinished = self.file.with_suffix(".part")
            unfinished.write_text(f"{os.getpid()} {program.pid}", encoding="utf-8")
            unfinished.rename(self.file)
            program.wait()
        return 1.0


class Stubborn(Starts):
    """The same, and it cannot be interrupted once its program has started."""

    def score(self, problem: Problem, answer: str) -> float:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        return super().score(problem, answer)


class Hangs(Starts):
    """Notes its process and never comes back from C."""

    def score(self, problem: Problem, answer: str) -> float:
        self.file.write_text(str(os.getpid()), encoding="utf-8")
        return float(max(iter(int, 1)))
