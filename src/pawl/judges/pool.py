"""Scores in processes of their own, several at a time: a score that crashes, hangs in C code or eats the memory costs
its own attempt and nothing else.

Each worker is a fresh interpreter (`pawl.judges.worker`): a copy of this process would hold its threads' locks, and
running the user's script again, as `multiprocessing` does, would start the run again. The task goes there by
cloudpickle, which takes a class of a script or a notebook with it; one made with `pawl.settings` is made anew from its
settings. Nothing is unpickled here.

Not covered: what a score does to files and to the network; a bound on a worker's memory (on Linux it is the first to go
when memory runs out); a score near its time limit, which takes longer where others work beside it; Windows.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from concurrent.futures import Future
from multiprocessing import Pipe
from queue import SimpleQueue
from typing import Any

import cloudpickle

from pawl.config import fields
from pawl.interfaces import Task
from pawl.judges import worker
from pawl.judges.score import NAME
from pawl.judges.worker import GRACE
from pawl.records import Problem, Verdict
from pawl.time_limit import in_words

LONGEST_OPENING = 300.0
"""Seconds in which a worker must have made its task."""
LONGEST_REPLY = 1 << 14
"""Bytes of what a worker says."""
ONE_THREAD: Mapping[str, str] = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS",
     "RAYON_NUM_THREADS"), "1")
"""Workers share the cores among them; so does what they start."""

Job = tuple[bytes, Future[Verdict]]
"""A question, and where its verdict goes."""


class Unfit(Exception):
    """Other processes cannot score this task; the text says why, in words."""


class Pool:
    """Up to `workers` processes that score answers to one task. They end with the pool, or with the program."""

    def __init__(self, task: Task, workers: int, *, time_limit: float, small: bool = False) -> None:
        """`time_limit` in seconds for one score. A `small` pool is unfit for a task that loads torch: each worker would
        load it again, perhaps with a model on a GPU. Its first worker finds out before there are others. Raises Unfit
        for a task that cannot be sent."""
        order = {"path": [path or os.getcwd() for path in sys.path], "time_limit": time_limit, "small": small}
        self._crew = _Crew((json.dumps(order).encode(), _packed(_made_of(task))), time_limit, proven=not small)
        self._workers, self._threads = workers, 0
        self.close = weakref.finalize(self, self._crew.dismiss)

    def score(self, problem: Problem, answer: str) -> Future[Verdict]:
        """The verdict to come. Its `result` raises Unfit where no worker could make the task."""
        verdict = Future[Verdict]()
        try:
            self._crew.jobs.put((_packed((problem, answer)), verdict))
        except Unfit as error:
            verdict.set_exception(error)
            return verdict
        if self._threads < self._workers:
            self._threads += 1
            first = self._threads == 1
            threading.Thread(target=self._crew.serve, args=(first,), name="pawl-scores", daemon=True).start()
        return verdict


def _made_of(task: Task) -> tuple[type | None, Any]:
    """A class and its settings; no class, and the task itself, where it has none."""
    if settings := fields(type(task)):
        return type(task), {setting.name: getattr(task, setting.name) for setting in settings}
    return None, task


def _packed(thing: object) -> bytes:
    """For a worker. Raises Unfit."""
    try:
        packed: bytes = cloudpickle.dumps(thing)
    except Exception as error:  # the classes are the user's, and raise what they like
        raise Unfit(f"it cannot be sent: {in_words(error)}") from error
    return packed


class _Crew:
    """What the threads of a pool share. They know nothing of the pool, so that it can be forgotten."""

    def __init__(self, opening: tuple[bytes, bytes], time_limit: float, *, proven: bool) -> None:
        self.jobs: SimpleQueue[Job | None] = SimpleQueue()
        """None is the last."""
        self._opening, self._time_limit = opening, time_limit
        self._proven = threading.Event()
        """A worker has scored, or could not."""
        if proven:
            self._proven.set()
        self._unfit: Unfit | None = None
        self._workers, self._owner = set[_Worker](), os.getpid()
        self._lock = threading.RLock()  # a pool may be found to be garbage by a thread that holds it

    def serve(self, first: bool) -> None:
        """Answers jobs one after the other with a worker, which is replaced when it has ended."""
        own: _Worker | None = None
        if not first:
            self._proven.wait()
        while job := self.jobs.get():
            question, verdict = job
            try:
                own = own if own and not own.ended else self._hired()
                verdict.set_result(own.verdict_on(question))
            except BaseException as error:  # whoever waits for the verdict hears of it
                if isinstance(error, Unfit):
                    self._unfit = error
                verdict.set_exception(error)
            self._proven.set()
        self.jobs.put(None)  # for the next thread

    def _hired(self) -> _Worker:
        """A worker that has made the task."""
        with self._lock:
            self._workers -= {one for one in self._workers if one.ended}
            if self._unfit is not None:
                raise self._unfit
            try:
                hired = _Worker(self._time_limit)
            except OSError as error:
                raise Unfit(f"no process could be started: {in_words(error)}") from error
            self._workers.add(hired)
        hired.open(self._opening)
        return hired

    def dismiss(self) -> None:
        """Ends every worker."""
        if os.getpid() != self._owner:
            return  # a copy of the process whose workers they are
        with self._lock:
            self._unfit = Unfit("the pool is closed")
            for one in self._workers:
                one.end()
        self._proven.set()
        self.jobs.put(None)


class _Worker:
    """One process, and what is said to it and by it."""

    def __init__(self, time_limit: float) -> None:
        self._time_limit = time_limit
        self._line, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", worker.__file__, str(theirs.fileno())], pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, stdout=2,  # what a score prints is not what the run came to
                env=os.environ | ONE_THREAD, start_new_session=True)  # a group of its own: Ctrl-C is for the run

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    def open(self, opening: tuple[bytes, bytes]) -> None:
        """Has the task made there. Raises Unfit when it cannot be."""
        try:
            for part in opening:
                self._line.send_bytes(part)
            self._said(LONGEST_OPENING)
        except TimeoutError:
            self.end()
            raise Unfit(f"opening it there took longer than {LONGEST_OPENING:g} s") from None
        except OSError:
            raise Unfit(f"opening it there ended the process {self.end()}") from None

    def verdict_on(self, question: bytes) -> Verdict:
        """What the score says, or that its process had to be ended, or ended. Raises Unfit."""
        try:
            self._line.send_bytes(question)
            said = self._said(self._time_limit + GRACE)
        except TimeoutError:
            self.end()
            return Verdict(None, NAME, f"score took longer than {self._time_limit:g} s")
        except OSError:
            return Verdict(None, NAME, f"score ended its process {self.end()}")
        match said:
            case {"score": float(score), "error": None} if 0 <= score <= 1:
                return Verdict(score, NAME)
            case {"score": None, "error": str(error)} if error.isprintable():
                return Verdict(None, NAME, error)
        self.end()
        return Verdict(None, NAME, "score had its process say what is no verdict")

    def _said(self, seconds: float) -> Any:
        """The next thing that it says. Raises TimeoutError, OSError when it ended, and Unfit."""
        if not self._line.poll(seconds):
            raise TimeoutError
        try:
            said = json.loads(self._line.recv_bytes(LONGEST_REPLY))
        except EOFError:
            raise ConnectionResetError from None
        except (ValueError, RecursionError):
            return None
        match said:
            case {"unfit": str(reason)}:
                self.end()
                raise Unfit(reason)
        return said

    def end(self) -> str:
        """Ends it with all that it has started, if it has not ended yet; says how it ended."""
        if not self.ended:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS forbids it where all have ended
                os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        return f"with exit code {code}" if code >= 0 else f"with {signal.Signals(-code).name}"
